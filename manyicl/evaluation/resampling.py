"""Intervals over tasks: groups of tasks and seeds resampled together, for any statistic of means.

Tasks of one group share text or grammar and do not vary apart, so a group is drawn whole (a cluster
bootstrap). Every drawn seed meets the same drawn tasks (the pigeonhole bootstrap, Owen 2007).
Percentile intervals of few values are too narrow; the tails are taken further out by as much as a
t interval is wider than a normal one (the expanded percentile interval, Hesterberg 2015, "What
Teachers Should Know About the Bootstrap"). Of two or three seeds no bootstrap sees much: where
seeds differ much, the interval is still too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from manyicl.evaluation.statistics import (
    CONFIDENCE,
    NUM_RESAMPLES,
    Floats,
    Interval,
    spread,
    t_quantile,
)

FEWEST_SEEDS = 2
"""With one seed nothing is known of how another training would come out."""


def resampled_means(
    values: Sequence[Floats], groups: Sequence[str], *, seed: int = 0
) -> list[Floats]:
    """Return the means of bootstrap resamples of several tasks x seeds, the same draws for all.

    `groups` names each task's group. A mean is over the drawn tasks, however many these are.
    """
    num_tasks, num_seeds = values[0].shape
    names = sorted(set(groups))
    member = np.array([[group == name for group in groups] for name in names], dtype=float)
    random = np.random.default_rng([seed, *b"study"])
    drawn = random.multinomial(len(names), [1 / len(names)] * len(names), size=NUM_RESAMPLES)
    tasks = drawn @ member.reshape(len(names), num_tasks)
    seeds = random.multinomial(num_seeds, [1 / num_seeds] * num_seeds, size=NUM_RESAMPLES)
    sizes = tasks.sum(axis=1) * num_seeds
    return [np.einsum("bs,bs->b", tasks @ each, seeds) / sizes for each in values]


def tails(count: int) -> tuple[float, float]:
    """Return which quantiles of the draws of `count` independent things bound a 95 % interval.

    >>> [round(tail, 4) for tail in tails(32)]
    [0.0192, 0.9808]
    """
    if count < 2:
        return (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    low = NormalDist().cdf(-t_quantile(count - 1) * math.sqrt(count / (count - 1)))
    return low, 1 - low


def interval_of(values: Floats, groups: Sequence[str]) -> Interval:
    """Return the 95 % interval of the mean of tasks x seeds; 0 wide for a single value.

    Where all tasks are of one group the tasks are drawn apart: nothing else varies.
    """
    if len(set(groups)) == 1:
        groups = [str(task) for task in range(len(groups))]
    (draws,) = resampled_means([values], groups)
    low, high = np.quantile(draws, tails(len(set(groups))))
    return Interval(float(low), float(high), float(draws.std()))


def over_seeds(values: npt.ArrayLike) -> Interval:
    """Return the 95 % t interval of the mean over seeds of one measurement; 0 wide for one seed.

    A bootstrap of three values ends at their smallest and largest.
    """
    values = np.asarray(values, dtype=float)
    mean, stderr = float(values.mean()), spread(values) / math.sqrt(values.size)
    half = t_quantile(values.size - 1) * stderr if values.size > 1 else 0.0
    return Interval(mean - half, mean + half, stderr)
