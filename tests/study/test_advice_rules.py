"""Advice: the rules, on curves and estimates written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from study.advice_cases import point

from manyicl.study.advice.curve import shot_numbers
from manyicl.study.advice.rules import (
    Estimate,
    Measured,
    above,
    choose,
    judge,
    mean_over_few,
    mean_over_queries,
    more_shots,
    queries_needed,
    similar_shots,
    t_quantile,
)

# --- intervals -----------------------------------------------------------------------------------


def test_quantiles_are_those_of_students_t():
    for degrees in (*range(1, 41), 60, 200, 1000):
        assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=0.01)


def test_the_interval_over_tasks_is_the_t_interval():
    values = [0.02, 0.05, -0.01, 0.04]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    found = mean_over_few(values)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3)


def test_answers_that_are_all_alike_leave_the_share_of_the_rule_of_three():
    right = mean_over_queries(np.ones((3, 30)))
    assert (right.value, right.low, right.high) == pytest.approx((1, 0.9, 1))
    same = mean_over_queries(np.zeros((3, 60)), -1.0)
    assert (same.low, same.high) == pytest.approx((-0.05, 0.05))


def test_the_interval_over_queries_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        found = mean_over_queries((random.random((1, 12)) < 0.4).astype(float))
        hits += found.low <= 0.4 <= found.high
    assert hits >= 184


# --- rules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.001, 0.2, "yes"),
        (-0.02, 0.029, "no"),
        (-0.2, -0.1, "no"),
        (-0.02, 0.031, "cannot_tell"),
        (0.0, 0.1, "cannot_tell"),
        (0.001, 0.002, "yes"),
    ],
)
def test_an_interval_decides(low, high, said):
    assert judge(Estimate((low + high) / 2, low, high)) == said
    few = judge(Estimate((low + high) / 2, low, high), enough=False)
    assert few == ("cannot_tell" if said == "no" else said)


def test_more_shots_compares_the_largest_k_with_half_of_it():
    curve = [point(0, 20), point(8, 40), point(16, 50), point(32, 70)]
    found = more_shots(curve)
    assert (found.verdict, found.num_shots, found.against) == ("yes", 32, 16)
    assert found.gain
    assert found.gain.value == pytest.approx(0.2)
    # Of 200 queries none changes: at most 3/200 may, which is less than 3 points.
    flat = more_shots([point(16, 100, 200), point(32, 100, 200)])
    assert flat.verdict == "no"
    assert flat.queries_needed is None
    # Of 40 none changes either, but 3/40 is more than 3 points.
    few = more_shots([point(16, 20, 40), point(32, 20, 40)])
    assert few.verdict == "cannot_tell"
    assert few.queries_needed == 250
    assert more_shots([point(0, 5)]).gain is None
    assert more_shots([point(0, 5), point(1, 40)]).verdict == "yes"


def test_with_few_queries_it_never_says_that_there_is_no_gain():
    worse = [point(4, 20, 20), point(8, 8, 20)]
    assert more_shots(worse).verdict == "cannot_tell"
    enough = [point(4, 40, 40), point(8, 16, 40)]
    assert more_shots(enough).verdict == "no"


def test_similar_shots_are_compared_at_the_same_k():
    curve = [point(4, 30), point(8, 40), point(4, 90, selection="similar")]
    found = similar_shots(curve)
    assert (found.verdict, found.num_shots, found.against) == ("yes", 4, 4)
    assert found.gain
    assert found.gain.value == pytest.approx(0.6)
    assert similar_shots([point(4, 30)]).gain is None


def test_pairing_finds_what_separate_scores_would_not():
    # 6 more of 100: each score's interval is about 20 points wide, the difference's is not.
    found = more_shots([point(8, 50), point(16, 56)])
    assert found.verdict == "yes"


def test_queries_needed_shrink_the_interval_to_what_has_to_be_cleared():
    # Half-width 0.12 at 40 queries, gain 0.06: it has to halve, which takes four times as many.
    assert queries_needed(Estimate(0.06, -0.06, 0.18), 40) == 160
    assert queries_needed(Estimate(0.0, -0.06, 0.06), 40) == 160


def test_a_curve_at_the_level_of_guessing_is_called_so():
    guesses = [1.0] * 40 + [0.0] * 60
    assert above([point(0, 38), point(8, 41)], guesses) == "no"
    assert above([point(0, 38), point(8, 70)], guesses) == "yes"
    luck = Measured("random", 8, 8.0, np.array([[0.0] * 28 + [1.0] * 45 + [0.0] * 27]), 1.0)
    assert above([luck], guesses) == "cannot_tell"  # 45 against 40, on other queries
    few = [Measured("random", k, float(k), np.zeros((1, 8)), 1.0) for k in (0, 8)]
    assert above(few, np.zeros(8)) == "cannot_tell"  # eight queries never show that it cannot


def test_of_many_points_one_that_is_lucky_is_no_proof():
    guesses = [1.0] * 40 + [0.0] * 60
    alone = point(8, 46)  # paired with the guesses, 6 more of 100
    assert above([alone], guesses) == "yes"
    assert above([alone, *(point(k, 40) for k in range(20))], guesses) == "cannot_tell"


def test_the_fewest_shots_within_a_point_of_the_best_are_chosen():
    curve = [point(0, 20), point(4, 60), point(8, 70), point(16, 71), point(32, 70)]
    assert (choose(curve, "no").selection, choose(curve, "no").num_shots) == ("random", 8)
    both = [*curve, point(4, 90, selection="similar"), point(8, 88, selection="similar")]
    assert choose(both, "cannot_tell").selection == "random"
    chosen = choose(both, "yes")
    assert (chosen.selection, chosen.num_shots, chosen.score.value) == ("similar", 4, 0.9)
    assert chosen.over_random
    assert chosen.over_random.value == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("held", "most", "shots"),
    [
        (1, 0, [0, 1]),
        (15, 0, [0, 1, 2, 4, 8]),
        (16, 0, [0, 1, 2, 4, 8, 16]),
        (100, 8, [0, 1, 2, 4, 8]),
        (100, 1, [0, 1]),
    ],
)
def test_shots_double_up_to_what_is_held(held, most, shots):
    assert shot_numbers(held, most) == shots
