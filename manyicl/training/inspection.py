"""Inspection: training rows as text, token for token what a run will compute.

The rows come from the plan and the encoder that training uses; nothing is computed with a model and
nothing is written. How it looks on paper or screen is report/inspection.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from manyicl.config import Config
from manyicl.episodes import EncodedSequence, Episode, EpisodeStream
from manyicl.errors import ConfigError
from manyicl.training.data import planned
from manyicl.training.objective import IGNORED, Targets, supervise
from manyicl.training.plan import Plan

SAMPLED_ROWS = 200  # rows of the plan that are encoded for the supervised share
BROKEN = "\ufffd"  # what bytes that are no whole character decode to
MAX_CHAR_TOKENS = 4  # a character has at most four bytes, each at worst a token of its own


@dataclass(frozen=True)
class Piece:
    """Neighbouring tokens `[start, stop)` of one kind, decoded together.

    `shot` is the number of demonstrations before the answer it belongs to, -1 outside answers;
    `weight` is what each of its tokens counts in the loss, 0 for none.
    """

    text: str
    start: int
    stop: int
    shot: int
    weight: float
    special: bool
    opens_answer: bool = False

    @property
    def supervised(self) -> bool:
        return self.weight > 0


@dataclass(frozen=True)
class InspectedSequence:
    """One sequence of a row: its text in pieces, and what it counts."""

    task: str
    train_rows: tuple[int, ...]  # 1-based, in the order shown
    symbols: dict[str, str]
    pieces: tuple[Piece, ...]
    num_tokens: int
    num_supervised: int

    @property
    def num_shots(self) -> int:
        return len(self.train_rows)


@dataclass(frozen=True)
class InspectedRow:
    """One row of the plan: what one device computes at once."""

    index: int
    sequences: tuple[InspectedSequence, ...]

    @property
    def num_tokens(self) -> int:
        return sum(sequence.num_tokens for sequence in self.sequences)

    @property
    def num_supervised(self) -> int:
        return sum(sequence.num_supervised for sequence in self.sequences)


@dataclass
class TaskShare:
    """One task's part of the plan. The supervised tokens are those of the sampled rows only."""

    name: str
    family: str
    train_rows: int
    too_long: int
    sequences: int = 0
    demonstrations: int = 0
    tokens: int = 0
    sampled_tokens: int = 0
    sampled_supervised: int = 0


@dataclass
class PlanSummary:
    """The whole plan of a run in numbers."""

    rows: int
    rows_per_step: int
    max_tokens: int
    sequences: int
    sampled_rows: int
    num_shots: Counter[int]  # demonstrations in a sequence -> number of sequences
    drawn: int
    fewer_shots: int  # of the drawn sequences: with fewer demonstrations than asked for
    tasks: list[TaskShare] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Return the sum of a number over all tasks."""
        return sum(getattr(task, name) for task in self.tasks)


@dataclass(frozen=True)
class Inspection:
    """The rows asked for and the plan they are part of. `uniform` tells if all weights are 1."""

    config: Config
    rows: list[InspectedRow]
    plan: PlanSummary
    uniform: bool


def inspect_rows(config: Config, index: int = 0, number: int = 1) -> Inspection:
    """Return `number` training rows from row `index` (0-based) on, as training will see them.

    Raises `ManyICLError` for whatever would stop a training run on these settings and tasks.
    """
    if number < 1:
        raise ConfigError(f"-n: is {number}; it must be at least 1.")
    tokenizer, stream, plan = planned(config)
    if not 0 <= index < len(plan):
        raise ConfigError(
            f"--index: is {index}, but the run has {len(plan):,} rows: 0 to {len(plan) - 1:,}."
        )
    specials = special_ids(tokenizer)
    rows = [
        InspectedRow(at, tuple(_inspect(stream, episode, config, specials) for episode in plan[at]))
        for at in range(index, min(index + number, len(plan)))
    ]
    uniform = config.objective.normaliser == "token_mean"
    return Inspection(config, rows, _summarise(stream, plan, config), uniform)


def special_ids(tokenizer: Any) -> frozenset[int]:
    """Return the ids of the tokens that stand for no text."""
    added = tokenizer.added_tokens_decoder.items()
    return frozenset(tokenizer.all_special_ids) | {id_ for id_, token in added if token.special}


def text_pieces(
    sequence: EncodedSequence,
    targets: Targets,
    decode: Callable[[Sequence[int]], str],
    specials: frozenset[int] = frozenset(),
) -> list[Piece]:
    """Return the sequence's text in pieces; joined they are the whole decoded text.

    A character whose tokens belong to two pieces stands whole in the later one.
    """
    ids = sequence.input_ids
    openings = {span.start for span in sequence.spans}
    kinds = [
        (targets.shots[at], targets.weights[at], token in specials) for at, token in enumerate(ids)
    ]
    borders = [at for at in range(1, len(ids)) if kinds[at] != kinds[at - 1] or at in openings]
    opens = {_whole_border(decode, ids, at): at in openings for at in [0, *borders]}
    pieces = []
    for start, stop in pairwise([*opens, len(ids)]):
        shot, weight, special = kinds[stop - 1]
        text = decode(ids[start:stop])
        pieces.append(Piece(text, start, stop, shot, weight, special, opens[start]))
    return pieces


def _whole_border(decode: Callable[[Sequence[int]], str], ids: Sequence[int], border: int) -> int:
    """Return the last place up to `border` that no character's tokens span."""
    while border and _splits_character(decode, ids, border):
        border -= 1
    return border


def _splits_character(
    decode: Callable[[Sequence[int]], str], ids: Sequence[int], border: int
) -> bool:
    """Tell whether the tokens before and after `border` share a character."""
    before = ids[max(0, border - MAX_CHAR_TOKENS) : border]
    after = ids[border : border + MAX_CHAR_TOKENS]
    if not decode(before).endswith(BROKEN):
        return False
    return decode([*before, *after]) != decode(before) + decode(after)


def _inspect(
    stream: EpisodeStream, episode: Episode, config: Config, specials: frozenset[int]
) -> InspectedSequence:
    sequence = stream.sequence(episode)
    targets = supervise(sequence, config.objective)
    decode = stream.pools[episode.task].encoder.decode
    return InspectedSequence(
        task=sequence.task,
        train_rows=tuple(row + 1 for row in episode.rows),
        symbols=dict(episode.symbols or {}),
        pieces=tuple(text_pieces(sequence, targets, decode, specials)),
        num_tokens=len(sequence),
        num_supervised=_num_supervised(targets),
    )


def _num_supervised(targets: Targets) -> int:
    return sum(label != IGNORED for label in targets.labels)


def _summarise(stream: EpisodeStream, plan: Plan, config: Config) -> PlanSummary:
    tasks = [
        TaskShare(
            pool.task.name,
            pool.task.family,
            len(pool),
            stream.counts.too_long.get(pool.task.name, 0),
        )
        for pool in stream.pools
    ]
    # Spread over the plan: what is drawn late (rows for the second time) belongs to the picture.
    every = max(1, -(-len(plan) // SAMPLED_ROWS))
    num_shots: Counter[int] = Counter()
    for at, row in enumerate(plan):
        for episode in row:
            share = tasks[episode.task]
            share.sequences += 1
            share.demonstrations += len(episode.rows)
            share.tokens += episode.num_tokens
            num_shots[len(episode.rows)] += 1
            if at % every == 0:
                targets = supervise(stream.sequence(episode), config.objective)
                share.sampled_tokens += episode.num_tokens
                share.sampled_supervised += _num_supervised(targets)
    return PlanSummary(
        rows=len(plan),
        rows_per_step=config.training.rows_per_step,
        max_tokens=config.episodes.max_tokens,
        sequences=sum(num_shots.values()),
        sampled_rows=len(range(0, len(plan), every)),
        num_shots=num_shots,
        drawn=stream.counts.sequences,
        fewer_shots=stream.counts.fewer_shots,
        tasks=tasks,
    )
