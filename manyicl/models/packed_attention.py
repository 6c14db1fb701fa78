"""Attention over a packed row, sequence by sequence: no T x T mask, no work between sequences.

With restarting `position_ids` transformers builds a dense mask over the whole row, and SDPA then
computes every pair of tokens, with kernels for arbitrary masks. Here sequences of similar length
are gathered into a batch, padded at the right. A causal query never meets padding behind it, so the
batch needs no mask and takes SDPA's causal kernels (FlashAttention's on a GPU).

    row  a a a a a b b b b b b c c        [T]
    ->   a a a a a .                      [2, 6]  one group
         b b b b b b
         c c                              [1, 2]  another
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from manyicl.models.forward import logits_at, trial_ids, tried, without_adapter

NAME = "sdpa_by_sequence"
TRIED = (9, 24, 7, 2)  # tokens of the sequences that a model is tried on
SHORTEST = 0.75  # of a group's longest sequence: less padding against fewer kernel calls
# Under autocast, up to this length, a processor computes attention in fp32: its bf16 kernel works
# in blocks of hundreds of places. With AMX the bf16 backward pass over 25 sequences of 80 tokens
# takes 57 ms, the fp32 one 12 (over 6 of 320 tokens 32 and 25; 4 heads of 64, one thread).
SHORT_ON_CPU = 256

MaskFunction = Callable[..., torch.Tensor]
"""Whether a query sees a key, by index tensors (batch, head, query, key) that broadcast."""


@dataclass(frozen=True)
class Group:
    """Sequences computed as one batch. `mask`: (L, L) where being causal does not say it all."""

    number: int
    longest: int
    mask: torch.Tensor | None


@dataclass(frozen=True)
class SequenceGroups:
    """A packed row of T tokens as groups of sequences, in place of an attention mask.

    `tokens` (P,): the row's token at every place of the padded groups, one after another; padding
    repeats a token of its sequence. `places` (T,): where each token of the row stands in there.
    """

    groups: tuple[Group, ...]
    tokens: torch.Tensor
    places: torch.Tensor

    @classmethod
    def of(
        cls, lengths: Sequence[int], device: Any, mask_of: Callable[[int, int], Any]
    ) -> SequenceGroups:
        """Group the sequences of a row. `mask_of(start, stop)` is the mask inside a sequence."""
        starts = [0]
        for length in lengths:
            starts.append(starts[-1] + length)
        order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
        parts: list[list[int]] = []
        for index in order:
            if parts and lengths[index] >= SHORTEST * lengths[parts[-1][0]]:
                parts[-1].append(index)
            else:
                parts.append([index])
        groups, tokens, places, filled = [], [], torch.empty(starts[-1], dtype=torch.long), 0
        for part in parts:
            longest = lengths[part[0]]
            first = starts[part[0]]
            groups.append(Group(len(part), longest, mask_of(first, first + longest)))
            for index in part:
                start, length = starts[index], lengths[index]
                inside = torch.arange(longest)
                tokens.append(start + inside.clamp(max=length - 1))
                places[start : start + length] = filled + inside[:length]
                filled += longest
        return cls(tuple(groups), torch.cat(tokens).to(device), places.to(device))


class _Pad(torch.autograd.Function):
    """`apply(row [T, ...], tokens [P], places [T])` -> padded [P, ...]."""

    @staticmethod
    def forward(ctx: Any, row: torch.Tensor, tokens: torch.Tensor, places: torch.Tensor) -> Any:
        ctx.save_for_backward(places)
        return row.index_select(0, tokens)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (places,) = ctx.saved_tensors
        return grads[0].index_select(0, places), None, None  # padding passes nothing on


class _Unpad(torch.autograd.Function):
    """`apply(padded [P, ...], places [T])` -> row [T, ...]."""

    @staticmethod
    def forward(ctx: Any, padded: torch.Tensor, places: torch.Tensor) -> Any:
        ctx.save_for_backward(places)
        ctx.shape = padded.shape
        return padded.index_select(0, places)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (places,) = ctx.saved_tensors
        return grads[0].new_zeros(ctx.shape).index_copy_(0, places, grads[0]), None


def attention_by_sequence(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    **arguments: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' SDPA attention, once for each group of a packed row.

    `query` (1, H, T, D), `key` and `value` (1, H', T, D); returns (1, T, H, D). Any mask that is no
    `SequenceGroups` is transformers' own and goes there.
    """
    if not isinstance(attention_mask, SequenceGroups):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **arguments)
    if arguments.get("position_bias") is not None:
        raise NotImplementedError("a bias over the whole row")
    row = attention_mask
    padded = [
        _Pad.apply(states[0].transpose(0, 1), row.tokens, row.places)
        for states in (query, key, value)
    ]
    arguments = {name: value for name, value in arguments.items() if name != "is_causal"}
    found, start = [], 0
    for group in row.groups:
        stop = start + group.number * group.longest
        states = [
            part[start:stop].unflatten(0, (group.number, group.longest)).transpose(1, 2)
            for part in padded
        ]
        found.append(_attend(module, states, group, arguments).flatten(0, 1))
        start = stop
    return _Unpad.apply(torch.cat(found), row.places)[None], None


def _attend(
    module: torch.nn.Module, states: list[torch.Tensor], group: Group, arguments: dict[str, Any]
) -> torch.Tensor:
    """Return (N, L, H, D), the attention of a group's `states` (N, H, L, D)."""
    kind = states[0].device.type
    short = kind == "cpu" and group.longest <= SHORT_ON_CPU and torch.is_autocast_enabled(kind)
    with torch.autocast(kind, enabled=False) if short else nullcontext():
        q, k, v = (part.float() for part in states) if short else states
        out, _ = sdpa_attention_forward(module, q, k, v, group.mask, is_causal=True, **arguments)
    return out.to(torch.get_autocast_dtype(kind)) if short else out


def groups_or_mask(
    *,
    batch_size: int,
    q_length: int,
    kv_length: int,
    mask_function: MaskFunction,
    q_offset: int = 0,
    kv_offset: int = 0,
    attention_mask: torch.Tensor | None = None,
    local_size: int | None = None,
    allow_is_causal_skip: bool = True,
    use_vmap: bool = False,
    device: Any = "cpu",
    **arguments: Any,
) -> Any:
    """Return the `SequenceGroups` of a packed row, and for all else transformers' SDPA mask.

    The sequences are found by asking the mask function, so a model's windows and chunks (anything
    that has a `local_size`) are what they are in the dense mask.
    """
    if (
        not allow_is_causal_skip  # set for packed rows, among others
        and not use_vmap
        and attention_mask is None
        and batch_size == 1
        and q_length == kv_length > 1
        and not torch.is_tensor(q_offset)
        and q_offset == kv_offset == 0
    ):
        lengths = _sequence_lengths(mask_function, q_length, device)
        if lengths:

            def mask_of(start: int, stop: int) -> torch.Tensor | None:
                if local_size is None or stop - start <= local_size:
                    return None
                inside, zero = torch.arange(start, stop, device=device), _zero(device)
                return mask_function(zero, zero, inside[:, None], inside)[None, None]

            return SequenceGroups.of(lengths, device, mask_of)
    return sdpa_mask(
        batch_size=batch_size,
        q_length=q_length,
        kv_length=kv_length,
        q_offset=q_offset,
        kv_offset=kv_offset,
        mask_function=mask_function,
        attention_mask=attention_mask,
        local_size=local_size,
        allow_is_causal_skip=allow_is_causal_skip,
        use_vmap=use_vmap,
        device=device,
        **arguments,
    )


def _sequence_lengths(mask_function: MaskFunction, length: int, device: Any) -> list[int]:
    """Return the lengths of the sequences of a row, none if it is one or sees what comes after."""
    before, zero = torch.arange(length - 1, device=device), _zero(device)
    begins = ~mask_function(zero, zero, before + 1, before)
    ahead = mask_function(zero, zero, before, before + 1).any()
    starts = torch.where(ahead, False, begins).nonzero()[:, 0].tolist()  # one wait for the device
    if not starts:
        return []
    return [b - a for a, b in pairwise([0, *(start + 1 for start in starts), length])]


def _zero(device: Any) -> torch.Tensor:
    return torch.zeros((), dtype=torch.long, device=device)


AttentionInterface.register(NAME, attention_by_sequence)
AttentionMaskInterface.register(NAME, groups_or_mask)


@contextmanager
def packed_attention(model: Any) -> Iterator[bool]:
    """Compute packed rows sequence by sequence inside the block, where the model can do it.

    Yields whether it can, which is tried: a packed row must give the logits that its sequences give
    alone. Where it does not, and with every back end but SDPA, the model stays as it is.
    """
    inner = without_adapter(model)
    attention = inner.config._attn_implementation
    if attention != "sdpa" or not inner._can_set_attn_implementation():
        yield False
        return
    alone = _logits(model, TRIED, together=False)
    inner.set_attn_implementation(NAME)
    try:
        same = _equal(_logits(model, TRIED, together=True), alone)
    except Exception:  # whatever a model does with a mask of its own, it did not expect this one
        same = False
    if not same:
        inner.set_attn_implementation(attention)
    try:
        yield same
    finally:
        inner.set_attn_implementation(attention)


def _equal(found: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Compare next-token distributions: half the sum of their differences, at most 1."""
    exact = wanted.dtype == torch.float32
    difference = found.float().softmax(-1) - wanted.float().softmax(-1)
    return difference.abs().sum(-1).max().item() / 2 < (1e-4 if exact else 0.05)


def _logits(model: Any, lengths: Sequence[int], *, together: bool) -> torch.Tensor:
    ids = trial_ids(model, sum(lengths))
    positions = [torch.arange(length, device=model.device) for length in lengths]
    parts = list(zip(ids.split(list(lengths)), positions, strict=True))
    if together:
        parts = [(ids, torch.cat(positions))]
    with tried(model):
        return torch.cat(
            [
                logits_at(
                    model,
                    torch.arange(len(part), device=model.device),
                    input_ids=part[None],
                    position_ids=position[None],
                    use_cache=False,
                )
                for part, position in parts
            ]
        )
