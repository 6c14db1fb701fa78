"""Prefixes: demonstrations computed once, then shared by every query and option.

A `Prefix` holds the keys and values of opening and demonstrations, can be cropped to fewer shots,
and can be saved, bound to the model, adapter, tokenizer, template and token ids it came from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from manyicl.episodes import EncodedSequence
from manyicl.errors import PrefixError
from manyicl.models import logits_at

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

FORMAT = "manyicl-prefix-1"


@dataclass
class Prefix:
    """Opening and demonstrations, computed. P = `len(prefix)` tokens.

    `stops[k]` is the length of the first k demonstrations. `cache` is None where a model's cache
    cannot be shared; then every query recomputes the ids (exact, only slower).
    """

    ids: list[int]
    stops: tuple[int, ...]
    cache: DynamicCache | None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def num_shots(self) -> int:
        return len(self.stops) - 1

    def crop(self, num_shots: int) -> None:
        """Keep the first `num_shots` demonstrations. They were computed without the later ones."""
        if not 0 <= num_shots <= self.num_shots:
            raise ValueError(f"cannot crop {self.num_shots} shots to {num_shots}")
        length = self.stops[num_shots]
        if self.cache is not None:
            drop_last(self.cache, len(self.ids) - length)
        self.ids, self.stops = self.ids[:length], self.stops[: num_shots + 1]


@torch.inference_mode()
def prefill(model: PreTrainedModel, sequence: EncodedSequence, *, cached: bool = True) -> Prefix:
    """Compute a prefix. `sequence` must have been joined with `trailing_separator=True`."""
    if not cached or not sequence.input_ids:
        cache = new_cache() if cached else None
        return Prefix(list(sequence.input_ids), sequence.stops, cache)
    cache = new_cache()
    ids = torch.tensor([sequence.input_ids], device=model.device)
    positions = torch.arange(ids.shape[1], device=model.device)[None]
    last = torch.tensor([ids.shape[1] - 1], device=model.device)
    logits_at(
        model, last, input_ids=ids, position_ids=positions, past_key_values=cache, use_cache=True
    )
    return Prefix(list(sequence.input_ids), sequence.stops, cache)


def new_cache() -> DynamicCache:
    """Return a cache that keeps every token in every layer, sliding-window layers included.

    Windows are applied by our masks; a cache that forgets could not be cropped.
    """
    from transformers import DynamicCache

    return DynamicCache()


def drop_last(cache: DynamicCache, num_tokens: int) -> None:
    """Take the last tokens off a cache again."""
    if num_tokens:
        cache.crop(-num_tokens)


def save_prefix(prefix: Prefix, path: str | Path, *, model: str, encoder: str) -> None:
    """Write a prefix as safetensors. `model` and `encoder` are the identities it is bound to."""
    from safetensors.torch import save_file

    if prefix.cache is None:
        raise PrefixError(
            f"{path}: this model's cache cannot be shared, so there is nothing to save."
        )
    path = Path(path)
    tensors = {"ids": torch.tensor(prefix.ids, dtype=torch.int32)}
    layers: list[Any] = prefix.cache.layers
    for index, layer in enumerate(layers):
        if layer.keys is not None and layer.keys.numel():
            tensors[f"layers.{index}.keys"] = layer.keys.contiguous()
            tensors[f"layers.{index}.values"] = layer.values.contiguous()
    metadata = {
        "format": FORMAT,
        "model": model,
        "encoder": encoder,
        "stops": json.dumps(prefix.stops),
        "layers": str(len(prefix.cache.layers)),
    }
    part = path.with_name(path.name + ".part")
    save_file(tensors, part, metadata=metadata)
    part.replace(path)


def load_prefix(
    path: str | Path, *, model: str, encoder: str, device: torch.device | str = "cpu"
) -> Prefix:
    """Read a saved prefix. Raises `PrefixError` if it belongs to another model or tokenizer."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            metadata: dict[str, Any] = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise PrefixError(f"{path}: cannot be read as a saved prefix ({error}).") from None
    if metadata.get("format") != FORMAT:
        raise PrefixError(f"{path}: is no saved prefix of this version ({FORMAT}).")
    for name, ours, part in (
        ("model", model, "model or adapter weights"),
        ("encoder", encoder, "tokenizer or template"),
    ):
        if metadata[name] != ours:
            raise PrefixError(
                f"{path}: was computed with other {part}, so its answers would be wrong. "
                "Compute the prefix again with this model."
            )
    cache = new_cache()
    for index in range(int(metadata["layers"])):
        if f"layers.{index}.keys" in tensors:
            cache.update(tensors[f"layers.{index}.keys"], tensors[f"layers.{index}.values"], index)
    return Prefix(tensors["ids"].tolist(), tuple(json.loads(metadata["stops"])), cache)
