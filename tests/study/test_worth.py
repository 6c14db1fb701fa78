from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study.small_studies import FEW, MANY, study
from study.synthetic import synthetic_study

from manyicl.study.analysis.points import DedicatedPoint
from manyicl.study.analysis.worth import examples_worth, gap_closed, share_of_dedicated

scipy_stats = pytest.importorskip("scipy.stats", reason="scipy comes with scikit-learn")

NAN = float("nan")
TUNED = DedicatedPoint(64)
HARD = np.random.default_rng(0).uniform(0, 0.3, (8, 3))  # what makes tasks differ


def test_the_share_of_the_gap_by_hand() -> None:
    values = {FEW: HARD + 0.2, MANY: HARD + 0.5, TUNED: HARD + 0.6}
    found = gap_closed(study(values), FEW, MANY, TUNED, held_out=True)
    assert (found.value, found.low, found.high) == pytest.approx((0.75, 0.75, 0.75))
    assert (found.numerator, found.denominator) == pytest.approx((0.3, 0.4))
    assert (found.num_tasks, found.num_seeds, found.reason) == (8, 3, "")


def test_it_is_a_ratio_of_means_over_the_tasks_of_all_three() -> None:
    few = [[0.2], [0.4], [0.2], [0.4], [0.9]]
    many = [[0.4], [0.5], [0.4], [0.5], [0.9]]
    tuned = [[0.6], [0.6], [0.6], [0.6], [NAN]]
    found = gap_closed(study({FEW: few, MANY: many, TUNED: tuned}), FEW, MANY, TUNED, held_out=True)
    assert found.value == pytest.approx(0.3 / 0.6)
    assert (found.num_tasks, found.missing_tasks) == (4, 1)


def test_two_tasks_tell_no_share() -> None:
    values = {FEW: [[0.5], [0.5]], MANY: [[0.6], [0.6]], TUNED: [[0.51], [0.51]]}
    found = gap_closed(study(values), FEW, MANY, TUNED, held_out=True)
    assert found.value is None
    assert found.reason == "tasks of fewer than 3 groups do not show it"


@pytest.mark.parametrize("gap", [-0.2, 0.0])
def test_without_a_gap_there_is_a_reason_and_no_number(gap) -> None:
    values = {FEW: HARD + 0.4, MANY: HARD + 0.5, TUNED: HARD + 0.4 + gap}
    found = gap_closed(study(values), FEW, MANY, TUNED, held_out=True)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert "not clearly above 0" in found.reason
    assert f"{gap:.3f}" in found.reason.replace("-0.000", "0.000")
    assert found.denominator == pytest.approx(gap)


def test_a_gap_that_may_be_none_gives_no_number() -> None:
    noise = np.random.default_rng(1).normal(0.02, 0.2, HARD.shape)
    values = {FEW: HARD, MANY: HARD + 0.1, TUNED: HARD + noise}
    assert gap_closed(study(values), FEW, MANY, TUNED, held_out=True).value is None


def test_nothing_in_common_is_said() -> None:
    found = gap_closed(study({FEW: [[0.5]], MANY: [[0.6]]}), FEW, MANY, TUNED, held_out=True)
    assert found.value is None
    assert found.reason == "no task and seed has all of these scores"
    assert (found.numerator, found.missing_tasks) == (None, 1)


def test_the_ratios_interval_for_one_seed_is_scipys_paired_bootstrap() -> None:
    draw = np.random.default_rng(2)
    few = draw.uniform(0.2, 0.5, 30)
    many, tuned = few + draw.normal(0.15, 0.06, 30), few + draw.normal(0.2, 0.06, 30)
    values = {FEW: few[:, None], MANY: many[:, None], TUNED: tuned[:, None]}
    found = gap_closed(study(values), FEW, MANY, TUNED, held_out=True)
    expected = scipy_stats.bootstrap(
        (few, many, tuned),
        lambda f, m, t, axis: (m - f).mean(axis=axis) / (t - f).mean(axis=axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_the_share_of_dedicated_by_hand() -> None:
    values = {MANY: [[0.3], [0.6], [0.45]], TUNED: [[0.4], [0.8], [0.6]]}
    found = share_of_dedicated(study(values), MANY, TUNED, held_out=True)
    assert (found.value, found.low, found.high) == pytest.approx((0.75, 0.75, 0.75))
    nothing = share_of_dedicated(
        study({MANY: [[0.3]] * 3, TUNED: [[0.0]] * 3}), MANY, TUNED, held_out=True
    )
    assert nothing.value is None
    assert "the score of dedicated fine-tuning is not clearly above 0" in nothing.reason


def pools(**by_size: float) -> dict:
    return {DedicatedPoint(int(name[1:])): [[value] * 2] * 3 for name, value in by_size.items()}


CURVE = {"p16": 0.2, "p64": 0.4, "p256": 0.6}


@pytest.mark.parametrize(
    ("score", "place", "pool_size", "text"),
    [
        (0.4, "between", 64, "about 64 (64 to 64)"),
        (0.5, "between", 128, "about 128 (128 to 128)"),  # half way in log size
        (0.2, "between", 16, "about 16 (16 to 16)"),
        (0.6, "between", 256, "about 256 (256 to 256)"),
        (0.1, "below the smallest", None, "below 16 (below 16 to below 16)"),
        (0.7, "above the largest", None, "above 256 (above 256 to above 256)"),
    ],
)
def test_what_it_is_worth_by_hand(score, place, pool_size, text) -> None:
    found = examples_worth(study({MANY: [[score] * 2] * 3, **pools(**CURVE)}), MANY, held_out=True)
    assert found is not None
    assert found.place == place
    assert found.pool_size == (pool_size if pool_size is None else pytest.approx(pool_size))
    assert f"{found.words} ({found.interval})" == text
    assert (found.smallest, found.largest) == (16, 256)


def test_an_uncertain_worth_may_reach_beyond_both_ends() -> None:
    score = [[0.1], [0.1], [0.4], [0.7], [0.9]]
    values = {point: rows + rows[:2] for point, rows in pools(**CURVE).items()}
    values = {point: [row[:1] for row in rows] for point, rows in values.items()}
    found = examples_worth(study({MANY: score, **values}), MANY, held_out=True)
    assert found is not None
    assert found.place == "between"
    assert (found.low, found.high) == (0, math.inf)
    assert found.interval == "below 16 to above 256"


def test_a_curve_that_crosses_twice_counts_its_first_crossing() -> None:
    curve = {"p16": 0.2, "p64": 0.6, "p256": 0.3, "p1000": 0.7}
    found = examples_worth(study({MANY: [[0.4] * 2] * 3, **pools(**curve)}), MANY, held_out=True)
    assert found is not None
    assert found.pool_size == pytest.approx(32)


def test_worth_without_pools_or_common_tasks_is_none() -> None:
    assert examples_worth(study({MANY: [[0.5]]}), MANY, held_out=True) is None
    apart = study({MANY: [[0.5], [NAN]], TUNED: [[NAN], [0.5]]})
    assert examples_worth(apart, MANY, held_out=True) is None


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1), st.floats(0, 0.2))
def test_a_higher_score_is_never_worth_less(score, more) -> None:
    worth = []
    for value in (score, score + more):
        values = {MANY: [[value] * 2] * 3, **pools(**CURVE)}
        found = examples_worth(study(values), MANY, held_out=True)
        assert found is not None
        ends = {"below the smallest": 0.0, "above the largest": math.inf}
        worth.append(ends.get(found.place, found.pool_size))
    assert worth[0] <= worth[1]


def test_the_made_up_study_has_a_share_overall_and_by_family() -> None:
    results = synthetic_study()
    whole = gap_closed(results, FEW, MANY, DedicatedPoint(256), held_out=True)
    one = gap_closed(results, FEW, MANY, DedicatedPoint(256), held_out=True, family="nli")
    # 0.38 + 0.045 * 6.02 against 0.40 + 0.022 * 2.58, to 0.40 + 0.045 * 8.01
    assert whole.value == pytest.approx((0.651 - 0.457) / (0.760 - 0.457), abs=0.05)
    assert one.value is not None
    assert one.num_groups == 4
    # Of 24 tasks, the 4 of summarization hold 40 of 64 shots; pool 256 is there for all.
    assert whole.fitted == pytest.approx((20 * 64 + 4 * 40) / 24)
    assert one.fitted == 64
