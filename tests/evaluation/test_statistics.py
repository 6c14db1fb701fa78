from __future__ import annotations

import numpy as np
import pytest

from manyicl.evaluation.metrics import macro_f1
from manyicl.evaluation.statistics import (
    bootstrap_interval,
    hierarchical_interval,
    macro_f1_interval,
    spread,
)

scipy_stats = pytest.importorskip("scipy.stats", reason="scipy comes with scikit-learn")

VALUES = np.random.default_rng(3).normal(0.6, 0.2, size=60)


def test_the_interval_is_that_of_scipys_percentile_bootstrap() -> None:
    found = bootstrap_interval(VALUES, num_resamples=20_000)
    expected = scipy_stats.bootstrap(
        (VALUES,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    )
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.002)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.002)
    assert found.stderr == pytest.approx(expected.standard_error, rel=0.03)


def test_the_standard_error_is_the_one_of_the_textbook_for_many_values() -> None:
    found = bootstrap_interval(VALUES, num_resamples=20_000)
    assert found.stderr == pytest.approx(scipy_stats.sem(VALUES, ddof=0), rel=0.02)


def test_two_values_have_the_interval_that_counting_gives() -> None:
    # Means of two draws from {0, 1}: 0, 1/2, 1 with probability 1/4, 1/2, 1/4.
    assert bootstrap_interval([0.0, 1.0])[:2] == (0.0, 1.0)
    narrow = bootstrap_interval([0.0, 1.0], confidence=0.4)
    assert narrow[:2] == (0.5, 0.5)


@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3, 0.3]])
def test_equal_values_have_an_interval_without_width(values) -> None:
    assert bootstrap_interval(values) == pytest.approx((0.3, 0.3, 0.0))


def test_the_same_seed_gives_the_same_interval_and_another_one_a_near_one() -> None:
    assert bootstrap_interval(VALUES) == bootstrap_interval(VALUES)
    other = bootstrap_interval(VALUES, seed=1)
    assert other != bootstrap_interval(VALUES)
    assert other == pytest.approx(bootstrap_interval(VALUES), abs=0.01)


def test_one_seed_or_equal_seeds_add_nothing_to_the_queries() -> None:
    alone = bootstrap_interval(VALUES)
    assert hierarchical_interval([VALUES]) == alone
    assert hierarchical_interval([VALUES] * 3) == pytest.approx(alone)


def test_seeds_that_disagree_widen_the_interval() -> None:
    scores = np.array([np.zeros(50), np.ones(50)])
    assert bootstrap_interval(scores.mean(axis=0))[:2] == pytest.approx((0.5, 0.5))
    assert hierarchical_interval(scores)[:2] == (0.0, 1.0)


def test_the_hierarchical_interval_is_that_of_resampling_in_a_loop() -> None:
    random = np.random.default_rng(5)
    scores = random.normal(size=(3, 1)) * 0.3 + random.normal(size=(1, 20)) + 0.1
    means = []
    for _ in range(8000):
        seeds, queries = random.integers(0, 3, 3), random.integers(0, 20, 20)
        means.append(scores[np.ix_(seeds, queries)].mean())
    found = hierarchical_interval(scores, num_resamples=8000)
    assert found[:2] == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.03)
    assert found.stderr == pytest.approx(np.std(means), rel=0.05)


def test_the_interval_of_macro_f1_is_that_of_resampling_within_classes_in_a_loop() -> None:
    random = np.random.default_rng(7)
    gold = random.integers(0, 4, 40)
    predicted = np.where(random.random((2, 40)) < 0.6, gold, random.integers(-1, 4, (2, 40)))
    values = []
    for _ in range(3000):
        drawn = np.concatenate(
            [random.choice(np.flatnonzero(gold == c), (gold == c).sum()) for c in range(4)]
        )
        seeds = random.integers(0, 2, 2)
        values.append(np.mean([macro_f1(gold[drawn], predicted[s][drawn], 4) for s in seeds]))
    found = macro_f1_interval(gold, predicted, 4, num_resamples=3000)
    assert found[:2] == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.015)


def test_the_interval_of_macro_f1_holds_it_even_with_a_class_for_every_query() -> None:
    gold = np.arange(50)
    predicted = np.where(gold % 2, gold, -1)
    found = macro_f1_interval(gold, predicted, 100)
    value = macro_f1(gold, predicted, 100)
    assert found.low <= value + 1e-12
    assert value <= found.high + 1e-12


def test_the_spread_is_the_sample_standard_deviation() -> None:
    assert spread(VALUES) == pytest.approx(np.std(VALUES, ddof=1))
    assert spread([0.5]) == 0.0


@pytest.mark.parametrize("scores", [[], [[]], np.zeros((2, 2, 2))])
def test_no_scores_or_scores_of_another_shape_are_refused(scores) -> None:
    with pytest.raises(ValueError, match="S seeds x Q queries"):
        hierarchical_interval(scores)
