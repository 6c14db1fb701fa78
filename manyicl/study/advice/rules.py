"""The rules of advice: what a measured k-shot curve says, and when it says nothing.

Pure functions over measured scores; measuring is curve.py, dedicated fine-tuning
dedicated_outlook.py, sentences text.py. Scores lie in [0, 1]; a point is 0.01.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from manyicl.evaluation.statistics import (
    Floats,
    bootstrap_interval,
    hierarchical_interval,
    t_quantile,
)

Verdict = Literal["yes", "no", "cannot_tell"]

MARGIN = 0.03  # a gain below this is not worth more work
WITHIN = 0.01  # fewer shots are recommended if they score within this of the best
ENOUGH_QUERIES = 30  # "no gain" needs so many: a few queries rarely show a small gain

_NORMAL = 1.96


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """Answers at one point of the curve. Every point has the same queries in the same order."""

    selection: str
    """`random` (shared by all queries, one draw a seed) or `similar` (for each query)."""
    num_shots: int
    effective_shots: float
    scores: Floats
    """S seeds x Q queries, each in [0, 1]; one seed for `similar`, which draws nothing."""
    prompt_tokens: float
    """Demonstrations and query together, mean over prompts."""


@dataclass(frozen=True)
class Effect:
    """What a change of the prompt gains, paired over queries, and what that allows to say."""

    verdict: Verdict
    selection: str
    """Of the shots that are judged."""
    gain: Estimate | None
    """None where it could not be measured."""
    num_shots: int
    against: int
    """Shots compared with: half of `num_shots`, or the same number of random ones."""
    queries_needed: int | None = None
    """Roughly how many queries would settle it, where the verdict is `cannot_tell`."""


@dataclass(frozen=True)
class Choice:
    """The prompt to use."""

    selection: str
    num_shots: int
    score: Estimate
    over_random: Estimate | None = None
    """Similar shots: what they gain over as many random ones."""


def mean_over_queries(scores: npt.ArrayLike, least: float = 0.0) -> Estimate:
    """Return the mean of S seeds x Q queries with a bootstrap interval over both.

    Values lie in [`least`, 1]; that is -1 for differences. The interval is widened as a t interval
    is, since the percentile bootstrap of few queries is narrow. Where all values are equal the
    bootstrap sees no spread at all: then up to 3/Q of queries may be otherwise (rule of three).
    """
    scores = np.atleast_2d(np.asarray(scores, dtype=float))
    value, count = float(scores.mean()), scores.shape[1]
    if len(scores) > 1:
        low, high, _ = hierarchical_interval(scores)
    else:
        low, high, _ = bootstrap_interval(scores[0])
    if count < 2:
        return Estimate(value, least, 1.0)
    if np.ptp(scores) == 0:
        unseen = min(3 / count, 1.0)
        return Estimate(value, value - unseen * (value - least), value + unseen * (1 - value))
    wider = t_quantile(count - 1) / _NORMAL * math.sqrt(count / (count - 1))
    low, high = value - wider * (value - low), value + wider * (high - value)
    return Estimate(value, max(low, least), min(high, 1.0))


def mean_over_few(values: Sequence[float]) -> Estimate:
    """Return the mean over tasks with its t interval; a study has few tasks of a family."""
    value, count = float(np.mean(values)), len(values)
    if count < 2:
        return Estimate(value, -1.0, 1.0)
    half = t_quantile(count - 1) * float(np.std(values, ddof=1)) / math.sqrt(count)
    return Estimate(value, value - half, value + half)


def judge(gain: Estimate, *, enough: bool = True) -> Verdict:
    """Say `yes` if the whole interval is above 0, `no` if all of it is below 3 points.

    Without `enough` measurements it never says `no`.
    """
    if gain.low > 0:
        return "yes"
    return "no" if enough and gain.high < MARGIN else "cannot_tell"


def more_shots(curve: Sequence[Measured], selection: str = "random") -> Effect:
    """Compare the largest k with half of it, query by query and seed by seed."""
    points = {point.num_shots: point for point in curve if point.selection == selection}
    most = max(points)
    half = most // 2
    if not most or half not in points:
        return Effect("cannot_tell", selection, None, most, half)
    return _effect(selection, points[most].scores - points[half].scores, most, half)


def similar_shots(curve: Sequence[Measured]) -> Effect:
    """Compare similar with random shots at the largest k that both were measured at."""
    random = {point.num_shots: point for point in curve if point.selection == "random"}
    similar = {point.num_shots: point for point in curve if point.selection == "similar"}
    both = [k for k in similar if k in random and k > 0]
    if not both:
        return Effect("cannot_tell", "similar", None, 0, 0)
    k = max(both)
    return _effect("similar", similar[k].scores - random[k].scores, k, k)


def above(curve: Sequence[Measured], guesses: npt.ArrayLike) -> Verdict:
    """Say whether the model does the task at all: better than answering without reading.

    `guesses` are the Q scores of the most frequent answer (or of chance). `yes`: some point is
    clearly above them, its interval widened for the number of points that could have been
    (Bonferroni); `no`: none is, none lies 3 points or more above them, and there were enough
    queries to see it.
    """
    gains = [mean_over_queries(point.scores - np.asarray(guesses), -1.0) for point in curve]
    wider = NormalDist().inv_cdf(1 - 0.025 / len(gains)) / _NORMAL
    if any(gain.value > wider * (gain.value - gain.low) for gain in gains):
        return "yes"
    enough = curve[0].scores.shape[1] >= ENOUGH_QUERIES
    return "no" if enough and all(gain.value < MARGIN for gain in gains) else "cannot_tell"


def choose(curve: Sequence[Measured], similar: Verdict) -> Choice:
    """Return the prompt to use: similar shots only where they clearly gain, and of those numbers
    of shots that score within a point of the best, the smallest."""
    selection = "similar" if similar == "yes" else "random"
    points = [point for point in curve if point.selection == selection]
    best = max(float(point.scores.mean()) for point in points)
    near = [point for point in points if point.scores.mean() >= best - WITHIN]
    point = min(near, key=lambda point: point.num_shots)
    over = [
        mean_over_queries(point.scores - other.scores, -1.0)
        for other in curve
        if selection == "similar"
        and (other.selection, other.num_shots) == ("random", point.num_shots)
    ]
    score = mean_over_queries(point.scores)
    return Choice(selection, point.num_shots, score, over[0] if over else None)


def _effect(selection: str, differences: Floats, num_shots: int, against: int) -> Effect:
    gain = mean_over_queries(differences, -1.0)
    count = differences.shape[1]
    verdict = judge(gain, enough=count >= ENOUGH_QUERIES)
    needed = queries_needed(gain, count) if verdict == "cannot_tell" else None
    return Effect(verdict, selection, gain, num_shots, against, needed)


def queries_needed(gain: Estimate, count: int) -> int:
    """Return roughly how many queries would settle a gain measured on `count` of them.

    The interval's width falls with the root of their number; it has to clear 0 or 3 points,
    whichever is farther from the gain.
    """
    half = (gain.high - gain.low) / 2
    needed = count * (half / max(gain.value, MARGIN - gain.value)) ** 2
    return max(ENOUGH_QUERIES, math.ceil(needed / 10) * 10)
