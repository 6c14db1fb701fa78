from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.evaluation.calibration import expected_calibration_error, option_confidence

ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def test_one_bin_is_the_difference_of_the_means() -> None:
    assert expected_calibration_error([0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0]) == pytest.approx(0.15)


def test_bins_are_weighed_by_their_answers() -> None:
    # Bin (0.5, 0.6]: 0.55 against 0/1. Bin (0.9, 1]: 0.95 against 2/3. Weights 1/4 and 3/4.
    found = expected_calibration_error([0.55, 0.95, 0.95, 0.95], [0, 1, 1, 0])
    assert found == pytest.approx(0.25 * 0.55 + 0.75 * (0.95 - 2 / 3))


def test_errors_of_two_bins_do_not_cancel_and_those_of_one_do() -> None:
    assert expected_calibration_error([0.25, 0.75], [1, 0]) == pytest.approx(0.75)
    assert expected_calibration_error([0.25, 0.75], [1, 0], num_bins=1) == pytest.approx(0.0)


@pytest.mark.parametrize(("confidence", "correct", "error"), [(1, 1, 0), (1, 0, 1), (0, 0, 0)])
def test_a_single_answer(confidence, correct, error) -> None:
    assert expected_calibration_error([confidence], [correct]) == pytest.approx(error)


def test_an_edge_belongs_to_the_bin_below_it() -> None:
    # 0.3 shares (0.2, 0.3] with 0.25, not (0.3, 0.4] with 0.35.
    pair = expected_calibration_error([0.3, 0.25], [1, 0])
    assert pair == pytest.approx(abs(0.55 - 1) / 2)
    apart = expected_calibration_error([0.3, 0.35], [1, 0])
    assert apart == pytest.approx((0.7 + 0.35) / 2)


@given(ANSWERS, st.integers(1, 20))
def test_it_is_the_sum_of_the_paper_bin_by_bin(answers, num_bins) -> None:
    confidence = np.array([c for c, _ in answers])
    correct = np.array([float(right) for _, right in answers])
    expected = 0.0
    for at in range(num_bins):
        inside = (confidence > at / num_bins) & (confidence <= (at + 1) / num_bins)
        if at == 0:
            inside |= confidence == 0
        if inside.any():
            gap = abs(correct[inside].mean() - confidence[inside].mean())
            expected += inside.mean() * gap
    found = expected_calibration_error(confidence, correct, num_bins)
    assert found == pytest.approx(expected, abs=1e-12)
    assert 0 <= found <= 1


@pytest.mark.parametrize(
    ("confidence", "correct", "num_bins", "message"),
    [
        ([], [], 10, "at least one answer"),
        ([0.5], [1, 0], 10, "one number each"),
        ([1.2], [1], 10, "outside"),
        ([math.nan], [1], 10, "outside"),
        ([0.5], [0.5], 10, "neither 0 nor 1"),
        ([0.5], [1], 0, "at least 1"),
    ],
)
def test_what_cannot_be_is_refused(confidence, correct, num_bins, message) -> None:
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(confidence, correct, num_bins)


def test_confidence_is_the_share_of_the_chosen_option() -> None:
    assert option_confidence([math.log(0.2), math.log(0.6)]) == pytest.approx(0.75)
    assert option_confidence([-3.0, -3.0, -3.0, -3.0]) == pytest.approx(0.25)
    assert option_confidence([-700.0]) == 1.0
    assert option_confidence([-2.0, -math.inf]) == 1.0


@given(st.lists(st.floats(-1e4, 0), min_size=1, max_size=8), st.floats(-1e4, 1e4))
def test_confidence_is_a_share_and_ignores_what_all_options_have_in_common(scores, shift) -> None:
    found = option_confidence(scores)
    assert 1 / len(scores) - 1e-12 <= found <= 1
    assert option_confidence([s + shift for s in scores]) == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize("scores", [[], [-math.inf, -math.inf], [math.nan, -1.0]])
def test_scores_without_a_choice_are_refused(scores) -> None:
    with pytest.raises(ValueError, match="scores"):
        option_confidence(scores)
