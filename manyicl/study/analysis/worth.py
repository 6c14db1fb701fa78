"""What showing examples is worth against dedicated fine-tuning on examples of the same pool.

Ratios of means, not means of ratios: a task that scores near 0 would otherwise rule them. Intervals
are of 95 %, groups of tasks and seeds resampled, the same draw for all sides
(`evaluation/resampling.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from manyicl.evaluation.resampling import interval_of, resampled_means, tails
from manyicl.evaluation.statistics import Floats
from manyicl.study.analysis.points import (
    DedicatedPoint,
    OperatingPoint,
    ScoreTable,
    pool_sizes,
    table,
)
from manyicl.study.records import StudyResults

FEWEST_GROUPS = 3
"""Of fewer groups of tasks no share is told: one task alone would always seem certain."""


@dataclass(frozen=True)
class Share:
    """A ratio of two means over the same tasks and seeds, or why there is none."""

    value: float | None
    low: float | None
    high: float | None
    reason: str
    """Why there is no value; empty where there is one."""
    numerator: float | None
    denominator: float | None
    fitted: float
    """Shots of ManyICL that fitted the context, mean over these tasks and seeds."""
    num_tasks: int
    num_groups: int
    """Groups that these tasks are of."""
    num_seeds: int
    missing_tasks: int
    missing_seeds: int


@dataclass(frozen=True)
class ExamplesWorth:
    """The pool size at which dedicated fine-tuning scores what a model scores in context."""

    place: Literal["below the smallest", "between", "above the largest"]
    """Where it lies among the pool sizes that were tried."""
    pool_size: float | None
    """None unless it lies between."""
    low: float
    """Ends of the 95 % interval: 0 for below the smallest pool, infinity for above the largest."""
    high: float
    smallest: int
    largest: int
    score: float
    """What the model scores in context, over the tasks that have every pool size too."""
    fitted: float
    """Its shots that fitted the context, mean over these tasks and seeds."""
    num_tasks: int
    num_seeds: int
    missing_tasks: int
    missing_seeds: int

    @property
    def words(self) -> str:
        """The answer in words: `about 120`, `below 16`."""
        if self.place == "between":
            return f"about {self._word(self.pool_size)}"
        return self._word(0.0 if self.place == "below the smallest" else math.inf)

    @property
    def interval(self) -> str:
        """The 95 % interval in words: `below 16 to 240`."""
        return f"{self._word(self.low)} to {self._word(self.high)}"

    def _word(self, size: float | None) -> str:
        if not size:
            return f"below {self.smallest}"
        return f"above {self.largest}" if math.isinf(size) else f"{size:.0f}"


def gap_closed(
    results: StudyResults,
    few_shot: OperatingPoint,
    manyicl: OperatingPoint,
    dedicated: OperatingPoint,
    *,
    held_out: bool | None,
    family: str | None = None,
) -> Share:
    """Return (manyicl - few_shot) / (dedicated - few_shot): 0 is few-shot, 1 is dedicated.

    There is no value where the interval of the gap, dedicated - few_shot, is not above 0.
    """
    found = table(results, [few_shot, manyicl, dedicated], held_out=held_out, family=family)
    few, many, tuned = found.values
    name = "the gap from few-shot to dedicated fine-tuning"
    return _share(found, many - few, tuned - few, found.fitted[1], name)


def share_of_dedicated(
    results: StudyResults,
    manyicl: OperatingPoint,
    dedicated: OperatingPoint,
    *,
    held_out: bool | None,
    family: str | None = None,
) -> Share:
    """Return manyicl / dedicated."""
    found = table(results, [manyicl, dedicated], held_out=held_out, family=family)
    many, tuned = found.values
    return _share(found, many, tuned, found.fitted[0], "the score of dedicated fine-tuning")


def examples_worth(
    results: StudyResults,
    manyicl: OperatingPoint,
    *,
    held_out: bool | None,
    family: str | None = None,
) -> ExamplesWorth | None:
    """Return the pool size that dedicated fine-tuning needs for `manyicl`'s mean score.

    Between two sizes the score is taken as linear in log size; where a noisy curve crosses more
    than once, the smallest size counts. None if tasks of fewer than three
    groups have `manyicl` and every pool size.
    """
    sizes = pool_sizes(results, held_out=held_out, family=family)
    if not sizes:
        return None
    points = [manyicl, *(DedicatedPoint(size) for size in sizes)]
    found = table(results, points, held_out=held_out, family=family)
    if len(set(found.groups)) < FEWEST_GROUPS:
        return None
    score, *means = (float(values.mean()) for values in found.values)
    crossing = _crossing(score, sizes, means)
    draws = np.stack(resampled_means(found.values, found.groups), axis=1)  # B x (1 + pool sizes)
    crossings = [_crossing(draw[0], sizes, draw[1:]) for draw in draws]
    # Order statistics: between a number and infinity nothing can be interpolated.
    ends = tails(len(set(found.groups)))
    low, high = np.quantile(crossings, ends, method="inverted_cdf")
    inside = 0 < crossing < math.inf
    return ExamplesWorth(
        place="between" if inside else "above the largest" if crossing else "below the smallest",
        pool_size=crossing if inside else None,
        low=float(low),
        high=float(high),
        smallest=sizes[0],
        largest=sizes[-1],
        score=score,
        fitted=found.fitted[0],
        num_tasks=len(found.tasks),
        num_seeds=len(found.seeds),
        missing_tasks=found.missing_tasks,
        missing_seeds=found.missing_seeds,
    )


def _crossing(score: float, sizes: Sequence[int], means: Sequence[float] | Floats) -> float:
    """Return where the curve first reaches `score`: 0 before the first size, inf beyond the last.

    A score equal to that of the smallest pool is that pool: nothing below it was measured.
    """
    if means[0] == score:
        return float(sizes[0])
    if means[0] > score:
        return 0.0
    for at in range(1, len(sizes)):
        if means[at] >= score:
            part = (score - means[at - 1]) / (means[at] - means[at - 1])
            span = math.log(sizes[at] / sizes[at - 1])
            return float(sizes[at - 1] * math.exp(part * span))
    return math.inf


def _share(
    found: ScoreTable, numerator: Floats, denominator: Floats, fitted: float, name: str
) -> Share:
    def answer(reason: str, value: float | None, low: float | None, high: float | None) -> Share:
        return Share(
            value=value,
            low=low,
            high=high,
            reason=reason,
            numerator=None if found.empty else float(numerator.mean()),
            denominator=None if found.empty else float(denominator.mean()),
            fitted=fitted,
            num_tasks=len(found.tasks),
            num_groups=len(set(found.groups)),
            num_seeds=len(found.seeds),
            missing_tasks=found.missing_tasks,
            missing_seeds=found.missing_seeds,
        )

    if found.empty:
        return answer("no task and seed has all of these scores", None, None, None)
    if len(set(found.groups)) < FEWEST_GROUPS:
        few = f"tasks of fewer than {FEWEST_GROUPS} groups do not show it"
        return answer(few, None, None, None)
    interval = interval_of(denominator, found.groups)
    unclear = (
        f"{name} is not clearly above 0: {denominator.mean():.3f}, 95 % interval "
        f"{interval.low:.3f} to {interval.high:.3f}"
    )
    if interval.low <= 0:
        return answer(unclear, None, None, None)
    tops, bottoms = resampled_means([numerator, denominator], found.groups)
    # A draw whose denominator is not positive says "unbounded", not a number of the other sign.
    ratios = np.where(tops >= 0, math.inf, -math.inf)
    np.divide(tops, bottoms, out=ratios, where=bottoms > 0)
    ends = tails(len(set(found.groups)))
    low, high = np.quantile(ratios, ends, method="inverted_cdf")
    if not np.isfinite([low, high]).all():
        return answer(unclear, None, None, None)
    value = float(numerator.mean() / denominator.mean())
    return answer("", value, float(low), float(high))
