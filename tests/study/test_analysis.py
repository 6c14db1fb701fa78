from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from study.small_studies import FEW, MANY, info, names, score, study
from study.synthetic import FAMILIES, KS, POOLS, synthetic_study

from manyicl.evaluation.resampling import interval_of
from manyicl.study.analysis.at_zero import tasks_at_zero
from manyicl.study.analysis.curves import calibration, curve, dedicated_curve, order_sensitivity
from manyicl.study.analysis.paired import paired, sign_test
from manyicl.study.analysis.points import (
    BASE_MODEL,
    DedicatedPoint,
    ModelKey,
    OperatingPoint,
    Point,
    fit_words,
    shots_of,
    table,
)
from manyicl.study.records import OrderScore, StudyError, StudyResults

scipy_stats = pytest.importorskip("scipy.stats", reason="scipy comes with scikit-learn")

NAN = float("nan")
STUDY = synthetic_study()
TABLES = arrays(float, st.tuples(st.integers(1, 8), st.integers(1, 3)), elements=st.floats(0, 1))


def shuffled(results: StudyResults, seed: int) -> StudyResults:
    """The same study with the records of every kind in another order."""
    kinds = ("tasks", "models", "scores", "dedicated", "retention", "orders", "search")
    records = {kind: list(getattr(results, kind)) for kind in kinds}
    for rows in records.values():
        random.Random(seed).shuffle(rows)
    return dataclasses.replace(results, **{kind: tuple(rows) for kind, rows in records.items()})


# Tables of tasks and seeds


def test_a_table_holds_the_scores_by_task_and_seed() -> None:
    found = table(study({MANY: [[0.1, 0.2], [0.3, 0.4]]}), [MANY], held_out=True)
    assert found.tasks == ("task_00", "task_01")
    assert found.seeds == (0, 1)
    assert found.values[0].tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert (found.missing_tasks, found.missing_seeds) == (0, 0)


def test_a_task_without_a_seed_is_left_out_and_counted() -> None:
    found = table(study({MANY: [[0.1, 0.2], [0.3, NAN], [0.5, 0.6]]}), [MANY], held_out=True)
    assert found.tasks == ("task_00", "task_02")
    assert found.values[0].tolist() == [[0.1, 0.2], [0.5, 0.6]]
    assert (found.missing_tasks, found.missing_seeds) == (1, 0)


def test_a_seed_just_begun_is_left_out_rather_than_the_tasks_it_has_not_reached() -> None:
    rows = [[0.1, 0.2, 0.3], [0.1, 0.2, NAN], [0.1, 0.2, NAN], [0.1, 0.2, NAN]]
    found = table(study({MANY: rows}), [MANY], held_out=True)
    assert found.seeds == (0, 1)
    assert len(found.tasks) == 4
    assert (found.missing_tasks, found.missing_seeds) == (0, 1)


def test_what_was_not_measured_is_empty_and_all_missing() -> None:
    found = table(study({MANY: [[0.1, 0.2]] * 3}), [FEW], held_out=True)
    assert found.tasks == ()
    assert found.values[0].shape == (0, 0)
    assert (found.missing_tasks, found.missing_seeds) == (3, 2)


def test_sides_families_and_selections_are_kept_apart() -> None:
    similar = Point(MANY.key, 64, "similar")
    tasks = (info("a"), info("b", "nli"), info("c", held_out=False))
    scores = [score(MANY, name, 0, value) for name, value in (("a", 0.1), ("b", 0.2), ("c", 0.3))]
    results = StudyResults("x", tasks, scores=(*scores, score(similar, "a", 0, 0.4)))

    def of(point=MANY, **kind):
        return table(results, [point], **kind).values[0].ravel().tolist()

    assert of(held_out=True) == [0.1, 0.2]
    assert of(held_out=True, family="nli") == [0.2]
    assert of(held_out=False) == [0.3]
    assert of(held_out=None) == [0.1, 0.2, 0.3]
    assert of(similar, held_out=None) == [0.4]


def test_two_scores_of_one_cell_are_refused_unless_equal() -> None:
    first, second = score(MANY, "a", 0, 0.1), score(MANY, "a", 0, 0.2)
    twice = StudyResults("x", (info("a"),), scores=(first, first))
    assert table(twice, [MANY], held_out=True).values[0].tolist() == [[0.1]]
    with pytest.raises(StudyError, match="holds two scores of task 'a', seed 0"):
        table(dataclasses.replace(twice, scores=(first, second)), [MANY], held_out=True)


def test_a_score_of_an_unlisted_task_is_refused() -> None:
    with pytest.raises(StudyError, match="task 'b', which it does not list"):
        table(
            StudyResults("x", (info("a"),), scores=(score(MANY, "b", 0, 0.5),)),
            [MANY],
            held_out=True,
        )


def test_the_shots_that_fitted_are_a_mean_over_the_tasks_that_are_compared() -> None:
    tasks = (info("a"), info("b"), info("c"))
    scores = [
        dataclasses.replace(score(MANY, name, 0, 0.5), effective_shots=float(fitted))
        for name, fitted in (("a", 64), ("b", 32), ("c", 2))
    ]
    few = [score(FEW, name, 0, 0.5) for name in ("a", "b")]
    results = StudyResults("x", tasks, scores=(*scores, *few))
    assert table(results, [MANY], held_out=True).fitted == pytest.approx((98 / 3,))
    assert table(results, [MANY, FEW], held_out=True).fitted == (48, 5)
    found = paired(results, MANY, FEW, held_out=True)
    assert found is not None
    assert (found.fitted_a, found.fitted_b) == (48, 5)
    nothing = table(results, [MANY, DedicatedPoint(16)], held_out=True)
    assert nothing.fitted == (0, 0)


@pytest.mark.parametrize(
    ("fitted", "said"), [(64, ""), (63.97, ""), (63.9, "63.9 fit"), (27, "27 fit"), (0, "0 fit")]
)
def test_fewer_shots_are_said(fitted, said) -> None:
    assert fit_words(64, fitted) == said


def test_a_task_is_at_zero_if_nothing_brings_it_above() -> None:
    tuned = DedicatedPoint(16)
    nothing, lucky = [0.0, 0.04], [0.04, 0.04]
    values: dict[OperatingPoint, list[list[float]]] = {
        # at 0 by all; by all but one way; by dedicated fine-tuning only; not measured by all
        MANY: [nothing, lucky, nothing, nothing],
        FEW: [nothing, nothing, nothing, [NAN, NAN]],
        tuned: [[NAN, NAN], nothing, [0.5, 0.5], nothing],
    }
    found = tasks_at_zero(study(values), [MANY, FEW, tuned], held_out=True)
    assert found == (["task_00"], 3)
    assert tasks_at_zero(study(values), [FEW], held_out=True) == (names(3), 3)
    assert tasks_at_zero(study(values), [], held_out=True) == ([], 0)


# Curves


def test_a_curve_has_a_point_for_each_number_of_shots() -> None:
    found = curve(STUDY, ModelKey("many_shot", "tokens"), held_out=True)
    assert [point.num_shots for point in found] == list(KS)
    assert {(p.num_tasks, p.num_seeds) for p in found} == {(4 * len(FAMILIES), 3)}
    # Of 24 tasks, the 4 of summarization hold 40 of 64 shots.
    assert found[-1].effective_shots == pytest.approx((20 * 64 + 4 * 40) / 24)
    for point in found:
        scores = [
            record.score
            for record in STUDY.scores
            if (record.regime, record.budget) == ("many_shot", "tokens")
            and record.num_shots == point.num_shots
            and record.selection == "random"
            and "held_out" in record.task
        ]
        assert point.mean == pytest.approx(np.mean(scores))
        assert point.low <= point.mean <= point.high


def test_a_curves_interval_resamples_tasks_and_seeds() -> None:
    values = np.random.default_rng(0).random((12, 3))
    (point,) = curve(study({MANY: values}), MANY.key, held_out=True)
    expected = interval_of(values, names(12))
    assert (point.low, point.high) == (expected.low, expected.high)


def test_a_curves_interval_for_one_seed_is_scipys() -> None:
    values = np.random.default_rng(1).random((40, 1))
    (point,) = curve(study({MANY: values}), MANY.key, held_out=True)
    expected = scipy_stats.bootstrap(
        (values.ravel(),),
        np.mean,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert (point.low, point.high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_the_base_has_a_curve_and_similar_shots_have_their_own() -> None:
    assert shots_of(STUDY, BASE_MODEL) == list(KS)
    assert shots_of(STUDY, BASE_MODEL, selection="similar") == [4, 16, 64]
    assert curve(STUDY, ModelKey("unheard_of", "tokens"), held_out=True) == []


def test_the_dedicated_curve_is_over_tasks_that_have_every_pool_size() -> None:
    small, large = DedicatedPoint(16), DedicatedPoint(64)
    found = dedicated_curve(
        study({small: [[0.2], [0.4], [0.9]], large: [[0.4], [0.6], [NAN]]}), held_out=True
    )
    assert [(p.pool_size, p.num_tasks, p.tasks_alone) for p in found] == [(16, 2, 3), (64, 2, 2)]
    assert [p.mean for p in found] == pytest.approx([0.3, 0.5])
    assert dedicated_curve(study({FEW: [[0.5]]}), held_out=True) == []
    assert (
        dedicated_curve(study({small: [[0.2], [NAN]], large: [[NAN], [0.4]]}), held_out=True) == []
    )


def test_the_dedicated_curve_of_the_made_up_study() -> None:
    found = dedicated_curve(STUDY, held_out=True)
    assert [p.pool_size for p in found] == list(POOLS)
    # Of 24, six lack pool 1000 and one a seed of pool 16.
    assert [p.tasks_alone for p in found] == [23, 24, 24, 18]
    assert {(p.num_tasks, p.num_seeds) for p in found} == {(17, 3)}


# Paired differences


def test_a_difference_by_hand() -> None:
    many = [[0.5, 0.7], [0.4, 0.4], [0.302, 0.302], [0.1, 0.3]]
    few = [[0.3, 0.5], [0.5, 0.4], [0.300, 0.300], [0.1, 0.2]]
    found = paired(study({MANY: many, FEW: few}), MANY, FEW, held_out=True)
    assert found is not None
    assert found.mean == pytest.approx((0.2 - 0.05 + 0.002 + 0.05) / 4)
    assert found.mean_a - found.mean_b == pytest.approx(found.mean)
    assert (found.wins, found.ties, found.losses) == (2, 1, 1)
    assert found.p_value == 1.0  # two of three, or worse, either way
    assert (found.num_tasks, found.num_seeds) == (4, 2)


def test_only_tasks_and_seeds_of_both_sides_count() -> None:
    many, few = [[0.5, 0.9], [0.6, 0.9], [0.7, 0.9]], [[0.4, NAN], [0.4, NAN], [NAN, NAN]]
    found = paired(study({MANY: many, FEW: few}), MANY, FEW, held_out=True)
    assert found is not None
    assert found.mean == pytest.approx(0.15)
    assert (found.num_tasks, found.num_seeds) == (2, 1)
    assert (found.missing_tasks, found.missing_seeds) == (1, 1)
    assert paired(study({MANY: [[0.5]], FEW: [[NAN]]}), MANY, FEW, held_out=True) is None


def test_a_model_is_compared_with_dedicated_fine_tuning() -> None:
    dedicated = DedicatedPoint(64)
    found = paired(study({MANY: [[0.5]], dedicated: [[0.8]]}), MANY, dedicated, held_out=True)
    assert found is not None
    assert found.mean == pytest.approx(-0.3)
    assert found.losses == 1


@pytest.mark.parametrize(("method", "tolerance"), [("percentile", 0.004), ("BCa", 0.01)])
def test_the_interval_for_one_seed_is_scipys_paired_bootstrap(method, tolerance) -> None:
    draw = np.random.default_rng(5)
    few = draw.uniform(0.2, 0.6, 30)
    many = few + draw.normal(0.05, 0.06, 30)
    found = paired(study({MANY: many[:, None], FEW: few[:, None]}), MANY, FEW, held_out=True)
    expected = scipy_stats.bootstrap(
        (many, few),
        lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis),
        paired=True,
        n_resamples=20_000,
        method=method,
        rng=np.random.default_rng(6),
    ).confidence_interval
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=tolerance)


def test_pairing_takes_out_what_makes_tasks_hard() -> None:
    hard = np.random.default_rng(7).uniform(0, 0.8, (20, 2))
    found = paired(study({MANY: hard + 0.1, FEW: hard}), MANY, FEW, held_out=True)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("wins", range(0, 13, 3))
@pytest.mark.parametrize("losses", range(0, 13, 2))
def test_the_sign_test_is_scipys(wins, losses) -> None:
    expected = scipy_stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(expected)


@pytest.mark.parametrize(("num_tasks", "clear"), [(5, False), (6, True)])
def test_a_difference_is_clear_only_on_six_tasks(num_tasks, clear) -> None:
    values: dict[OperatingPoint, list[list[float]]] = {
        MANY: [[0.6, 0.6]] * num_tasks,
        FEW: [[0.5, 0.5]] * num_tasks,
    }
    found = paired(study(values), MANY, FEW, held_out=True)
    assert found is not None
    assert found.low > 0
    assert found.clear is clear
    assert found.p_value == pytest.approx(2 / 2**num_tasks)


def test_no_difference_is_not_clear() -> None:
    values = np.random.default_rng(8).random((10, 2))
    found = paired(study({MANY: values, FEW: values}), MANY, FEW, held_out=True)
    assert found is not None
    assert (found.mean, found.low, found.high, found.ties) == (0, 0, 0, 10)
    assert not found.clear


@settings(max_examples=40, deadline=None)
@given(TABLES, st.data())
def test_swapping_negates_and_shifting_shifts(values, data) -> None:
    other = data.draw(arrays(float, values.shape, elements=st.floats(0, 1)))
    shift = data.draw(st.floats(-1, 1))
    results = study({MANY: values, FEW: other})
    found, swapped = (paired(results, a, b, held_out=True) for a, b in ((MANY, FEW), (FEW, MANY)))
    moved = paired(study({MANY: values + shift, FEW: other}), MANY, FEW, held_out=True)
    assert found is not None
    assert swapped is not None
    assert moved is not None
    assert swapped.mean == -found.mean
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    assert (swapped.wins, swapped.losses) == (found.losses, found.wins)
    assert swapped.p_value == found.p_value
    assert (moved.mean, moved.low, moved.high) == pytest.approx(
        (found.mean + shift, found.low + shift, found.high + shift), abs=1e-12
    )


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_the_records_changes_nothing(seed) -> None:
    key, other = MANY.key, shuffled(STUDY, seed)
    assert other.scores != STUDY.scores
    assert curve(other, key, held_out=True) == curve(STUDY, key, held_out=True)
    assert dedicated_curve(other, held_out=None) == dedicated_curve(STUDY, held_out=None)
    assert order_sensitivity(other, key) == order_sensitivity(STUDY, key)
    assert calibration(other, key, 16) == calibration(STUDY, key, 16)
    assert paired(other, MANY, FEW, held_out=True) == paired(STUDY, MANY, FEW, held_out=True)


# Orders and calibration


def orders(num_shots: int, table: dict[tuple[str, int], list[float]]) -> tuple[OrderScore, ...]:
    return tuple(
        OrderScore(*MANY.key, seed, task, num_shots, order, value)
        for (task, seed), values in table.items()
        for order, value in enumerate(values)
    )


def test_order_sensitivity_is_the_mean_standard_deviation_over_orders() -> None:
    a, b = names(2)
    results = study({MANY: [[0.5], [0.5]]}, orders=orders(16, {(a, 0): [0, 1], (b, 0): [0.3, 0.3]}))
    found = order_sensitivity(results, MANY.key)
    assert found is not None
    assert found.mean == pytest.approx(0.5**0.5 / 2)
    assert (found.low, found.high) == pytest.approx((0, 0.5**0.5))
    assert (found.num_shots, found.num_orders, found.num_tasks, found.num_seeds) == (16, 2, 2, 1)
    assert order_sensitivity(results, FEW.key) is None
    assert order_sensitivity(results, MANY.key, num_shots=8) is None


def test_a_task_that_lacks_an_order_is_left_out_and_counted() -> None:
    a, b = names(2)
    results = study(
        {MANY: [[0.5], [0.5]]}, orders=orders(16, {(a, 0): [0.2, 0.4, 0.6], (b, 0): [0.3, 0.9]})
    )
    found = order_sensitivity(results, MANY.key)
    assert found is not None
    assert found.mean == pytest.approx(0.2)
    assert (found.num_orders, found.num_tasks, found.missing_tasks) == (3, 1, 1)


def test_orders_of_as_many_shots_as_fitted_count_together() -> None:
    a, b = names(2)
    short, long = orders(16, {(a, 0): [0.0, 1.0]}), orders(6, {(b, 0): [0.5, 0.5]})
    alone = orders(1, {(names(3)[2], 0): [0.3, 0.3]})  # one demonstration has one order
    results = study({MANY: [[0.5]] * 3}, orders=(*short, *long, *alone))
    found = order_sensitivity(results, MANY.key)
    assert found is not None
    assert (found.num_shots, found.effective_shots) == (16, 11)
    assert found.mean == pytest.approx(0.5**0.5 / 2)
    assert (found.num_tasks, found.missing_tasks) == (2, 1)
    only = order_sensitivity(results, MANY.key, num_shots=6)
    assert only is not None
    assert (only.num_tasks, only.mean) == (1, 0)


def test_one_order_has_no_spread() -> None:
    results = study({MANY: [[0.5]]}, orders=orders(16, {(names(1)[0], 0): [0.5]}))
    assert order_sensitivity(results, MANY.key) is None


def test_calibration_is_the_mean_over_the_tasks_that_have_options() -> None:
    tasks = (info("a"), info("b"), info("c"))
    scores = (
        score(MANY, "a", 0, 0.5, ece=0.1),
        score(MANY, "b", 0, 0.5, ece=0.3),
        score(MANY, "c", 0, 0.5),
    )
    found = calibration(StudyResults("x", tasks, scores=scores), MANY.key, 64)
    assert found is not None
    assert found.mean == pytest.approx(0.2)
    assert (found.num_tasks, found.missing_tasks) == (2, 1)
    assert calibration(StudyResults("x", tasks, scores=scores[2:]), MANY.key, 64) is None
