from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from manyicl.evaluation.resampling import interval_of, over_seeds, resampled_means, tails

DRAW = np.random.default_rng(0)


def test_the_tails_are_those_of_the_expanded_percentile_interval() -> None:
    for count in (2, 3, 6, 32, 200):
        half = stats.t.ppf(0.975, count - 1) * (count / (count - 1)) ** 0.5
        low, high = tails(count)
        assert low == pytest.approx(stats.norm.cdf(-half), rel=0.05)
        assert low + high == pytest.approx(1)


def test_an_interval_of_few_tasks_is_about_as_wide_as_students() -> None:
    values = DRAW.normal(0, 1, (8, 1))
    found = interval_of(values, list("abcdefgh"))
    wanted = stats.t.interval(0.95, 7, values.mean(), stats.sem(values[:, 0]))
    assert (found.low, found.high) == pytest.approx(wanted, abs=0.15)


def test_tasks_of_a_group_are_drawn_together() -> None:
    """Three times the same task says no more than one of them."""
    values = DRAW.normal(0, 1, (7, 3))
    alone = interval_of(values, list("abcdefg"))
    three = interval_of(np.repeat(values, 3, axis=0), [g for g in "abcdefg" for _ in range(3)])
    assert three == pytest.approx(alone)
    apart = interval_of(np.repeat(values, 3, axis=0), [str(n) for n in range(21)])
    assert apart.stderr < 0.75 * alone.stderr


def test_draws_are_those_of_a_loop_over_groups_and_seeds() -> None:
    values, groups = DRAW.normal(0, 1, (6, 3)), ["a", "a", "a", "b", "c", "c"]
    members = [[0, 1, 2], [3], [4, 5]]
    random, means = np.random.default_rng(1), []
    for _ in range(4000):
        rows = [row for at in random.integers(0, 3, 3) for row in members[at]]
        means.append(values[rows][:, random.integers(0, 3, 3)].mean())
    (found,) = resampled_means([values], groups)
    assert found.mean() == pytest.approx(np.mean(means), abs=0.05)
    assert found.std() == pytest.approx(np.std(means), rel=0.07)


def test_several_tables_get_the_same_draws() -> None:
    values = DRAW.normal(0, 1, (5, 2))
    one, two = resampled_means([values, values + 1], list("abcde"))
    assert two - one == pytest.approx(np.ones(len(one)))


def test_the_interval_over_seeds_is_students() -> None:
    values = [0.1, 0.25, 0.2]
    wanted = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    found = over_seeds(values)
    assert (found.low, found.high) == pytest.approx(wanted, abs=0.01)
    assert found.stderr == pytest.approx(stats.sem(values))
    assert over_seeds([0.3]) == pytest.approx((0.3, 0.3, 0.0))
