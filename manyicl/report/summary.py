"""The result in words: the scores at the fewest and the most shots, and what changed."""

from __future__ import annotations

from dataclasses import dataclass

from manyicl.evaluation.curves import (
    FEWEST_TASKS,
    CurvePoint,
    Difference,
    is_clear,
    mean_curve,
    paired_difference,
)
from manyicl.report.comparison import Comparison
from manyicl.report.numbers import change, percent, plural, shots

NBSP = "\u00a0"


@dataclass(frozen=True)
class Statement:
    """What is said at one number of shots: an opening and one part for each stage."""

    opening: str
    parts: list[str]


@dataclass(frozen=True)
class Finding:
    """What is said about the held-out or the held-in tasks."""

    heading: str
    statements: list[Statement]


def summarise(found: Comparison) -> list[Finding]:
    """Return the summary, held-out tasks first.

    Every mean comes with its 95 % interval and every difference with the number of tasks.
    """
    return [_side(found, held_out) for held_out in found.sides]


def _side(found: Comparison, held_out: bool) -> Finding:
    points = {(p.stage, p.num_shots): p for p in mean_curve(found.scores, held_out=held_out)}
    shown = sorted({k for _, k in points})
    statements = []
    for k in dict.fromkeys((shown[-1], shown[0])):
        at = [points[stage, k] for stage in found.stages if (stage, k) in points]
        parts = [f"{_name(found, p.stage)}{_score(p)}{_changed(found, p, held_out)}" for p in at]
        statements.append(Statement(f"With {plural(k, 'shot')}{_fitted(at, k)}", parts))
    if len(shown) > 1:
        gains = _gains(found, points, shown[0], shown[-1])
        statements.append(Statement(f"From {shown[0]} to {plural(shown[-1], 'shot')}", gains))
    return Finding(_heading(found, held_out), [said for said in statements if said.parts])


def _heading(found: Comparison, held_out: bool) -> str:
    side = "held-out" if held_out else "held-in"
    tasks = found.tasks(held_out=held_out)
    of = f"Mean over {len(tasks)} {side} tasks" if len(tasks) > 1 else f"{tasks[0]} ({side})"
    if found.separate:
        of = f"Mean over each run's own {side} tasks ({found.sized(held_out)})"
    return of if len(found.stages) > 1 else f"{of}, {_name(found, found.stages[0], alone=True)}"


def _gains(
    found: Comparison, points: dict[tuple[str, int], CurvePoint], fewest: int, most: int
) -> list[str]:
    gains = []
    for stage in found.stages:
        low, high = points.get((stage, fewest)), points.get((stage, most))
        if low and high and low.num_tasks == high.num_tasks:  # else two sets of tasks compared
            gains.append(f"{_name(found, stage)}{change(high.mean - low.mean)} points")
    return gains


def _changed(found: Comparison, point: CurvePoint, held_out: bool) -> str:
    """Say how the stage differs from the one it is compared with, if there is one."""
    said = ""
    for before, after in found.pairs:
        gap = paired_difference(found.scores, before, after, point.num_shots, held_out)
        if after != point.stage or gap is None:
            continue
        said += f", {change(gap.mean)} points"
        if gap.low is not None and gap.high is not None:
            said += f" ({change(gap.low)} to {change(gap.high)}), higher on {gap.num_higher} of "
            said += plural(gap.num_tasks, "task") + _doubt(gap)
    return said


def _doubt(gap: Difference) -> str:
    if is_clear(gap):
        return ""
    if gap.num_groups < FEWEST_TASKS:
        return ", which are too few to call it a difference"
    return "; the interval holds 0, so these tasks show no clear difference"


def _score(point: CurvePoint) -> str:
    return f"{percent(point.mean)}{NBSP}% ({percent(point.low)} to {percent(point.high)})"


def _name(found: Comparison, stage: str, alone: bool = False) -> str:
    label = found.label(stage)
    name = f"{label} training" if label != stage else label
    if alone:
        return name
    return f"{name} " if len(found.stages) > 1 else ""


def _fitted(points: list[CurvePoint], k: int) -> str:
    fitted = min(point.effective_shots for point in points)
    return f" ({shots(fitted)} fitted on average)" if k - fitted > 0.05 else ""
