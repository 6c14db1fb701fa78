"""Rows of text for training: sources mixed by weight, each walked through without repeats."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from manyicl.episodes.mixture import TaskMixture
from manyicl.errors import ConfigError, CorpusError, listing
from manyicl.pretraining.corpus import check_names


class TextStream:
    """An endless, seeded and resumable draw of rows from several sources.

    `tokens`: name -> ids [tokens] (arrays mapped from disk will do). `weights`: name -> share of
    the rows, every source named, 0 for none; by default shares follow the sources' sizes. A source
    is cut into rows of `row_tokens` that come in a random order, each once; then its next epoch
    begins, with other cuts and another order. An epoch leaves out fewer than two rows of tokens, at
    the ends. Another row length is another stream.

    Raises `ConfigError` for weights that do not fit the sources, `CorpusError` for a source too
    small for one row.
    """

    def __init__(
        self,
        tokens: Mapping[str, np.ndarray],
        row_tokens: int,
        *,
        weights: Mapping[str, float] | None = None,
        seed: int = 0,
    ):
        if row_tokens < 1:
            raise ConfigError(f"row_tokens: {row_tokens} is no length of a row; use 1 or more.")
        shares = _shares(tokens, weights)
        self.row_tokens = row_tokens
        self._walks: dict[str, _Walk] = {}
        for name, share in shares.items():
            if share == 0:
                continue
            if len(tokens[name]) < row_tokens:
                raise CorpusError(
                    f"source {name!r}: {len(tokens[name]):,} training tokens are too few for one "
                    f"row of {row_tokens:,}. Give it weight 0, add text, or use shorter rows."
                )
            self._walks[name] = _Walk(name, tokens[name], row_tokens, seed)
        self._names = list(self._walks)
        self._mixture = TaskMixture([shares[name] for name in self._names], seed)
        self._bound_to = {
            "row_tokens": row_tokens,
            "seed": seed,
            "weights": {name: shares[name] for name in self._names},
            "tokens": {name: len(tokens[name]) for name in self._names},
        }

    def take(self, num_rows: int) -> np.ndarray:
        """Return the next rows, int64 [num_rows, row_tokens]."""
        rows = np.empty((num_rows, self.row_tokens), np.int64)
        for row in rows:
            index = self._mixture.next()
            row[:] = self._walks[self._names[index]].next()
            self._mixture.count(index, self.row_tokens)
        return rows

    @property
    def rows_taken(self) -> dict[str, int]:
        """Rows given so far, by source."""
        return {name: walk.taken for name, walk in self._walks.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on from here; plain numbers, lists and dicts."""
        return {
            "bound_to": {
                key: dict(v) if isinstance(v, dict) else v for key, v in self._bound_to.items()
            },
            "mixture": self._mixture.state_dict(),
            "walks": {name: walk.state_dict() for name, walk in self._walks.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken. Raises `CorpusError` if it is of another stream."""
        differ = [key for key, now in self._bound_to.items() if state["bound_to"].get(key) != now]
        if differ:
            key = differ[0]
            raise CorpusError(
                f"text stream: saved with other {listing(differ)} ({key}: "
                f"{state['bound_to'].get(key)} then, {self._bound_to[key]} now), perhaps of "
                "another corpus or tokenizer. Use the same, or start in a new folder."
            )
        self._mixture.load_state_dict(state["mixture"])
        for name, walk in self._walks.items():
            walk.load_state_dict(state["walks"][name])


class _Walk:
    """One source, row by row, epoch after epoch. The order is a function of seed, name, epoch."""

    def __init__(self, name: str, tokens: np.ndarray, row_tokens: int, seed: int):
        self._tokens, self._row_tokens = tokens, row_tokens
        digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
        self._entropy = [0x7E87, seed, int.from_bytes(digest, "big")]
        self.taken = 0
        self._begin(0)

    def _begin(self, epoch: int) -> None:
        self.epoch, self._position = epoch, 0
        rng = np.random.default_rng([*self._entropy, epoch])
        total = len(self._tokens)
        # The cuts move, so that no token stands at the start of a row in every epoch.
        self._offset = int(rng.integers(min(self._row_tokens, total - self._row_tokens + 1)))
        self._order = rng.permutation((total - self._offset) // self._row_tokens)

    def next(self) -> np.ndarray:
        start = self._offset + int(self._order[self._position]) * self._row_tokens
        self._position += 1
        self.taken += 1
        if self._position == len(self._order):
            self._begin(self.epoch + 1)
        return self._tokens[start : start + self._row_tokens]

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "position": self._position, "taken": self.taken}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self._begin(state["epoch"])
        self._position, self.taken = state["position"], state["taken"]


def _shares(
    tokens: Mapping[str, np.ndarray], weights: Mapping[str, float] | None
) -> dict[str, float]:
    """Return the shares by source, in order of name, summing to 1."""
    if not tokens:
        raise CorpusError("text stream: no source at all. Name a corpus folder with text.")
    if weights is None:
        weights = {name: float(len(ids)) for name, ids in tokens.items()}
    check_names(list(weights), list(tokens), "weights")
    unnamed = sorted(set(tokens) - set(weights))
    if unnamed:
        raise ConfigError(f"weights: none for {listing(unnamed)}. Name every source; 0 leaves out.")
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"weights.{name}: {weight} is no share. Use a number of 0 or more.")
    total = sum(weights.values())
    if total == 0:
        raise ConfigError("weights: all are 0, so there is nothing to draw from.")
    return {name: weights[name] / total for name in sorted(weights)}
