"""The stream of training episodes: which demonstrations the next sequence shows.

An endless, seeded draw over a mixture of tasks. Within a task every row is shown once before any is
shown twice, but for `balanced`, which shows as many rows of each class. Rows that are nearly the
same never stand in one sequence, because each demonstration is a query for the ones before it: the
second waits for the next sequence, where the first may stand again if the task is short of others.
Rows chosen for being similar come on top of their turn. Within a sequence the order is random
(`first`: that of the file). The state is small and JSON-ready: a stream restored from it goes on
exactly as the one that was saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from manyicl.config import EpisodesConfig
from manyicl.episodes.mixture import TaskMixture, mixture_weights
from manyicl.episodes.row_stream import BalancedRows, RowStream
from manyicl.episodes.sequence import EncodedPool, EncodedSequence
from manyicl.episodes.symbols import draw_symbols
from manyicl.errors import EpisodeError


@dataclass(frozen=True)
class Episode:
    """One draw: a task (by its index in the stream), rows in order, and symbols if relabelled."""

    task: int
    rows: tuple[int, ...]
    num_tokens: int
    symbols: Mapping[str, str] | None = None


@dataclass
class Counts:
    """What the stream showed and what it had to leave out; nothing is dropped in silence."""

    sequences: int = 0
    demonstrations: int = 0
    fewer_shots: int = 0
    """Sequences with fewer demonstrations than asked for, because no more fitted."""
    too_long: dict[str, int] = field(default_factory=dict)
    """Rows of a task that do not fit max_tokens on their own; they are never shown."""
    by_task: Counter[str] = field(default_factory=Counter)
    """Demonstrations shown, by task."""


class EpisodeStream:
    """An endless iterator of `Episode`, by the settings of `EpisodesConfig`."""

    def __init__(self, pools: Sequence[EncodedPool], config: EpisodesConfig):
        self.pools = list(pools)
        self.config = config
        self.counts = Counts()
        self._range = config.shot_range()
        self._check_shots()
        fitting = [pool.fitting_rows(config.max_tokens) for pool in self.pools]
        for pool, rows in zip(self.pools, fitting, strict=True):
            if len(rows) < len(pool):
                self.counts.too_long[pool.task.name] = len(pool) - len(rows)
        self._rows = [
            BalancedRows(pool, rows, config.seed)
            if config.selection == "balanced"
            else RowStream(pool, rows, config.selection, config.seed)
            for pool, rows in zip(self.pools, fitting, strict=True)
        ]
        self._fitting = fitting
        tokens = [
            float(np.mean([len(pool.demonstration(row)) for row in rows]))
            for pool, rows in zip(self.pools, fitting, strict=True)
        ]
        weights = mixture_weights(
            config.mixture,
            [len(rows) for rows in fitting],
            tokens,
            cap=config.mixture_cap,
            temperature=config.temperature,
        )
        self.num_rows = sum(min(len(rows), config.mixture_cap) for rows in fitting)
        self._mixture = TaskMixture(weights, config.seed)
        self._rng = np.random.default_rng([0xE915, config.seed])

    def __iter__(self) -> Iterator[Episode]:
        return self

    def __next__(self) -> Episode:
        task = self._mixture.next()
        pool = self.pools[task]
        wanted = len(pool)
        if self._range is not None:
            wanted = int(self._rng.integers(self._range[0], self._range[1] + 1))
        symbols = None
        if pool.task.labels and self._rng.random() < self.config.symbols:
            symbols = draw_symbols(pool.task.labels, self._rng)
        rows, num_tokens = self._fill(task, wanted, symbols)
        if not rows:  # a symbol longer than the label it replaces made the only row too long
            symbols = None
            rows, num_tokens = self._fill(task, wanted, symbols)
        # Of the demonstrations alone, as in the weights: an instruction makes no row rarer.
        self._mixture.count(task, sum(len(pool.demonstration(row)) for row in rows))
        self.counts.sequences += 1
        self.counts.demonstrations += len(rows)
        self.counts.by_task[pool.task.name] += len(rows)
        if self._range is not None and len(rows) < wanted:
            self.counts.fewer_shots += 1
        return Episode(task, tuple(rows), num_tokens, symbols)

    def sequence(self, episode: Episode) -> EncodedSequence:
        """Return the episode as token ids with target spans."""
        return self.pools[episode.task].sequence(
            episode.rows, episode.symbols, self._instructed(episode.symbols)
        )

    def _instructed(self, symbols: Mapping[str, str] | None) -> bool:
        return symbols is None or self.config.symbols_instruction

    def _fill(
        self, task: int, wanted: int, symbols: Mapping[str, str] | None
    ) -> tuple[list[int], int]:
        """Draw whole demonstrations until `wanted` are there or the next one does not fit."""
        pool, instructed = self.pools[task], self._instructed(symbols)
        used = len(pool.opening(instructed))
        rows: list[int] = []
        blocked: set[int] = set()
        for row, taken in self._candidates(task, blocked):
            length = len(pool.demonstration(row, symbols, instructed))
            length += len(pool.encoder.separator) if rows else 0
            if used + length > self.config.max_tokens:
                # It opens this task's next sequence. Looking on for a shorter one that fits would
                # bias what stands at the end of full sequences.
                if taken:
                    self._rows[task].put_back(row)
                break
            rows.append(row)
            used += length
            blocked |= {row} | pool.pool.near_duplicates[row]
            if len(rows) == wanted:
                break
        if self.config.selection != "first":
            # A row that was put back is a long one more often than not; it is not to be the first
            # shot of every sequence for that.
            rows = [rows[i] for i in self._rng.permutation(len(rows))]
        return rows, used

    def _candidates(self, task: int, blocked: set[int]) -> Iterator[tuple[int, bool]]:
        """Yield (row, whether it was taken from the row stream) in the order of selection.

        `blocked` may grow in between; its rows are not yielded. Ends when every row is blocked.
        """
        pool, stream = self.pools[task], self._rows[task]
        similar: Iterator[int] = iter(())
        share = 0.0
        if self.config.selection in ("similar", "mixed"):
            share = 1.0
            if self.config.selection == "mixed":
                share = min(1.0, 2 * self.config.similar_share * self._rng.random())
            anchor = stream.take(blocked)
            assert anchor is not None  # every task has a row that fits, and none is blocked yet
            yield anchor, True
            ranked = pool.pool.by_similarity(pool.pool.examples[anchor].input)
            similar = (row for row in ranked if row in self._fitting[task] and row not in blocked)
        while True:
            if share and self._rng.random() < share and (row := next(similar, None)) is not None:
                yield row, False
            elif (row := stream.take(blocked)) is not None:
                yield row, True
            else:
                return

    def _check_shots(self) -> None:
        if self._range is None:
            return
        for pool in self.pools:
            if len(pool) < self._range[0]:
                raise EpisodeError(
                    f"episodes.shots: is {self.config.shots}, but task '{pool.task.name}' has "
                    f"only {len(pool)} train rows. Use fewer shots, 'fill', or leave it out."
                )

    def state_dict(self) -> dict[str, Any]:
        """Return everything the next draws depend on, ready for JSON."""
        return {
            "mixture": self._mixture.state_dict(),
            "rng": self._rng.bit_generator.state,
            "rows": [rows.state_dict() for rows in self._rows],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._mixture.load_state_dict(state["mixture"])
        self._rng.bit_generator.state = dict(state["rng"])
        for rows, saved in zip(self._rows, state["rows"], strict=True):
            rows.load_state_dict(saved)
