"""Studies of a few scores written down by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from manyicl.study.analysis.points import DedicatedPoint, ModelKey, OperatingPoint, Point
from manyicl.study.records import Dedicated, Score, StudyResults, TaskInfo

FEW = Point(ModelKey("few_shot", "tokens"), 5)
MANY = Point(ModelKey("many_shot", "tokens"), 64)


def names(count: int) -> list[str]:
    return [f"task_{number:02}" for number in range(count)]


def info(name: str, family: str = "qa", held_out: bool = True) -> TaskInfo:
    return TaskInfo(name, family, name, held_out, "accuracy", "classification", 2)


def score(point: Point, task: str, seed: int, value: float, **rest: Any) -> Score:
    regime, budget = point.key
    shots = point.num_shots
    return Score(regime, budget, seed, task, shots, shots, value, point.selection, **rest)


def tuned(task: str, pool_size: int, seed: int, value: float) -> Dedicated:
    return Dedicated(task, pool_size, seed, value, 1e-3, 10, 100, 300, 20, 1.0, 1e9)


def study(values: Mapping[OperatingPoint, Any], **rest: Any) -> StudyResults:
    """A study of held-out tasks from arrays of tasks x seeds; NaN: not measured."""
    scores, dedicated, most = [], [], 0
    for point, table in values.items():
        table = np.asarray(table, dtype=float)
        most = max(most, len(table))
        for task, row in zip(names(len(table)), table, strict=True):
            for seed, value in enumerate(row):
                if np.isnan(value):
                    continue
                if isinstance(point, DedicatedPoint):
                    dedicated.append(tuned(task, point.pool_size, seed, float(value)))
                else:
                    scores.append(score(point, task, seed, float(value)))
    return StudyResults(
        name="by hand",
        tasks=tuple(info(name) for name in names(most)),
        scores=tuple(scores),
        dedicated=tuple(dedicated),
        **rest,
    )
