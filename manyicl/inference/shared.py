"""One forward pass over branches: attention to shared prefixes and inside branches, joined.

The model runs unchanged; only its attention function is exchanged for the time of the pass, through
transformers' attention interface. It computes, for every layer,

    attention to the prefix   all tokens of a segment at once; keys and values are read in place
    attention in the branch   branches side by side, padded to the longest
    joined by their normalisers (attention.py)

which equals attention to the whole prompt. No cache object takes part, so nothing is copied and
nothing has to be cropped afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from manyicl.inference.attention import attend, join
from manyicl.inference.branches import BranchRow, PrefixRun
from manyicl.inference.layers import Layers
from manyicl.models import logits_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "manyicl_shared_prefix"
IMPLEMENTATION = "_attn_implementation_internal"  # where a config keeps its attention
ATTENTION_TYPES = {"full_attention", "sliding_attention"}
ROPE_OF_LENGTH = {"dynamic", "longrope"}  # angles that depend on how long the whole input is
CHANGES_SCORES = ("s_aux", "position_bias")  # arguments of attention functions that ours lacks

_lock = threading.RLock()  # the attention function of a model is exchanged for one pass at a time
_passes: list[Pass] = []


class NotShareableError(RuntimeError):
    """A model whose attention cannot be computed in parts."""


def run_row(
    model: PreTrainedModel,
    row: BranchRow,
    keep: Tensor,
    *,
    grown: Grown | None = None,
    record: tuple[Layers, int] | None = None,
) -> Tensor:
    """Run a row's tokens; return the logits at its positions `keep` (N, V), fp32.

    `grown` holds what the branches computed before, and gets what they compute now. `record` gets
    keys and values of the row, one branch, at a position of a prefix. Raises `NotShareableError`.
    """
    with _exchanged(model, Pass(model, row, grown, record)) as this:
        logits = logits_at(
            model,
            keep,
            input_ids=row.ids[None],
            position_ids=row.positions[None],
            use_cache=False,
        ).float()
    if this.layers != set(range(model.config.get_text_config().num_hidden_layers)):
        raise NotShareableError("its layers do not all compute attention through the interface")
    return logits


def unshareable(model: PreTrainedModel) -> str | None:
    """Return why a model's prefixes cannot be shared, as far as its config tells, or None."""
    config = model.config.get_text_config()
    types = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not types <= ATTENTION_TYPES:
        return f"layers of type {', '.join(sorted(types - ATTENTION_TYPES))} keep no token cache"
    rope = getattr(config, "rope_parameters", None) or {}
    nested = [part for part in rope.values() if isinstance(part, dict)]  # one for each layer type
    for kind in sorted({str(part.get("rope_type")) for part in (rope, *nested)} & ROPE_OF_LENGTH):
        return f"rotary angles of type {kind!r} depend on the length of the whole prompt"
    return None


class Pass:
    """What the attention function needs to know during one forward pass."""

    def __init__(
        self,
        model: PreTrainedModel,
        row: BranchRow,
        grown: Grown | None,
        record: tuple[Layers, int] | None,
    ):
        self.row, self.grown, self.record = row, grown, record
        self.windows = _windows(model)
        self.layers: set[int] = set()

    def attention(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        scale: float,
        softcap: float | None,
    ) -> Tensor:
        """Return attention output (1, H, T, D) of the row's tokens."""
        self.layers.add(layer)
        window = self.windows[layer]
        if self.record:
            layers, start = self.record
            layers.write(layer, start, key, value)
        if self.grown and self.grown.begun(layer):
            own = self.grown.attention(layer, query, key, value, scale, softcap, window)
        else:
            own = self._in_branches(layer, query, key, value, scale, softcap, window)
        if not any(len(segment.prefix) for segment in self.row.segments):
            return own[0]
        return join([own, self._to_prefixes(layer, query, scale, softcap, window)])

    def _in_branches(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        scale: float,
        softcap: float | None,
        window: int | None,
    ) -> tuple[Tensor, Tensor]:
        row = self.row
        if len(row.slots) == 1:  # nothing to pad
            query_GL, key_GL, value_GL = query, key, value
        else:
            query_GL, key_GL, value_GL = (_padded(t, row.slots) for t in (query, key, value))
        if self.grown:
            self.grown.begin(layer, key_GL, value_GL)
        mask, longest = row.ancestors, row.slots.shape[1]
        if window and longest > window:
            at = _padded(row.positions[None, None, :, None], row.slots)[:, :, :, 0]
            near = at[..., None, :] > at[..., None] - window
            lower = torch.ones(longest, longest, dtype=torch.bool, device=at.device).tril()
            mask = (lower if mask is None else mask) & near
            mask |= torch.eye(longest, dtype=torch.bool, device=at.device)  # padding: itself
        output, log_sum = attend(
            query_GL,
            key_GL,
            value_GL,
            scale=scale,
            causal=mask is None,
            mask=mask,
            softcap=softcap,
        )
        if len(row.slots) == 1:
            return output, log_sum
        return _unpadded(output, row.places), _unpadded(log_sum[..., None], row.places)[..., 0]

    def _to_prefixes(
        self, layer: int, query: Tensor, scale: float, softcap: float | None, window: int | None
    ) -> tuple[Tensor, Tensor]:
        parts = [
            self._to_prefix(segment, layer, query, scale, softcap, window)
            for segment in self.row.segments
        ]
        if len(parts) == 1:
            return parts[0]
        outputs, log_sums = zip(*parts, strict=True)
        return torch.cat(outputs, 2), torch.cat(log_sums, 2)

    def _to_prefix(
        self,
        segment: PrefixRun,
        layer: int,
        query: Tensor,
        scale: float,
        softcap: float | None,
        window: int | None,
    ) -> tuple[Tensor, Tensor]:
        query = query[:, :, segment.start : segment.stop]
        first, stop, mask = 0, len(segment.prefix), None
        if window:
            oldest = self.row.positions[segment.start : segment.stop] - window + 1
            first = max(0, int(oldest.min()))
            if int(oldest.max()) > first and first < stop:
                at = torch.arange(first, stop, device=oldest.device)
                mask = (at >= oldest[:, None])[None, None]
        if first >= stop:
            return query.new_zeros(query.shape), query.new_full(
                query.shape[:-1], -torch.inf, dtype=torch.float32
            )
        assert segment.prefix.layers is not None
        key, value = segment.prefix.layers.read(layer, first, stop)
        return attend(query, key, value, scale=scale, mask=mask, softcap=softcap)


class Grown:
    """Keys and values that G branches have of their own, while answers grow token by token.

    `room` is how many tokens a branch may grow beyond its prompt.
    """

    def __init__(self, lengths: Tensor, room: int):
        self.lengths, self.room = lengths, room  # (G,), tokens there are
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}  # of layers: (G, J, C, D) each

    def begun(self, layer: int) -> bool:
        return layer in self._kept

    def begin(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Take over the prompts' keys and values (G, J, L, D)."""
        longest = key.shape[2] + self.room
        self._kept[layer] = _lengthened(key, longest), _lengthened(value, longest)

    def grow(self) -> None:
        """Count the token that every branch has just got."""
        self.lengths = self.lengths + 1

    def keep(self, branches: Tensor) -> None:
        """Go on with these branches (indices, in order) only."""
        self.lengths = self.lengths[branches]
        for layer, (key, value) in self._kept.items():
            self._kept[layer] = key[branches], value[branches]

    @classmethod
    def together(cls, parts: list[Grown]) -> Grown:
        """Return branches that were begun apart as one."""
        if len(parts) == 1:
            return parts[0]
        whole = cls(torch.cat([part.lengths for part in parts]), parts[0].room)
        for layer in parts[0]._kept:
            pairs = [part._kept[layer] for part in parts]
            longest = max(key.shape[2] for key, _ in pairs)
            whole._kept[layer] = (
                torch.cat([_lengthened(key, longest) for key, _ in pairs]),
                torch.cat([_lengthened(value, longest) for _, value in pairs]),
            )
        return whole

    def attention(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        scale: float,
        softcap: float | None,
        window: int | None,
    ) -> tuple[Tensor, Tensor]:
        """Return output (1, H, G, D) and log-sums (1, H, G) of one new token a branch."""
        keys, values = self._kept[layer]
        index = torch.arange(len(self.lengths), device=self.lengths.device)
        keys[index, :, self.lengths] = key[0].transpose(0, 1)
        values[index, :, self.lengths] = value[0].transpose(0, 1)
        filled = int(self.lengths.max()) + 1
        at = torch.arange(filled, device=self.lengths.device)
        mask = at <= self.lengths[:, None]
        if window:
            mask &= at > self.lengths[:, None] - window
        output, log_sum = attend(
            query[0].transpose(0, 1)[:, :, None],
            keys[:, :, :filled],
            values[:, :, :filled],
            scale=scale,
            mask=mask[:, None, None],
            softcap=softcap,
        )
        return output[:, :, 0].transpose(0, 1)[None], log_sum[:, :, 0].transpose(0, 1)[None]


def _attention_function(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    **arguments: Any,
) -> tuple[Tensor, None]:
    """What transformers' layers call during a pass: (1, H, T, D) in, (1, T, H, D) out."""
    if attention_mask is not None:  # nobody made one for us: it is the model's own
        raise NotShareableError("its layers make attention masks of their own")
    for name in CHANGES_SCORES:
        if arguments.get(name) is not None:
            raise NotShareableError(f"its attention takes {name}")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    output = _passes[-1].attention(module.layer_idx, query, key, value, scale, softcap)
    return output.transpose(1, 2), None


@contextmanager
def _exchanged(model: PreTrainedModel, this: Pass) -> Iterator[Pass]:
    """Let the model's layers call our attention function inside the block."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _attention_function)
    with _lock:
        configs = {id(c): c for m in model.modules() if (c := getattr(m, "config", None))}
        before = {key: getattr(c, IMPLEMENTATION, None) for key, c in configs.items()}
        for config in configs.values():
            setattr(config, IMPLEMENTATION, NAME)
        _passes.append(this)
        try:
            yield this
        finally:
            _passes.pop()
            for key, config in configs.items():
                setattr(config, IMPLEMENTATION, before[key])


def _windows(model: PreTrainedModel) -> list[int | None]:
    """Return how many tokens back each layer looks, its own included; None: all."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    if not getattr(config, "use_sliding_window", True):
        window = None
    kind = "sliding_attention" if window else "full_attention"
    types = getattr(config, "layer_types", None) or [kind] * config.num_hidden_layers
    return [window if kind == "sliding_attention" else None for kind in types]


def _padded(tensor: Tensor, slots: Tensor) -> Tensor:
    """Return tokens (1, H, T, D) as branches (G, H, L, D); padding repeats the last token."""
    index = slots.clamp(max=tensor.shape[2] - 1)
    return tensor[0].transpose(0, 1)[index].transpose(1, 2)


def _unpadded(tensor: Tensor, places: Tensor) -> Tensor:
    """Return branches (G, H, L, D) as tokens (1, H, T, D)."""
    return tensor.transpose(1, 2).flatten(0, 1)[places].transpose(0, 1)[None]


def _lengthened(tensor: Tensor, length: int) -> Tensor:
    """Return (G, J, C, D) with C filled up to `length`."""
    return torch.nn.functional.pad(tensor, (0, 0, 0, length - tensor.shape[2]))
