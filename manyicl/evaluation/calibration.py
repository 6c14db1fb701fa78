"""Calibration of chosen options: how far confidence is from the share that is right (ECE)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

NUM_BINS = 10


def option_confidence(scores: Sequence[float]) -> float:
    """Return the chosen option's share of the softmax over `scores`, in [1 / K, 1].

    `scores` are K log-probabilities (nats), one an option; the highest is chosen. An option of
    -inf has no share. Raises ValueError if there is none, or no finite one to choose.
    """
    values = np.asarray(scores, dtype=float)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"scores of shape {values.shape}: give one log-probability an option.")
    top = values.max()
    if not np.isfinite(top):
        raise ValueError(f"scores with a highest of {top}: give log-probabilities, one finite.")
    return float(1 / np.exp(values - top).sum())


def expected_calibration_error(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, num_bins: int = NUM_BINS
) -> float:
    """Return the expected calibration error (Guo et al. 2017), in [0, 1].

    `confidence` (N, in [0, 1]) and `correct` (N, 0 or 1) of the same answers. Bins are of equal
    width, ((i - 1) / num_bins, i / num_bins]; 0 falls into the first. The error is the mean over
    answers of their bin's |mean confidence - share correct|. Biased upwards for few answers a bin:
    compare models on equally many answers. Raises ValueError for other shapes and values.
    """
    confidence = np.asarray(confidence, dtype=float)
    correct = np.asarray(correct, dtype=float)
    if confidence.ndim != 1 or confidence.shape != correct.shape or not confidence.size:
        raise ValueError(
            f"confidence of shape {confidence.shape} and correct of shape {correct.shape}: "
            "give one number each for every answer, and at least one answer."
        )
    if not np.all((confidence >= 0) & (confidence <= 1)):  # NaN fails too
        raise ValueError("confidence: has a value outside [0, 1].")
    if not np.isin(correct, (0, 1)).all():
        raise ValueError("correct: has a value that is neither 0 nor 1.")
    if num_bins < 1:
        raise ValueError(f"num_bins: is {num_bins}; it must be at least 1.")
    edges = np.arange(1, num_bins) / num_bins
    bins = np.searchsorted(edges, confidence, side="left")  # an edge belongs to the bin below it
    gaps = np.bincount(bins, weights=confidence - correct, minlength=num_bins)
    return float(np.abs(gaps).sum() / confidence.size)
