"""Branches: many continuations of prefixes in a single row of tokens, none seeing another.

    prefix ──┬── query 1 ──┬── option A
             │             └── option B        one branch: a query and the tree of its options
             └── query 2 ──── ...

    prefix, its first 8 shots only ── query 1 ── ...

A row holds branches one after another. Each token sees its branch's prefix (or as many of its
tokens as the branch is shown) and what leads to it inside the branch, at the positions it would
have alone; so it computes what it would compute alone. What two branches share of a prefix is
neither copied nor computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from manyicl.inference.prefix import Prefix


@dataclass(frozen=True)
class Branch:
    """Tokens that follow a prefix. `parents[i]` is the token that token i follows inside the
    branch, -1 for the first; None: each follows the one before it."""

    prefix: Prefix
    ids: Sequence[int]
    parents: Sequence[int] | None = None


@dataclass(frozen=True)
class PrefixRun:
    """Tokens `start` to `stop` of a row, which see the same tokens of the same prefix."""

    prefix: Prefix
    start: int
    stop: int


@dataclass(frozen=True)
class BranchRow:
    """Branches as a row of T tokens; G branches, the longest of L tokens."""

    ids: torch.Tensor  # (T,)
    positions: torch.Tensor  # (T,)
    segments: list[PrefixRun]
    lengths: torch.Tensor  # (G,)
    slots: torch.Tensor  # (G, L), index of the token in the row, T where a branch is shorter
    places: torch.Tensor  # (T,), index of the token in the flattened slots
    ancestors: torch.Tensor | None  # (G, 1, L, L), bool: who leads to whom; None where all do
    starts: list[int] = field(default_factory=list)  # of the branches in the row

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of_next_tokens(
        cls, ids: Sequence[int], depths: Sequence[int], prefixes: Sequence[Prefix], device: Any
    ) -> BranchRow:
        """Lay out one further token for each branch, at its depth in the branch."""
        at = torch.arange(len(ids), device=device)
        row = cls.of([Branch(p, [i]) for i, p in zip(ids, prefixes, strict=True)], device)
        positions = row.positions + torch.tensor(depths, device=device)
        return replace(row, positions=positions, slots=at[:, None], places=at)

    @classmethod
    def of(cls, branches: Sequence[Branch], device: torch.device | str = "cpu") -> BranchRow:
        """Lay out branches; those of one prefix should stand together."""
        lengths = np.array([len(branch.ids) for branch in branches])
        starts = np.concatenate([[0], np.cumsum(lengths)])
        total, longest = int(starts[-1]), int(lengths.max())
        within = np.arange(longest)
        slots = np.where(within < lengths[:, None], starts[:-1, None] + within, total)
        depths = np.concatenate([_depths(branch) for branch in branches])
        prefixes = np.repeat([len(branch.prefix) for branch in branches], lengths)
        return cls(
            ids=torch.tensor([i for branch in branches for i in branch.ids], device=device),
            positions=torch.from_numpy(prefixes + depths).to(device),
            segments=_segments(branches, starts),
            lengths=torch.from_numpy(lengths).to(device),
            slots=torch.from_numpy(slots).to(device),
            places=torch.from_numpy(np.flatnonzero(slots < total)).to(device),
            ancestors=_ancestors(branches, longest, device),
            starts=starts[:-1].tolist(),
        )


def _depths(branch: Branch) -> np.ndarray:
    if branch.parents is None:
        return np.arange(len(branch.ids))
    depths = np.zeros(len(branch.ids), dtype=np.int64)
    for token, parent in enumerate(branch.parents):
        depths[token] = depths[parent] + 1 if parent >= 0 else 0
    return depths


def _segments(branches: Sequence[Branch], starts: np.ndarray) -> list[PrefixRun]:
    segments: list[PrefixRun] = []
    for index, branch in enumerate(branches):
        start, stop = int(starts[index]), int(starts[index + 1])
        if segments and segments[-1].prefix.shows_the_same(branch.prefix):
            start = segments.pop().start
        segments.append(PrefixRun(branch.prefix, start, stop))
    return segments


def _ancestors(
    branches: Sequence[Branch], longest: int, device: torch.device | str
) -> torch.Tensor | None:
    if all(branch.parents is None for branch in branches):
        return None
    seen = np.zeros((len(branches), longest, longest), dtype=bool)
    seen[:] = np.eye(longest, dtype=bool)  # padding sees itself: a softmax needs something
    kept: dict[int, np.ndarray] = {}
    for index, branch in enumerate(branches):
        size, parents = len(branch.ids), branch.parents
        if parents is None:
            seen[index, :size, :size] = np.tri(size, dtype=bool)
            continue
        if id(parents) not in kept:
            tree = np.eye(size, dtype=bool)
            for token, parent in enumerate(parents):
                if parent >= 0:
                    tree[token] |= tree[parent]
            kept[id(parents)] = tree
        seen[index, :size, :size] = kept[id(parents)]
    return torch.from_numpy(seen)[:, None].to(device)
