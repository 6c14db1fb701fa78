"""Ratios of two sides that took turns: medians, and the spread over rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one side is as another.

    `value` divides the medians; `low` and `high` are the extremes over the paired rounds, each of
    which compares two turns that stood next to each other in time.
    """

    value: float
    low: float
    high: float
    rounds: int


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio | None:
    """Return the ratio of two series of speeds, one a round; None without a common round.

    >>> paired_ratio([10.0, 12.0, 11.0], [5.0, 4.0, 5.5])
    Ratio(value=2.2, low=2.0, high=3.0, rounds=3)
    """
    pairs = list(zip(ours, theirs, strict=False))  # a side that failed has fewer rounds
    if not pairs or not all(b > 0 for _, b in pairs):
        return None
    each = [a / b for a, b in pairs]
    value = median(a for a, _ in pairs) / median(b for _, b in pairs)
    return Ratio(value, min(each), max(each), len(pairs))
