"""Selection: which demonstrations a query or an episode gets, and in what order.

A `Pool` is a task's train split with what selection needs to know of it: near-duplicates, classes,
and a BM25 index. Orders are nested: with one seed, the first k demonstrations are the same whatever
larger number is asked for. BM25-similar ones depend on the query; their sets are nested instead,
and the most similar one stands last, next to the query.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from manyicl.tasks import Example, Task
from manyicl.tasks.duplicates import near_duplicates, query_text

SHARED_SELECTIONS = ("random", "balanced", "first")  # the same demonstrations for every query


class Pool:
    """The demonstrations that may be chosen for a task: its train split, never its test split."""

    def __init__(self, task: Task):
        self.task = task
        self.examples: Sequence[Example] = task.train

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def near_duplicates(self) -> list[set[int]]:
        """For every row of the pool, the other rows that are nearly the same."""
        return near_duplicates([query_text(example) for example in self.examples])

    def near_duplicates_of(self, queries: Sequence[Example]) -> list[set[int]]:
        """For every query, the rows of the pool that are the same or nearly the same."""
        texts = [query_text(example) for example in self.examples]
        return near_duplicates([query_text(query) for query in queries], texts)

    @cached_property
    def _bm25(self):
        import bm25s

        index = bm25s.BM25()
        index.index([_words(example.input) for example in self.examples], show_progress=False)
        return index

    def by_similarity(self, text: str) -> list[int]:
        """Return all rows, most similar to `text` first (BM25; ties by row)."""
        words = [word for word in _words(text) if word in self._bm25.vocab_dict]
        if not words:
            return list(range(len(self)))
        scores = self._bm25.get_scores(words)
        return np.argsort(-scores, kind="stable").tolist()

    def rng(self, *key: int | str) -> np.random.Generator:
        """Return the generator for a purpose: the same key gives the same draws on any machine."""
        text = "/".join([self.task.name, *map(str, key)])
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))


def shared_order(pool: Pool, selection: str, seed: int, exclude: Iterable[int] = ()) -> list[int]:
    """Return an order of the pool's rows without `exclude` and without near-duplicate pairs.

    Its first k entries are the k-shot demonstrations, for every k (random, balanced, first).
    """
    if selection == "first":
        order: Iterator[int] = iter(range(len(pool)))
    elif selection == "balanced":
        order = _round_robin(pool, seed)
    else:
        order = iter(pool.rng("order", seed).permutation(len(pool)).tolist())
    return _without_duplicates(pool, order, set(exclude))


def order_for_query(
    pool: Pool,
    query: Example,
    num_shots: int,
    selection: str,
    seed: int,
    share: float = 1.0,
    exclude: Iterable[int] = (),
) -> list[int]:
    """Return `num_shots` rows for one query: random ones first, the most similar one last.

    `similar` takes all by BM25 similarity, `mixed` a share of them, the rest at random. `exclude`
    holds the query's near-duplicates.
    """
    wanted = num_shots if selection == "similar" else round(share * num_shots)
    exclude = set(exclude)
    similar = _without_duplicates(pool, iter(pool.by_similarity(query.input)), exclude, wanted)
    blocked = exclude.union(similar, *(pool.near_duplicates[row] for row in similar))
    order = iter(pool.rng("order", seed).permutation(len(pool)).tolist())
    random = _without_duplicates(pool, order, blocked, num_shots - len(similar))
    return random + similar[::-1]


def _without_duplicates(
    pool: Pool, order: Iterator[int], blocked: set[int], most: int | None = None
) -> list[int]:
    kept: list[int] = []
    for row in order:
        if most is not None and len(kept) >= most:
            break
        if row not in blocked:
            kept.append(row)
            blocked = blocked | {row} | pool.near_duplicates[row]
    return kept


def _round_robin(pool: Pool, seed: int) -> Iterator[int]:
    """Yield rows so that classes take turns, each turn in a fresh random order of classes."""
    rng = pool.rng("balanced", seed)
    rows_of: dict[str, list[int]] = {}
    for row in rng.permutation(len(pool)).tolist():
        rows_of.setdefault(pool.examples[row].target, []).append(row)
    while rows_of:
        for target in rng.permutation(sorted(rows_of)).tolist():
            yield rows_of[target].pop(0)
            if not rows_of[target]:
                del rows_of[target]


def _words(text: str) -> list[str]:
    # A text without words is a word of its own; the empty word means something else to bm25s.
    return re.findall(r"\w+", text.casefold()) or [text.strip() or " "]
