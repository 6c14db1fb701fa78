"""The difference of two operating points over the same tasks and seeds, and how sure it is.

Intervals are of 95 %, groups of tasks and seeds resampled together (`evaluation/resampling.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

from manyicl.evaluation.curves import FEWEST_TASKS
from manyicl.evaluation.resampling import FEWEST_SEEDS, interval_of
from manyicl.study.analysis.points import OperatingPoint, table
from manyicl.study.records import StudyResults

TIE = 0.005
"""Differences of a task's score below this are a tie: half a query of a hundred."""


@dataclass(frozen=True)
class PairedDifference:
    """Mean of a - b over tasks and seeds that both have, with a 95 % interval."""

    mean: float
    low: float
    high: float
    mean_a: float
    mean_b: float
    fitted_a: float
    """Shots that fitted the context, mean over these tasks and seeds; 0 for dedicated models."""
    fitted_b: float
    wins: int
    """Tasks on which a is above b, in the mean over seeds."""
    ties: int
    losses: int
    p_value: float
    """Two-sided sign test over tasks, ties left out; 1 if all are ties."""
    num_tasks: int
    num_groups: int
    """Groups that these tasks are of."""
    num_seeds: int
    missing_tasks: int
    """Tasks of the kind asked for that are left out, since some score is not there."""
    missing_seeds: int

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0 and stands on enough groups of tasks and seeds."""
        return self.clear_for_one_model and self.num_seeds >= FEWEST_SEEDS

    @property
    def clear_for_one_model(self) -> bool:
        """The same where both points are of one model: no other training could change sides."""
        return self.num_groups >= FEWEST_TASKS and (self.low > 0 or self.high < 0)


def paired(
    results: StudyResults,
    a: OperatingPoint,
    b: OperatingPoint,
    *,
    held_out: bool | None,
    family: str | None = None,
) -> PairedDifference | None:
    """Return a - b; None if the two have no task and seed in common."""
    found = table(results, [a, b], held_out=held_out, family=family)
    if found.empty:
        return None
    of_a, of_b = found.values
    differences = of_a - of_b
    interval = interval_of(differences, found.groups)
    by_task = differences.mean(axis=1)
    wins, losses = int((by_task >= TIE).sum()), int((by_task <= -TIE).sum())
    return PairedDifference(
        mean=float(differences.mean()),
        low=interval.low,
        high=interval.high,
        mean_a=float(of_a.mean()),
        mean_b=float(of_b.mean()),
        fitted_a=found.fitted[0],
        fitted_b=found.fitted[1],
        wins=wins,
        ties=len(by_task) - wins - losses,
        losses=losses,
        p_value=sign_test(wins, losses),
        num_tasks=len(found.tasks),
        num_groups=len(set(found.groups)),
        num_seeds=len(found.seeds),
        missing_tasks=found.missing_tasks,
        missing_seeds=found.missing_seeds,
    )


def sign_test(wins: int, losses: int) -> float:
    """Return the two-sided p of the exact sign test: a fair coin, `wins` + `losses` throws."""
    throws = wins + losses
    tail = sum(comb(throws, at) for at in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / 2**throws)
