"""Prefixes: demonstrations computed once, then shared by every query and option.

A `Prefix` holds the keys and values of opening and demonstrations, can be shown in part (its first
shots), and can be saved, bound to the model, adapter, tokenizer, template and token ids it came
from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import xxhash

from manyicl.errors import PrefixError
from manyicl.files import file_beside
from manyicl.inference.layers import STORAGES, Layers

FORMAT = "manyicl-prefix-2"


@dataclass
class Prefix:
    """Opening and demonstrations, computed. P = `len(prefix)` tokens.

    `stops[k]` is the length of the first k demonstrations. `layers` is None where a model's
    prefixes cannot be shared; then every query recomputes the ids (exact, only slower). `layers`
    may hold more tokens than the prefix has: a part of a prefix is a view of the whole.
    """

    ids: list[int]
    stops: tuple[int, ...]
    layers: Layers | None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def num_shots(self) -> int:
        return len(self.stops) - 1

    @property
    def num_bytes(self) -> int:
        """Bytes that keys and values take; views of one prefix share them."""
        return self.layers.num_bytes if self.layers else 0

    def first(self, num_shots: int) -> Prefix:
        """Return the first `num_shots` demonstrations: a view, as they were computed without the
        later ones."""
        if not 0 <= num_shots <= self.num_shots:
            raise ValueError(f"cannot take {num_shots} of {self.num_shots} shots")
        stops = self.stops[: num_shots + 1]
        return Prefix(self.ids[: stops[-1]], stops, self.layers)

    def shows_the_same(self, other: Prefix) -> bool:
        """Whether both are the same tokens of the same computation."""
        return self is other or (
            self.layers is not None and self.layers is other.layers and len(self) == len(other)
        )


def save_prefix(prefix: Prefix, path: str | Path, *, model: str, encoder: str) -> None:
    """Write a prefix as safetensors. `model` and `encoder` are the identities it is bound to."""
    from safetensors.torch import save_file

    if prefix.layers is None:
        raise PrefixError(
            f"{path}: this model's prefixes cannot be shared, so there is nothing to save."
        )
    path = Path(path)
    tensors = prefix.layers.tensors(len(prefix))
    tensors["ids"] = torch.tensor(prefix.ids, dtype=torch.int32)
    metadata = {
        "format": FORMAT,
        "model": model,
        "encoder": encoder,
        "stops": json.dumps(prefix.stops),
        "storage": prefix.layers.storage,
        "digest": _digest(tensors),
    }
    with file_beside(path) as part:
        save_file(tensors, part, metadata=metadata)


def load_prefix(
    path: str | Path,
    *,
    model: str,
    encoder: str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Prefix:
    """Read a saved prefix for a model that computes on `device` in `dtype`.

    Raises `PrefixError` if it belongs to another model or tokenizer.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata: dict[str, Any] = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise PrefixError(
            f"{path}: cannot be read as a saved prefix ({error}). Name a "
            "new file, and the prefix is computed."
        ) from None
    if metadata.get("format") != FORMAT or metadata.get("storage") not in STORAGES:
        raise PrefixError(
            f"{path}: is no saved prefix of this version ({FORMAT}). Name a new file, and the "
            "prefix is computed."
        )
    for name, ours, part in (
        ("model", model, "model or adapter weights"),
        ("encoder", encoder, "tokenizer or template"),
    ):
        if metadata.get(name) != ours:
            raise PrefixError(
                f"{path}: was computed with other {part}, so its answers would be wrong. "
                "Compute the prefix again with this model."
            )
    if metadata.get("digest") != _digest(tensors):
        raise PrefixError(
            f"{path}: is damaged (its contents are not what was written). Remove it or name a new "
            "file, and the prefix is computed again."
        )
    try:
        ids, stops = tensors.pop("ids").tolist(), tuple(json.loads(metadata["stops"]))
        layers = Layers.of_tensors(tensors, metadata["storage"], dtype, torch.device(device))
    except (KeyError, ValueError) as error:
        raise PrefixError(
            f"{path}: is damaged ({error} is missing or no number). Remove it or name a new file, "
            "and the prefix is computed again."
        ) from None
    return Prefix(ids, stops, layers)


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return a hash of names and contents."""
    digest = xxhash.xxh3_128()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        flat = tensor.detach().cpu().contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
