"""Branches: many continuations of one prefix computed in a single row, none seeing another.

    prefix ──┬── query 1 ──┬── option A
             │             └── option B
             └── query 2 ──── ...

The row holds all branches one after another; a mask lets each token see the prefix, its own branch
up to itself, and its parent branch. Positions continue from the prefix, so every branch computes
what it would compute alone. The prefix is neither copied per branch nor recomputed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from manyicl.inference.prefix import Prefix
from manyicl.models import logits_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ATTENTION_TYPES = {"full_attention", "sliding_attention"}


@dataclass(frozen=True)
class Branch:
    """Tokens that follow the prefix, or follow the branch with index `parent` in the same row."""

    ids: Sequence[int]
    parent: int | None = None


@dataclass
class Row:
    """Branches laid out in a row of T tokens; everything the model and the mask need to know."""

    ids: list[int]
    positions: list[int]
    owners: list[int]  # branch of each token
    parents: list[int]  # of each branch; itself where it has none

    @classmethod
    def of(cls, branches: Sequence[Branch], prefix_length: int) -> Row:
        row = cls([], [], [], [])
        for index, branch in enumerate(branches):
            start = prefix_length
            if branch.parent is not None:
                start += len(branches[branch.parent].ids)
            row.ids += branch.ids
            row.positions += range(start, start + len(branch.ids))
            row.owners += [index] * len(branch.ids)
            row.parents.append(index if branch.parent is None else branch.parent)
        return row


def visible(row: Row, prefix_length: int, num_queries: int, device: Any) -> torch.Tensor:
    """Return which tokens each of the row's last `num_queries` tokens may see.

    Shape (num_queries, P + T), bool; columns are the prefix, then the row in order.
    """
    owners = torch.tensor(row.owners, device=device)
    parents = torch.tensor(row.parents, device=device)
    total = len(row.owners)
    index = torch.arange(total, device=device)
    own = owners[-num_queries:, None]
    same = (owners[None] == own) | (owners[None] == parents[own])
    causal = index[None] <= index[-num_queries:, None]
    prefix = torch.ones(num_queries, prefix_length, dtype=torch.bool, device=device)
    return torch.cat([prefix, same & causal], dim=1)


def forward_row(
    model: PreTrainedModel, prefix: Prefix, row: Row, num_new: int, keep: torch.Tensor
) -> torch.Tensor:
    """Run the row's last `num_new` tokens on the prefix's cache; return logits at `keep` (N, V).

    The cache grows by `num_new` tokens; `keep` counts within them. The row's earlier tokens must
    be in the cache already.
    """
    device = model.device
    seen = visible(row, len(prefix), num_new, device)
    positions = torch.tensor(row.positions, device=device)
    key_positions = torch.cat([torch.arange(len(prefix), device=device), positions])
    new_positions = positions[-num_new:]
    return logits_at(
        model,
        keep.to(device),
        input_ids=torch.tensor([row.ids[-num_new:]], device=device),
        position_ids=new_positions[None],
        attention_mask=_mask(model, seen, new_positions, key_positions),
        past_key_values=prefix.cache,
        use_cache=True,
    ).float()


def shareable(model: PreTrainedModel) -> str | None:
    """Return why a model's cache cannot be shared between branches, or None if it can."""
    config: Any = model.config.get_text_config()
    types = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not types <= ATTENTION_TYPES:
        return f"layers of type {', '.join(sorted(types - ATTENTION_TYPES))} keep no token cache"
    attention = config._attn_implementation
    if attention not in ("sdpa", "eager"):
        return f"attention back end {attention!r} takes no custom mask"
    return None


def _mask(
    model: PreTrainedModel, seen: torch.Tensor, queries: torch.Tensor, keys: torch.Tensor
) -> Any:
    """Return `seen` in the form the model's layers take, windows applied where layers have one."""
    config: Any = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    if not getattr(config, "use_sliding_window", True):
        window = None
    types = set(getattr(config, "layer_types", None) or [])
    if not types:
        types = {"sliding_attention" if window else "full_attention"}
    masks: dict[str, torch.Tensor] = {}
    for kind in types:
        mask = seen
        if kind == "sliding_attention" and window:
            mask = seen & (keys[None] > queries[:, None] - window)
        masks[kind] = _as_attention_mask(mask, model)
    return masks if len(masks) > 1 else next(iter(masks.values()))


def _as_attention_mask(mask: torch.Tensor, model: PreTrainedModel) -> torch.Tensor:
    config: Any = model.config.get_text_config()
    mask = mask[None, None]
    if config._attn_implementation == "eager":  # adds the mask to the scores
        lowest = torch.finfo(model.dtype).min
        return torch.zeros(mask.shape, dtype=model.dtype, device=mask.device).masked_fill(
            ~mask, lowest
        )
    return mask
