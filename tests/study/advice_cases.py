"""Curves, studies and advice written by hand, for the tests of advice."""

from __future__ import annotations

import numpy as np

from manyicl.study.advice.advise import Advice
from manyicl.study.advice.rules import (
    Measured,
    choose,
    more_shots,
    similar_shots,
)
from manyicl.study.records import Dedicated, Score, StudyResults, TaskInfo


def point(
    num_shots: int, right: int, queries: int = 100, selection: str = "random", seeds: int = 3
):
    """A point at which the first `right` of the queries are answered well, by every seed."""
    row = [1.0] * right + [0.0] * (queries - right)
    scores = np.array([row] * (1 if selection == "similar" else seeds))
    return Measured(selection, num_shots, float(num_shots), scores, 10.0 * (num_shots + 1))


def study(gains: dict[str, list[float]], pool_sizes=(16, 256), **more) -> StudyResults:
    """A study with tasks of families, whose dedicated models gain what is said at any size."""
    tasks, scores, dedicated = [], [], []
    for family, values in gains.items():
        for number, gain in enumerate(values):
            name = f"{family}_{number}"
            tasks.append(TaskInfo(name, family, name, True, "accuracy", "classification", 2))
            for seed in (0, 1):
                base = 0.5 + 0.1 * seed
                for k, score in ((8, 0.1), (64, base)):
                    scores.append(Score("many_shot", "tokens", seed, name, k, k, score))
                    scores.append(Score("many_shot", "targets", seed, name, k, k, 0.0))
                    scores.append(Score("base", "none", seed, name, k, k, score - 0.3))
                    scores.append(Score("many_shot", "tokens", seed, name, k, k, 1.0, "similar"))
                for size in pool_sizes:
                    more_rows = 0.0 if size == 16 else gain
                    dedicated.append(
                        Dedicated(
                            name, size, seed, base + more_rows, 1e-3, 8, 100 * size, 300 * size, 8,
                            0.5 * size, 1e9,
                        )
                    )  # fmt: skip
    return StudyResults(
        "made", tuple(tasks), scores=tuple(scores), dedicated=tuple(dedicated), **more
    )


def advice(**more) -> Advice:
    curve = [point(8, 60), point(16, 70)]
    settings = {
        "task": "mail",
        "model": "runs/mine",
        "rows": 300,
        "metric": "accuracy",
        "task_metric": "accuracy",
        "num_queries": 100,
        "num_seeds": 3,
        "pool_rows": 225,
        "context_shots": 30,
        "majority": 0.4,
        "chance": 0.25,
        "does_task": "yes",
        "more_shots": more_shots(curve),
        "similar": similar_shots(curve),
        "choice": choose(curve, "no"),
        "base": "nano",
    }
    return Advice(**{**settings, **more})
