"""Tasks that no way to adapt can do at all: they are ties whatever is compared."""

from __future__ import annotations

from collections.abc import Sequence

from manyicl.study.analysis.points import OperatingPoint, Point, table
from manyicl.study.records import StudyResults

NOTHING = 0.02
"""Mean scores up to this count as 0: a lucky answer or two of a hundred."""


def tasks_at_zero(
    results: StudyResults, points: Sequence[OperatingPoint], *, held_out: bool | None
) -> tuple[list[str], int]:
    """Return the tasks that no point brings above `NOTHING`, by name, and how many were looked at.

    A task is looked at if every model among the points has a score of it; dedicated fine-tuning
    counts at the pool sizes that the task has.
    """
    best: dict[str, float] = {}
    measured: list[set[str]] = []
    for point in points:
        found = table(results, [point], held_out=held_out)
        means = found.values[0].mean(axis=1) if found.tasks else ()
        for task, mean in zip(found.tasks, means, strict=True):
            best[task] = max(best.get(task, 0.0), float(mean))
        if isinstance(point, Point):
            measured.append(set(found.tasks))
    looked_at = set.intersection(*measured) if measured else set()
    return sorted(task for task in looked_at if best[task] <= NOTHING), len(looked_at)
