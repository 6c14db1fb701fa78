"""Sequences: an episode as token ids with a span for every answer. No demonstration is ever cut."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from manyicl.episodes.encode import EncodedExample, Encoder
from manyicl.episodes.select import Pool
from manyicl.errors import EpisodeError
from manyicl.tasks import Example, Task


class TargetSpan(NamedTuple):
    """Tokens `[start, stop)` of one answer, end mark included, with `shot` answers before it."""

    start: int
    stop: int
    shot: int


@dataclass(frozen=True)
class EncodedSequence:
    """Demonstrations of one task as ids. `stops[k]` is the length of the first k demonstrations
    (opening included, k = 0 .. S), so `input_ids[:stops[k]]` is the prefix of k shots."""

    task: str
    input_ids: list[int]
    spans: tuple[TargetSpan, ...]
    stops: tuple[int, ...]
    rows: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.input_ids)


def join(
    task: str,
    opening: Sequence[int],
    demonstrations: Sequence[EncodedExample],
    separator: Sequence[int],
    rows: Sequence[int] = (),
    *,
    trailing_separator: bool = False,
) -> EncodedSequence:
    """Concatenate demonstrations. With `trailing_separator` the result is a prefix: a query may
    follow, and `stops` count each demonstration's separator."""
    ids = list(opening)
    spans: list[TargetSpan] = []
    stops = [len(ids)]
    for shot, demonstration in enumerate(demonstrations):
        if shot and not trailing_separator:
            ids += separator
        ids += demonstration.prompt
        start = len(ids)
        ids += demonstration.target
        spans.append(TargetSpan(start, len(ids), shot))
        if trailing_separator:
            ids += separator
        stops.append(len(ids))
    return EncodedSequence(task, ids, tuple(spans), tuple(stops), tuple(rows))


class EncodedPool:
    """A pool with its demonstrations encoded once, on first use."""

    def __init__(self, pool: Pool, encoder: Encoder):
        self.pool = pool
        self.task: Task = pool.task
        self.encoder = encoder
        self._cache: dict[tuple[int, bool], EncodedExample] = {}
        self._openings: dict[bool, list[int]] = {}

    def __len__(self) -> int:
        return len(self.pool)

    def opening(self, instructed: bool = True) -> list[int]:
        """Return the ids before the first demonstration: with the instruction, or without."""
        if instructed not in self._openings:
            self._openings[instructed] = self.encoder.opening(self.task, instructed)
        return self._openings[instructed]

    def demonstration(
        self, row: int, symbols: Mapping[str, str] | None = None, instructed: bool = True
    ) -> EncodedExample:
        """Return row `row` as ids; with `symbols` its label is replaced."""
        example = self.pool.examples[row]
        if symbols and self.encoder.shows_options:
            return self._encode(example, dict(symbols), instructed)
        key = (row, instructed)
        if key not in self._cache:
            plain = self._encode(example, {}, instructed)
            # Arrays of 4-byte ids: lists of Python ints would take ten times the memory.
            self._cache[key] = EncodedExample(array("i", plain.prompt), array("i", plain.target))
        found = self._cache[key]
        if symbols and example.target in symbols:
            return EncodedExample(found.prompt, self.encoder.target(symbols[example.target]))
        return found

    def _encode(
        self, example: Example, symbols: dict[str, str], instructed: bool
    ) -> EncodedExample:
        return self.encoder.demonstration(self.task, example, symbols, instructed)

    def sequence(
        self,
        rows: Sequence[int],
        symbols: Mapping[str, str] | None = None,
        instructed: bool = True,
        *,
        trailing_separator: bool = False,
    ) -> EncodedSequence:
        """Return the sequence that shows `rows` in this order."""
        return join(
            self.task.name,
            self.opening(instructed),
            [self.demonstration(row, symbols, instructed) for row in rows],
            self.encoder.separator,
            rows,
            trailing_separator=trailing_separator,
        )

    def fitting_rows(self, max_tokens: int, instructed: bool = True) -> set[int]:
        """Return the rows that fit `max_tokens` alone. Raises `EpisodeError` if none does."""
        room = max_tokens - len(self.opening(instructed))
        lengths = [len(self.demonstration(row, None, instructed)) for row in range(len(self))]
        fitting = {row for row, length in enumerate(lengths) if length <= room}
        if not fitting:
            raise EpisodeError(
                f"episodes.max_tokens: is {max_tokens}, but the shortest demonstration of task "
                f"'{self.task.name}' takes {min(lengths)} tokens after an opening of "
                f"{max_tokens - room}. Set it to at least {min(lengths) + max_tokens - room}, or "
                "leave the task out."
            )
        return fitting
