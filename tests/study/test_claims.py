from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from study.synthetic import EFFECTS, FAMILIES, LOSSES, synthetic_study

from manyicl.study.analysis.claims import claims
from manyicl.study.analysis.points import BASE_MODEL, ModelKey
from manyicl.study.analysis.retention_change import measures_of, retention_change
from manyicl.study.analysis.retention_loss import GroupMeans, retention_summary
from manyicl.study.records import Retention, StudyError, StudyResults

MANY, ZERO = ModelKey("many_shot", "tokens"), ModelKey("zero_shot", "tokens")
# A study with what the claims need, and no more.
made_up = partial(
    synthetic_study, num_shots=(0, 5, 64), regimes=("zero_shot", "few_shot", "many_shot")
)
NAMES = ["many_shot_above_few_shot", "few_shot_above_zero_shot", "near_dedicated", "retention"]


def keep(
    key: ModelKey, measure: str, values: list[float], higher: bool = True, base: float | None = None
) -> list[Retention]:
    return [Retention(*key, seed, measure, v, higher, base) for seed, v in enumerate(values)]


def of(*rows: list[Retention]) -> StudyResults:
    return StudyResults("x", retention=tuple(record for row in rows for record in row))


# Retention


def test_a_loss_is_negative_whichever_way_is_better() -> None:
    results = of(
        keep(BASE_MODEL, "text_bits_per_byte", [1.0, 1.0], higher=False),
        keep(ZERO, "text_bits_per_byte", [1.2, 1.4], higher=False),
        keep(BASE_MODEL, "icl/parity", [0.4, 0.6]),
        keep(ZERO, "icl/parity", [0.3, 0.5]),
    )
    parity, text, group = retention_change(results, ZERO)
    assert text.measure == "text_bits_per_byte"
    assert (text.base, text.after, text.difference) == pytest.approx((1.0, 1.3, -0.3))
    # Student's t with one degree of freedom: 12.706 standard errors of 0.1.
    assert (text.low, text.high) == pytest.approx((-0.3 - 1.2706, -0.3 + 1.2706))
    assert text.relative_loss == pytest.approx(0.3)
    assert (parity.base, parity.after, parity.difference) == pytest.approx((0.5, 0.4, -0.1))
    # Seed by seed the difference is the same, so its interval has no width.
    assert (parity.low, parity.high) == pytest.approx((-0.1, -0.1))
    assert parity.relative_loss == pytest.approx(0.2)
    assert dataclasses.replace(parity, measure="icl") == group


def test_a_records_own_base_goes_before_the_bases_record() -> None:
    results = of(keep(BASE_MODEL, "family/nli", [0.9]), keep(ZERO, "family/nli", [0.5], base=0.4))
    change = retention_change(results, ZERO)[0]
    assert change.difference == pytest.approx(0.1)
    assert change.relative_loss == pytest.approx(-0.25)


def test_a_base_measured_once_serves_all_seeds() -> None:
    results = of(keep(BASE_MODEL, "icl/a", [0.5]), keep(ZERO, "icl/a", [0.4, 0.6, 0.5]))
    change = retention_change(results, ZERO)[0]
    assert change.difference == pytest.approx(0.0)
    assert change.num_seeds == 3


def test_a_group_resamples_measures_too() -> None:
    results = of(
        keep(BASE_MODEL, "icl/a", [0.5, 0.5]),
        keep(BASE_MODEL, "icl/b", [0.5, 0.5]),
        keep(ZERO, "icl/a", [0.4, 0.4]),
        keep(ZERO, "icl/b", [0.2, 0.2]),
    )
    group = retention_change(results, ZERO)[-1]
    assert (group.measure, group.num_measures) == ("icl", 2)
    assert group.difference == pytest.approx(-0.2)
    assert (group.low, group.high) == pytest.approx((-0.3, -0.1))
    assert group.relative_loss == pytest.approx(0.4)


def test_a_measure_without_a_base_is_named() -> None:
    results = of(keep(ZERO, "icl/a", [0.4]))
    assert retention_change(results, ZERO) == []
    assert measures_of(results, ZERO)[1] == ["icl/a"]


def test_two_values_of_one_measurement_are_refused() -> None:
    results = of(keep(ZERO, "icl/a", [0.4]), keep(ZERO, "icl/a", [0.5]))
    with pytest.raises(StudyError, match="two values of 'icl/a', seed 0"):
        retention_change(results, ZERO)


def test_free_text_is_shown_and_not_judged() -> None:
    name = "generation/distinct_2"
    results = of(
        keep(BASE_MODEL, name, [0.5]),
        keep(ZERO, name, [0.75]),
        keep(BASE_MODEL, "generation/early_end", [0.0], higher=False),
        keep(ZERO, "generation/early_end", [0.25], higher=False),
    )
    pairs, end = retention_change(results, ZERO)
    assert (pairs.difference, end.difference) == (0.25, 0.25)  # after - before, both
    assert {(one.relative_loss, one.judged) for one in (pairs, end)} == {(None, False)}
    assert retention_summary(results) == []


@pytest.mark.parametrize(
    ("base", "after", "loss"),
    [
        (0.5, 0.4, 0.2),
        (0.1, 0.05, 0.5),
        (0.008, 0.0, 0.08),  # a base below 0.1 counts as 0.1
        (0.0, 0.1, -1.0),
        (0.008, 0.3, -2.92),
    ],
)
def test_a_loss_is_in_shares_of_the_base_or_of_a_tenth(base, after, loss) -> None:
    results = of(keep(ZERO, "family/math", [after], base=base))
    assert retention_change(results, ZERO)[0].relative_loss == pytest.approx(loss)
    (summary,) = retention_summary(results)
    assert summary.mean_loss == pytest.approx(max(loss, 0))  # a gain is no loss, and no more
    assert dict(summary.groups)["family"] == pytest.approx(loss)


def test_bits_per_byte_are_lost_in_shares_of_the_base_however_small() -> None:
    name = "text_bits_per_byte"
    results = of(keep(BASE_MODEL, name, [0.05], False), keep(ZERO, name, [0.06], False))
    assert retention_change(results, ZERO)[0].relative_loss == pytest.approx(0.2)


def test_groups_of_measures_weigh_the_same() -> None:
    results = of(
        keep(BASE_MODEL, "text_bits_per_byte", [1.0, 1.0], False),
        keep(ZERO, "text_bits_per_byte", [1.3, 1.3], False),
        *(keep(BASE_MODEL, f"icl/{name}", [0.5, 0.5]) for name in "abcde"),
        *(keep(ZERO, f"icl/{name}", [0.5, 0.5]) for name in "abcde"),
        keep(ZERO, "family/qa", [0.2], base=0.5),
    )
    (summary,) = retention_summary(results)
    assert dict(summary.groups) == pytest.approx(
        {"text_bits_per_byte": 0.3, "icl": 0, "family": 0.6}
    )
    assert summary.mean_loss == pytest.approx(0.3)
    # Nothing varies within a group or with the seed, so the interval has no width.
    assert (summary.low, summary.high) == pytest.approx((0.3, 0.3))
    assert (summary.num_measures, summary.num_seeds) == (7, 2)


def test_the_interval_resamples_measures_within_their_group_and_seeds() -> None:
    draw = np.random.default_rng(0)
    measures = (
        ["text_bits_per_byte"] * 1 + [f"icl/{n}" for n in range(5)] + ["family/a", "family/b"]
    )
    losses = 2 + draw.normal(0.2, 0.2, (len(measures), 1))  # no draw is a gain
    groups = losses[:1], losses[1:6], losses[6:]
    found = GroupMeans.of(measures, losses)
    mean, draws = found.lost()
    assert mean == pytest.approx(np.mean([group.mean() for group in groups]))
    # The variance of a mean of independent group means, each of resampled measures.
    variance = sum(group.var() / len(group) for group in groups) / 9
    assert found.ends(draws).stderr == pytest.approx(variance**0.5, rel=0.05)
    by_seed = np.repeat([[0.1, 0.2, 0.6]], len(measures), axis=0)
    found = GroupMeans.of(measures, by_seed)
    stderr = np.std([0.1, 0.2, 0.6]) / 3**0.5
    assert found.ends(found.lost()[1]).stderr == pytest.approx(stderr, rel=0.05)


def test_a_gain_on_one_group_makes_up_for_no_loss_on_another() -> None:
    measures = ["text_bits_per_byte", "icl/a", "icl/b"]
    losses = np.array([[0.3, 0.3, 0.3], [-0.9, -0.8, -0.7], [-0.5, -0.4, -0.3]])
    found = GroupMeans.of(measures, losses)
    assert found.lost()[0] == pytest.approx(0.15)
    assert found.clear == (True, False)
    one_seed = GroupMeans.of(measures, losses[:, :1])
    assert one_seed.clear == (False, False)


def test_models_are_summed_up_over_the_measures_they_share() -> None:
    base = [keep(BASE_MODEL, name, [0.5, 0.5]) for name in ("icl/a", "icl/b", "other/c")]
    results = of(
        *base,
        keep(ZERO, "icl/a", [0.4, 0.4]),
        keep(ZERO, "other/c", [0.3, 0.3]),
        keep(ZERO, "icl/b", [0.1, 0.1]),
        keep(MANY, "icl/a", [0.5, 0.5]),
        keep(MANY, "other/c", [0.4, 0.4]),
    )
    many, zero = retention_summary(results)
    assert (many.key, zero.key) == (MANY, ZERO)
    assert (many.mean_loss, zero.mean_loss) == pytest.approx((0.1, 0.3))
    assert zero.groups == (("icl", pytest.approx(0.2)), ("other", pytest.approx(0.4)))
    assert (many.left_out, zero.left_out) == ((), ("icl/b",))
    (alone,) = retention_summary(results, [ZERO])
    assert alone.mean_loss == pytest.approx(((0.2 + 0.8) / 2 + 0.4) / 2)
    assert retention_summary(StudyResults("x")) == []


# Claims


def verdicts(results: StudyResults, budget: str = "tokens") -> dict[str, str]:
    return {claim.name: claim.verdict for claim in claims(results) if claim.budget == budget}


def test_all_claims_hold_where_they_were_made_to() -> None:
    found = claims(made_up())
    assert [(claim.budget, claim.name) for claim in found] == [
        (budget, name) for budget in ("tokens", "targets") for name in NAMES
    ]
    assert {claim.verdict for claim in found} == {"holds"}
    for claim in found:
        assert claim.value is not None
        assert claim.low is not None
        assert claim.low > claim.line
    above = dict(found[0].values)
    assert (above["many_shot_shots"], above["few_shot_shots"]) == (64, 5)
    assert above["many_shot"] - above["few_shot"] == pytest.approx(found[0].value)
    assert dict(found[1].values)["zero_shot_shots"] == 0
    assert dict(found[2].values)["pool_size"] == 64
    # The four tasks of summarization hold 40 of 64 shots; one task lacks a seed of another pool.
    assert "64 (60 fit) shots against a pool of 64" in found[2].why
    assert "at 64 (60 fit) against 5 shots" in found[0].why
    assert dict(found[0].values)["many_shot_fitted"] == 60


def test_all_claims_fail_where_they_were_made_to() -> None:
    effects = {**EFFECTS, "many_shot": (0.2, 0.0), "few_shot": (0.3, 0.0), "zero_shot": (0.4, 0.0)}
    losses = {**LOSSES, "many_shot": 0.4, "zero_shot": 0.3}
    found = claims(made_up(effects=effects, losses=losses))
    assert {claim.verdict for claim in found} == {"fails"}
    for claim in found:
        assert claim.high is not None
        assert claim.high <= claim.line


def test_no_difference_cannot_be_told() -> None:
    same = dict.fromkeys(EFFECTS, (0.4, 0.0))
    found = verdicts(made_up(effects=same, noise=0.2))
    assert found["many_shot_above_few_shot"] == "cannot tell"
    assert found["few_shot_above_zero_shot"] == "cannot tell"


def test_too_few_tasks_cannot_tell() -> None:
    found = claims(made_up(families=FAMILIES[:1]))
    assert {c.verdict for c in found if c.name != "retention"} == {"cannot tell"}
    assert "tasks of fewer than 6 groups cannot show it" in found[0].why


def test_one_seed_cannot_tell() -> None:
    for claim in claims(made_up(seeds=(0,))):
        assert claim.verdict == "cannot tell"
        assert "one seed cannot show it" in claim.why
        assert claim.value is not None


def test_a_gain_elsewhere_makes_no_retention_claim_hold() -> None:
    """ManyICL forgets more of the text; what it gained in context is no excuse."""
    results = made_up(budgets=["targets"])
    values = {"text_bits_per_byte": {"many_shot": 1.32, "zero_shot": 1.25}}
    gained = {"many_shot": 1.3, "zero_shot": 0.9}

    def changed(record: Retention) -> Retention:
        if record.regime not in gained:
            return record
        of_measure = values.get(record.measure)
        if of_measure:
            return dataclasses.replace(record, value=of_measure[record.regime])
        return dataclasses.replace(record, value=record.value * gained[record.regime])

    retention = tuple(map(changed, results.retention))
    fourth = claims(dataclasses.replace(results, retention=retention))[3]
    assert fourth.verdict != "holds"
    assert "loses more than half of it on text_bits_per_byte" in fourth.why


def test_families_left_out_with_one_seed_are_named() -> None:
    results = made_up(budgets=["tokens"])
    once = tuple(r for r in results.retention if "family/" not in r.measure or r.seed == 0)
    found = claims(dataclasses.replace(results, retention=once))[3]
    assert "measured with fewer seeds: family" in found.why
    assert "fewer seeds" not in claims(results)[3].why


def test_a_pool_smaller_than_the_shots_cannot_show_the_third_claim() -> None:
    third = claims(made_up(pools=(16, 32)))[2]
    assert third.value is not None
    assert third.low is not None
    assert third.low > third.line
    assert third.verdict == "cannot tell"
    assert "shown more than dedicated fine-tuning had" in third.why
    assert dict(third.values)["pool_size"] == 32


def test_the_third_claim_takes_the_next_larger_pool() -> None:
    third = claims(made_up(pools=(16, 256)))[2]
    assert dict(third.values)["pool_size"] == 256


def test_the_third_claim_without_dedicated_models_says_so() -> None:
    third = claims(dataclasses.replace(made_up(), dedicated=()))[2]
    assert (third.verdict, third.value) == ("cannot tell", None)
    assert third.why == "dedicated fine-tuning has no scores"


def test_forgetting_is_not_halved_where_there_is_none() -> None:
    losses = {**LOSSES, "many_shot": 0.0, "zero_shot": 0.0}
    fourth = claims(made_up(losses=losses, budgets=["targets"]))[3]
    assert fourth.verdict == "cannot tell"
    assert "no clear loss" in fourth.why
    lost = {**LOSSES, "many_shot": 0.3, "zero_shot": 0.0}
    assert claims(made_up(losses=lost, budgets=["targets"]))[3].verdict == "fails"


def test_free_text_is_no_part_of_the_retention_claim() -> None:
    results = made_up(budgets=["tokens"])
    changed = tuple(
        dataclasses.replace(record, value=0.9) if record.measure.startswith("gen") else record
        for record in results.retention
    )
    fourth = claims(results)[3]
    assert claims(dataclasses.replace(results, retention=changed))[3] == fourth
    assert fourth.count == 11  # text, five in context, five families
    many, zero = (
        np.mean([max(value, 0) for name, value in fourth.values if name.startswith(f"{regime}/")])
        for regime in ("many_shot", "zero_shot")
    )
    assert fourth.value == pytest.approx(zero / 2 - many)


def test_a_group_that_loses_more_than_half_is_named() -> None:
    results = made_up(budgets=["targets"])
    worse = tuple(
        dataclasses.replace(record, value=1.30)
        if (record.regime, record.measure) == ("many_shot", "text_bits_per_byte")
        else record
        for record in results.retention
    )
    fourth = claims(dataclasses.replace(results, retention=worse))[3]
    assert "loses more than half of it on text_bits_per_byte" in fourth.why


def test_a_study_without_results_can_tell_nothing() -> None:
    found = claims(StudyResults("empty"))
    assert len(found) == 8
    assert {(claim.verdict, claim.value) for claim in found} == {("cannot tell", None)}
    assert found[0].why == "ManyICL has no scores"


def test_a_study_of_one_budget_has_its_claims_only() -> None:
    assert {claim.budget for claim in claims(made_up(budgets=["targets"]))} == {"targets"}


def test_the_order_of_the_records_changes_nothing() -> None:
    results = made_up()
    draw = np.random.default_rng(0)
    mixed = {
        kind: tuple(draw.permutation(np.array(getattr(results, kind), dtype=object)))
        for kind in ("models", "scores", "dedicated", "retention")
    }
    other = dataclasses.replace(results, **mixed)
    assert claims(other) == claims(results)
    assert retention_change(other, MANY) == retention_change(results, MANY)
    assert retention_summary(other) == retention_summary(results)
