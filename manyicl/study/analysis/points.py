"""Operating points of a study, and their scores as tables of tasks x seeds.

An operating point is a way of answering: a model at a number of shots, or dedicated fine-tuning on
a pool size. Whatever is compared is compared on the same tasks and seeds: those that every side
has. What that leaves out is counted in the result.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from manyicl.evaluation.statistics import Floats
from manyicl.report.numbers import shots
from manyicl.study.records import BASE, NO_BUDGET, Dedicated, Score, StudyError, StudyResults


class ModelKey(NamedTuple):
    """Which model of the study, seeds aside."""

    regime: str
    budget: str


BASE_MODEL = ModelKey(BASE, NO_BUDGET)


@dataclass(frozen=True)
class Point:
    """A model used with `num_shots` demonstrations."""

    key: ModelKey
    num_shots: int
    selection: str = "random"


@dataclass(frozen=True)
class DedicatedPoint:
    """Dedicated fine-tuning on the first `pool_size` examples of each task's pool."""

    pool_size: int


OperatingPoint = Point | DedicatedPoint
TaskSeed = tuple[str, int]
"""A task (or another row) and a seed: a place in a `ScoreTable`."""


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of one or several operating points on the same tasks and seeds."""

    tasks: tuple[str, ...]
    """By name."""
    seeds: tuple[int, ...]
    values: tuple[Floats, ...]
    """One array of tasks x seeds for each operating point, in the order they were asked for."""
    fitted: tuple[float, ...]
    """Shots that fitted the context, mean over these tasks and seeds; 0 for dedicated models."""
    missing_tasks: int
    """Tasks of the kind asked for that are left out, since some score is not there."""
    missing_seeds: int
    """Seeds of the study that are left out."""
    groups: tuple[str, ...] = ()
    """Of the tasks: what shares a group is resampled together."""

    @property
    def empty(self) -> bool:
        """Whether the operating points have no task and seed in common."""
        return not self.tasks


def table(
    results: StudyResults,
    points: Sequence[OperatingPoint],
    *,
    held_out: bool | None,
    family: str | None = None,
    field: str = "score",
) -> ScoreTable:
    """Return the points' values of `field` on the tasks and seeds that all of them have.

    `held_out` keeps held-out (True), held-in (False) or all tasks (None); records where `field` is
    None do not count. Raises `StudyError` for records that contradict each other.
    """
    index = _index(_Same(results))
    wanted = task_names(results, held_out, family)
    columns, shown = [], []
    for point in points:
        records = index.of(point)
        shown.append(
            {place: getattr(one, "effective_shots", 0.0) for place, one in records.items()}
        )
        values = {place: getattr(records[place], field) for place in records if place[0] in wanted}
        columns.append({place: value for place, value in values.items() if value is not None})
    common = set.intersection(*(set(column) for column in columns))
    tasks, seeds = full_rectangle(common)
    return ScoreTable(
        tasks=tasks,
        seeds=seeds,
        values=tuple(as_array(column, tasks, seeds) for column in columns),
        fitted=tuple(
            float(as_array(of_point, tasks, seeds).mean()) if tasks else 0.0 for of_point in shown
        ),
        missing_tasks=len(wanted) - len(tasks),
        missing_seeds=len(index.seeds) - len(seeds),
        groups=groups_of(results, tasks),
    )


def groups_of(results: StudyResults, tasks: Sequence[str]) -> tuple[str, ...]:
    """Return the group of each task."""
    found = {info.task: info.group for info in results.tasks}
    return tuple(found[task] for task in tasks)


def fit_words(num_shots: int, fitted: float) -> str:
    """Say how many shots fitted where they are fewer than asked for; empty where all did.

    >>> fit_words(64, 27.3), fit_words(64, 64.0)
    ('27.3 fit', '')
    """
    said = shots(fitted)
    return "" if said == str(num_shots) else f"{said} fit"


def task_names(
    results: StudyResults, held_out: bool | None = None, family: str | None = None
) -> set[str]:
    """Return the names of the study's tasks of a side and a family (None: any)."""
    return {
        task.task
        for task in results.tasks
        if (held_out is None or task.held_out == held_out)
        and (family is None or task.family == family)
    }


def shots_of(
    results: StudyResults,
    key: ModelKey,
    *,
    held_out: bool | None = None,
    family: str | None = None,
    selection: str = "random",
) -> list[int]:
    """Return the numbers of shots, rising, that a model was scored at on such tasks."""
    wanted = task_names(results, held_out, family)
    return sorted(
        point.num_shots
        for point, records in _index(_Same(results)).points.items()
        if isinstance(point, Point) and (point.key, point.selection) == (key, selection)
        if any(task in wanted for task, _ in records)
    )


def pool_sizes(
    results: StudyResults, *, held_out: bool | None = None, family: str | None = None
) -> list[int]:
    """Return the pool sizes, rising, that dedicated fine-tuning was done with on such tasks."""
    wanted = task_names(results, held_out, family)
    return sorted(
        point.pool_size
        for point, records in _index(_Same(results)).points.items()
        if isinstance(point, DedicatedPoint) and any(task in wanted for task, _ in records)
    )


def num_seeds(results: StudyResults) -> int:
    """Return how many seeds the study has records of."""
    return len(_index(_Same(results)).seeds)


def full_rectangle(places: Collection[TaskSeed]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return rows and seeds such that every row has every seed, with as many places as possible.

    Seeds are given up from the least complete one on, so that a seed that was just begun costs
    itself and not the rows it has not reached. Of two equal choices the one with more rows wins.
    """
    rows_of: dict[int, set[str]] = {}
    for row, seed in places:
        rows_of.setdefault(seed, set()).add(row)
    seeds = sorted(rows_of, key=lambda seed: (-len(rows_of[seed]), seed))
    best: tuple[set[str], list[int]] = (set(), [])
    for count in range(1, len(seeds) + 1):
        rows = set.intersection(*(rows_of[seed] for seed in seeds[:count]))
        if (len(rows) * count, len(rows)) > (len(best[0]) * len(best[1]), len(best[0])):
            best = (rows, seeds[:count])
    return tuple(sorted(best[0])), tuple(sorted(best[1]))


def as_array(
    values: Mapping[TaskSeed, float], rows: Collection[str], seeds: Collection[int]
) -> Floats:
    """Return `values` as an array of rows x seeds."""
    table = [[values[row, seed] for seed in seeds] for row in rows]
    return np.array(table, dtype=float).reshape(len(rows), len(seeds))


@dataclass(frozen=True, eq=False)
class _Same:
    """Results by identity: equal results would be hashed record by record, each time."""

    results: StudyResults

    def __hash__(self) -> int:
        return id(self.results)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.results is self.results


@dataclass(frozen=True, eq=False)
class _Index:
    points: Mapping[OperatingPoint, Mapping[TaskSeed, Score | Dedicated]]
    seeds: frozenset[int]

    def of(self, point: OperatingPoint) -> Mapping[TaskSeed, Score | Dedicated]:
        return self.points.get(point, {})


@lru_cache(maxsize=4)  # each holds its results, so an identity is never met twice
def _index(same: _Same) -> _Index:
    results = same.results
    known = task_names(results)
    points: dict[OperatingPoint, dict[TaskSeed, Score | Dedicated]] = {}
    for record in (*results.scores, *results.dedicated):
        if isinstance(record, Score):
            key = ModelKey(record.regime, record.budget)
            point: OperatingPoint = Point(key, record.num_shots, record.selection)
        else:
            point = DedicatedPoint(record.pool_size)
        if record.task not in known:
            raise StudyError(
                f"study {results.name!r}: has a score of task {record.task!r}, which it does not "
                "list. Run 'manyicl study' on its folder again."
            )
        places = points.setdefault(point, {})
        if places.setdefault((record.task, record.seed), record) != record:
            raise StudyError(
                f"study {results.name!r}: holds two scores of task {record.task!r}, seed "
                f"{record.seed}, {point}. Run 'manyicl study' on its folder again."
            )
    records = (*results.models, *results.scores, *results.dedicated)
    return _Index(points, frozenset(record.seed for record in records))
