"""Held-out text: bits per byte, and loss by position in the context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from manyicl.evaluation.token_loss import token_losses

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONTEXT = 2048
FEWEST_WINDOWS = 4
MOST_WINDOWS = 32


@dataclass(frozen=True)
class HeldOut:
    """Held-out documents of a source, one after another, each with its end mark.

    `ids` [tokens]; `num_bytes`: of the text, and one for each end mark.
    """

    name: str
    ids: np.ndarray
    num_documents: int
    num_bytes: int


def draw_held_out(
    name: str, ids: np.ndarray, end: int, bytes_of: np.ndarray, max_tokens: int
) -> HeldOut:
    """Return about `max_tokens` tokens of the documents in `ids` [tokens]: whole ones, at random.

    All of them, in their order, if they fit; the last one drawn is cut. `bytes_of` [V]: bytes a
    token stands for.
    """
    documents = split_documents(ids, end)
    if len(ids) > max_tokens:
        order = np.random.default_rng(0).permutation(len(documents))
        sizes = np.cumsum([len(documents[at]) for at in order])
        last = int(np.searchsorted(sizes, max_tokens))
        documents = [documents[at] for at in order[: last + 1]]
    joined = np.concatenate([np.empty(0, ids.dtype), *documents])[:max_tokens].astype(np.int64)
    return HeldOut(name, joined, len(documents), int(bytes_of[joined].sum()))


def split_documents(ids: np.ndarray, end: int) -> list[np.ndarray]:
    """Cut `ids` behind every end mark."""
    cuts = np.flatnonzero(ids == end) + 1
    return [part for part in np.split(ids, cuts) if len(part)]


def token_bytes(tokenizer: PreTrainedTokenizerBase) -> np.ndarray:
    """Return how many bytes each token stands for, int64 [V]; special tokens count as one.

    In a byte-level vocabulary every character of a token is a byte.
    """
    special = set(tokenizer.all_special_ids)
    tokens: Any = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return np.array([1 if i in special else len(token) for i, token in enumerate(tokens)])


def weighted_mean(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the mean by weight over the names in `values`; equal weights if all theirs are 0."""
    total = sum(weights[name] for name in values)
    if not total:
        return sum(values.values()) / len(values)
    return sum(weights[name] * value for name, value in values.items()) / total


def loss_by_position(
    model: Any,
    sources: Mapping[str, np.ndarray],
    end: int,
    context: int,
    *,
    bf16: bool = False,
) -> dict[str, Any]:
    """Return the mean loss (nats a token) by number of tokens before it, up to `context` - 1.

    `sources`: held-out ids by name. Only windows that lie within one document count, all of one
    length, so every bucket stands on the same texts; the length is the largest power-of-two part of
    `context` of which there are at least four. Empty if even the shortest documents are missing.
    """
    length = context
    windows = list(_windows(sources, end, length))
    while len(windows) < FEWEST_WINDOWS and length >= 32:
        length //= 2
        windows = list(_windows(sources, end, length))
    if not windows:
        return {"window_tokens": length, "windows": {}, "buckets": []}
    if len(windows) > MOST_WINDOWS:
        at = np.random.default_rng(0).choice(len(windows), MOST_WINDOWS, replace=False)
        windows = [windows[i] for i in sorted(at)]
    of_windows = [
        token_losses(model, ids, length, bf16=bf16, head_in_parts=True) for _, ids in windows
    ]
    losses = np.mean(of_windows, axis=0)
    names = [name for name, _ in windows]
    return {
        "window_tokens": length,
        "windows": {name: names.count(name) for name in dict.fromkeys(names)},
        "buckets": [
            {"from": low, "to": high, "nats": float(losses[low - 1 : high].mean())}
            for low, high in position_buckets(length)
        ],
    }


def position_buckets(length: int) -> list[tuple[int, int]]:
    """Return (first, last) numbers of tokens before a token: 1-15, 16-31, 32-63 and so on.

    >>> position_buckets(64)
    [(1, 15), (16, 31), (32, 63)]
    """
    edges = [1, 16]
    while edges[-1] < length:
        edges.append(2 * edges[-1])
    return [(a, min(b, length) - 1) for a, b in pairwise(edges) if a < length]


def _windows(
    sources: Mapping[str, np.ndarray], end: int, length: int
) -> Iterator[tuple[str, np.ndarray]]:
    for name, ids in sources.items():
        for document in split_documents(np.asarray(ids), end):
            for start in range(0, len(document) - length + 1, length):
                yield name, document[start : start + length]


def opened(held_out: Sequence[HeldOut], end: int) -> dict[str, np.ndarray]:
    """Return the ids by source behind an end mark, so that their first token is predicted too."""
    return {part.name: np.concatenate([[end], part.ids]) for part in held_out}
