"""How sure a task's score is: standard errors and percentile bootstrap intervals (Efron 1979).

Deterministic: every function takes a seed, and the same numbers give the same interval.
Percentile intervals of fewer than about ten values are too narrow; say how many there were.
Intervals over tasks: `resampling.py`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NUM_RESAMPLES = 2000
CONFIDENCE = 0.95

Floats = npt.NDArray[np.float64]

# 97.5 % quantiles of Student's t, by degrees of freedom from 1.
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class Interval(NamedTuple):
    """A bootstrap interval and the bootstrap's standard error, both 0 wide for a single value."""

    low: float
    high: float
    stderr: float


def t_quantile(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t, within 0.01."""
    return _T[degrees - 1] if degrees <= len(_T) else 1.96 + 2.4 / degrees


def spread(values: npt.ArrayLike) -> float:
    """Return the sample standard deviation (n - 1) of `values`; 0 for one value."""
    values = np.asarray(values, dtype=float)
    return float(values.std(ddof=1)) if values.size > 1 else 0.0


def bootstrap_interval(
    values: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the percentile interval of the mean of `values`."""
    return hierarchical_interval(
        np.asarray(values, dtype=float)[None, :],
        confidence=confidence,
        num_resamples=num_resamples,
        seed=seed,
    )


def hierarchical_interval(
    scores: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the percentile interval of the mean of `scores` (S seeds x Q queries).

    Seeds and queries are both resampled, and every drawn seed meets the same drawn queries, since
    all seeds answer the same ones (the pigeonhole bootstrap, Owen 2007).
    """
    scores = np.asarray(scores, dtype=float)
    _check(scores)
    num_seeds, num_queries = scores.shape
    seeds = _counts(num_seeds, num_resamples, seed, "seeds")
    queries = _counts(num_queries, num_resamples, seed, "queries")
    sums = np.einsum("bq,bq->b", seeds @ scores, queries)
    return _percentiles(sums / (num_seeds * num_queries), confidence)


def macro_f1_interval(
    gold: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    num_classes: int,
    *,
    confidence: float = CONFIDENCE,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the percentile interval of the mean over seeds of macro-F1.

    `gold` holds Q class indices, `predicted` S x Q (-1: no class). Queries are resampled within
    their gold class: otherwise a rare class would often be drawn not at all, score 0, and push the
    interval below the macro-F1 itself.
    """
    predicted = np.atleast_2d(predicted)
    _check(predicted)
    order = np.argsort(gold, kind="stable")
    gold, predicted = gold[order], predicted[:, order]
    sizes = np.bincount(gold, minlength=num_classes)
    queries = _counts_within(tuple(int(n) for n in sizes if n), num_resamples, seed)  # B x Q
    seeds = _counts(len(predicted), num_resamples, seed, "seeds") / len(predicted)  # B x S

    classes = np.arange(num_classes)
    values = np.empty((num_resamples, len(predicted)))
    for at, answers in enumerate(predicted):
        given = queries @ (answers[:, None] == classes)
        right = queries @ ((gold == answers)[:, None] & (gold[:, None] == classes))
        there = np.maximum((sizes + given > 0).sum(axis=1), 1)
        values[:, at] = np.sum(2 * right / np.maximum(sizes + given, 1), axis=1) / there
    return _percentiles(np.einsum("bs,bs->b", values, seeds), confidence)


@lru_cache(maxsize=16)
def _counts(num_items: int, num_resamples: int, seed: int, stream: str) -> Floats:
    """How often each item is drawn in each resample, B x items; shared by calls of one size."""
    return _counts_within((num_items,), num_resamples, seed, stream)


@lru_cache(maxsize=4)
def _counts_within(
    sizes: tuple[int, ...], num_resamples: int, seed: int, stream: str = "classes"
) -> Floats:
    """As `_counts`, drawing within consecutive blocks of items of the given sizes."""
    total = sum(sizes)
    random = np.random.default_rng([seed, *stream.encode()])
    starts = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    drawn = starts + (random.random((num_resamples, total)) * np.repeat(sizes, sizes)).astype(int)
    drawn += total * np.arange(num_resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=num_resamples * total)
    counts = counts.reshape(num_resamples, total).astype(float)
    counts.setflags(write=False)
    return counts


def _percentiles(means: Floats, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high), float(means.std()))


def _check(scores: npt.NDArray[np.generic]) -> None:
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"scores of shape {scores.shape}: give S seeds x Q queries, none empty.")
