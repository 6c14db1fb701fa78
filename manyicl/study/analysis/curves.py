"""Curves over shots and pool sizes, sensitivity to the order of demonstrations, calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from manyicl.evaluation.resampling import interval_of
from manyicl.evaluation.statistics import spread
from manyicl.study.analysis.points import (
    DedicatedPoint,
    ModelKey,
    Point,
    TaskSeed,
    as_array,
    full_rectangle,
    groups_of,
    num_seeds,
    pool_sizes,
    shots_of,
    table,
    task_names,
)
from manyicl.study.records import StudyResults


@dataclass(frozen=True)
class CurvePoint:
    """Mean over tasks and seeds of a model at one number of shots, with a 95 % interval."""

    num_shots: int
    mean: float
    low: float
    high: float
    num_tasks: int
    num_seeds: int
    effective_shots: float
    """Mean number of shots that fitted the context."""
    missing_tasks: int
    missing_seeds: int


@dataclass(frozen=True)
class PoolPoint:
    """Mean of dedicated fine-tuning on one pool size, over the tasks that have every size."""

    pool_size: int
    mean: float
    low: float
    high: float
    num_tasks: int
    num_seeds: int
    tasks_alone: int
    """Tasks with this pool size, whether they have the others or not."""


@dataclass(frozen=True)
class DedicatedMean:
    """Mean of dedicated fine-tuning on one pool size, over all tasks that have it."""

    mean: float
    low: float
    """Ends of the 95 % interval."""
    high: float
    num_tasks: int


@dataclass(frozen=True)
class OrderSensitivity:
    """Mean over tasks of the standard deviation (n - 1) over orders of the same demonstrations."""

    num_shots: int
    """The most that any task had."""
    effective_shots: float
    """Mean over tasks and seeds: fewer than `num_shots` where the context was full."""
    num_orders: int
    mean: float
    low: float
    high: float
    num_tasks: int
    num_seeds: int
    missing_tasks: int
    missing_seeds: int


@dataclass(frozen=True)
class Calibration:
    """Mean over tasks of the expected calibration error, with a 95 % interval."""

    mean: float
    low: float
    high: float
    effective_shots: float
    """Mean number of shots that fitted the context."""
    num_tasks: int
    num_seeds: int
    missing_tasks: int
    """Tasks without one: generated answers have no options to be sure of."""
    missing_seeds: int


def curve(
    results: StudyResults,
    key: ModelKey,
    *,
    held_out: bool | None,
    family: str | None = None,
    selection: str = "random",
) -> list[CurvePoint]:
    """Return one point for each number of shots that has scores, rising; tasks weigh the same."""
    points = []
    for k in shots_of(results, key, held_out=held_out, family=family, selection=selection):
        point = Point(key, k, selection)
        scores = table(results, [point], held_out=held_out, family=family)
        interval = interval_of(scores.values[0], scores.groups)
        points.append(
            CurvePoint(
                num_shots=k,
                mean=float(scores.values[0].mean()),
                low=interval.low,
                high=interval.high,
                num_tasks=len(scores.tasks),
                num_seeds=len(scores.seeds),
                effective_shots=scores.fitted[0],
                missing_tasks=scores.missing_tasks,
                missing_seeds=scores.missing_seeds,
            )
        )
    return points


def dedicated_curve(
    results: StudyResults, *, held_out: bool | None, family: str | None = None
) -> list[PoolPoint]:
    """Return one point for each pool size, rising, all over the same tasks and seeds.

    Empty if no task has every pool size: a curve over changing tasks would show the tasks.
    """
    sizes = pool_sizes(results, held_out=held_out, family=family)
    points = [DedicatedPoint(size) for size in sizes]
    if not points:
        return []
    found = table(results, points, held_out=held_out, family=family)
    if found.empty:
        return []
    curve = []
    for point, values in zip(points, found.values, strict=True):
        interval = interval_of(values, found.groups)
        alone = table(results, [point], held_out=held_out, family=family)
        curve.append(
            PoolPoint(
                pool_size=point.pool_size,
                mean=float(values.mean()),
                low=interval.low,
                high=interval.high,
                num_tasks=len(found.tasks),
                num_seeds=len(found.seeds),
                tasks_alone=len(alone.tasks),
            )
        )
    return curve


def dedicated_mean(
    results: StudyResults, pool_size: int, *, held_out: bool | None, family: str | None = None
) -> DedicatedMean | None:
    """Return the mean over the tasks that have this pool size; None if none has."""
    found = table(results, [DedicatedPoint(pool_size)], held_out=held_out, family=family)
    if found.empty:
        return None
    values = found.values[0]
    interval = interval_of(values, found.groups)
    return DedicatedMean(float(values.mean()), interval.low, interval.high, len(found.tasks))


def order_sensitivity(
    results: StudyResults,
    key: ModelKey,
    *,
    num_shots: int | None = None,
    held_out: bool | None = None,
    family: str | None = None,
) -> OrderSensitivity | None:
    """Return the spread over orders at `num_shots`; None: at the most that each task was tried at.

    An `OrderScore` counts the shots that fitted, so tasks of long examples have fewer. A task and
    seed counts if it has two shots, and as many orders as the most complete one, two at least;
    None if there is none.
    """
    wanted = task_names(results, held_out, family)
    scores: dict[TaskSeed, dict[int, dict[int, float]]] = {}
    for record in results.orders:
        asked = num_shots in (None, record.num_shots) and record.num_shots > 1
        if (record.regime, record.budget) == key and record.task in wanted and asked:
            by_shots = scores.setdefault((record.task, record.seed), {})
            by_shots.setdefault(record.num_shots, {})[record.order] = record.score
    fitted = {place: max(by_shots) for place, by_shots in scores.items()}
    at_most = {place: by_shots[fitted[place]] for place, by_shots in scores.items()}
    num_orders = max((len(orders) for orders in at_most.values()), default=0)
    if num_orders < 2:
        return None
    spreads = {
        place: spread([orders[order] for order in sorted(orders)])
        for place, orders in at_most.items()
        if len(orders) == num_orders
    }
    tasks, seeds = full_rectangle(spreads)
    values, shots = (as_array(each, tasks, seeds) for each in (spreads, fitted))
    interval = interval_of(values, groups_of(results, tasks))
    return OrderSensitivity(
        num_shots=int(shots.max()),
        effective_shots=float(shots.mean()),
        num_orders=num_orders,
        mean=float(values.mean()),
        low=interval.low,
        high=interval.high,
        num_tasks=len(tasks),
        num_seeds=len(seeds),
        missing_tasks=len(wanted) - len(tasks),
        missing_seeds=num_seeds(results) - len(seeds),
    )


def calibration(
    results: StudyResults,
    key: ModelKey,
    num_shots: int,
    *,
    held_out: bool | None = None,
    family: str | None = None,
    selection: str = "random",
) -> Calibration | None:
    """Return a model's mean ECE over the tasks that have one; None if none has."""
    point = Point(key, num_shots, selection)
    found = table(results, [point], held_out=held_out, family=family, field="ece")
    if found.empty:
        return None
    values = found.values[0]
    interval = interval_of(values, found.groups)
    return Calibration(
        mean=float(np.mean(values)),
        low=interval.low,
        high=interval.high,
        effective_shots=found.fitted[0],
        num_tasks=len(found.tasks),
        num_seeds=len(found.seeds),
        missing_tasks=found.missing_tasks,
        missing_seeds=found.missing_seeds,
    )
