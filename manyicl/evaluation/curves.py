"""Curves over tasks: mean scores by stage and k, and the paired difference of two stages.

A task's point in a curve is its main metric, whatever that is; means over tasks weigh every task
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from manyicl.evaluation.resampling import interval_of
from manyicl.evaluation.scores import KShotScore

FEWEST_TASKS = 6
"""Fewer tasks than this cannot show a difference: five change in one direction by chance in 1 of 16
cases, and a bootstrap of so few is too narrow to say so."""


@dataclass(frozen=True)
class CurvePoint:
    """The mean over tasks of one stage at one k, with a 95 % interval.

    With two tasks or more groups of tasks are resampled; a single task brings its own interval.
    """

    stage: str
    family: str | None
    """None: all families."""
    num_shots: int
    mean: float
    low: float
    high: float
    num_tasks: int
    effective_shots: float
    chance: float | None
    """Mean chance level; None unless every task has one."""


@dataclass(frozen=True)
class Difference:
    """Mean of after minus before over the tasks that have both, with a 95 % interval."""

    num_shots: int
    mean: float
    low: float | None
    """None for a single task, whose two scores are not stored query by query."""
    high: float | None
    num_tasks: int
    num_groups: int
    """Groups that these tasks are of."""
    num_higher: int
    """Tasks where after is above before."""


def is_clear(found: Difference) -> bool:
    """Return whether the interval excludes 0 and tasks of `FEWEST_TASKS` groups stand behind it."""
    if found.low is None or found.high is None or found.num_groups < FEWEST_TASKS:
        return False
    return found.low > 0 or found.high < 0


def mean_curve(
    scores: Iterable[KShotScore],
    by: Literal["family"] | None = None,
    held_out: bool | None = None,
) -> list[CurvePoint]:
    """Return one point for each stage and k (and family), ordered by family, stage, k.

    `held_out` keeps the held-out (True) or held-in (False) tasks. `num_tasks` says how many tasks
    stand behind each point: it may fall with k where pools are small.
    """
    groups: dict[tuple[str | None, str, int], list[KShotScore]] = {}
    for score in scores:
        if held_out is None or score.held_out == held_out:
            key = (score.family if by else None, score.stage, score.num_shots)
            groups.setdefault(key, []).append(score)
    # Stages keep their order of appearance, which is the order they were run in.
    stages = list(dict.fromkeys(stage for _, stage, _ in groups))
    order = sorted(groups, key=lambda key: (key[0] or "", stages.index(key[1]), key[2]))
    return [_point(groups[key], family=key[0]) for key in order]


def paired_difference(
    scores: Iterable[KShotScore],
    before: str,
    after: str,
    num_shots: int,
    held_out: bool | None = None,
) -> Difference | None:
    """Return `after` minus `before` at one k over the tasks both answered; None if there is none.

    Pairing removes what makes one task harder than another, so this interval is narrower than those
    of the two means, and the one to read for "did it help".
    """
    scores = list(scores)
    of: dict[str, dict[str, float]] = {before: {}, after: {}}
    for score in scores:
        fits = held_out is None or score.held_out == held_out
        if fits and score.num_shots == num_shots and score.stage in of:
            of[score.stage][score.task] = score.mean
    both = [task for task in of[before] if task in of[after]]
    if not both:
        return None
    group_of = {score.task: score.group for score in scores}
    groups = [group_of[task] for task in both]
    changes = np.array([of[after][task] - of[before][task] for task in both])
    interval = interval_of(changes[:, None], groups)
    alone = len(changes) == 1
    return Difference(
        num_shots=num_shots,
        mean=float(changes.mean()),
        low=None if alone else interval.low,
        high=None if alone else interval.high,
        num_tasks=len(changes),
        num_groups=len(set(groups)),
        num_higher=int((changes > 0).sum()),
    )


def _point(scores: Sequence[KShotScore], family: str | None) -> CurvePoint:
    means = np.array([score.mean for score in scores])
    interval = interval_of(means[:, None], [score.group for score in scores])
    alone = len(scores) == 1
    chances = [score.chance for score in scores if score.chance is not None]
    return CurvePoint(
        stage=scores[0].stage,
        family=family,
        num_shots=scores[0].num_shots,
        mean=float(means.mean()),
        low=scores[0].low if alone else interval.low,
        high=scores[0].high if alone else interval.high,
        num_tasks=len(scores),
        effective_shots=float(np.mean([score.effective_shots for score in scores])),
        chance=float(np.mean(chances)) if len(chances) == len(scores) else None,
    )
