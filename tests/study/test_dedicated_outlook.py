"""Advice: what a study lets expect of a dedicated model."""

from __future__ import annotations

import dataclasses

import pytest
from builders import make_task
from study.advice_cases import advice, study

from manyicl.study.advice.dedicated_outlook import outlook, regime_of_run
from manyicl.study.advice.rules import (
    mean_over_few,
)
from manyicl.study.advice.text import recommendation
from manyicl.study.records import Score, StudyResults


def test_the_outlook_pairs_dedicated_models_with_the_reference_at_its_largest_k():
    task = make_task(family="nli")
    found = outlook(study({"nli": [0.10, 0.11, 0.12, 0.13], "qa": [0.5] * 4}), task, 300)
    assert (found.verdict, found.among) == ("yes", "family nli")
    assert (found.reference, found.reference_shots) == ("many_shot", 64)
    nearest = found.nearest
    assert nearest
    assert (nearest.pool_size, nearest.num_tasks) == (256, 4)
    expected = mean_over_few([0.10, 0.11, 0.12, 0.13])
    assert nearest.gain.value == pytest.approx(0.115)
    assert (nearest.gain.low, nearest.gain.high) == pytest.approx((expected.low, expected.high))
    assert nearest.score.value == pytest.approx(0.55 + 0.115)
    assert (nearest.tokens, nearest.seconds) == (400 * 256, 128)
    assert [p.pool_size for p in found.curve] == [16, 256]
    # 16 rows: nothing gained by any of them.
    assert outlook(study({"nli": [0.1] * 4}), task, 20).verdict == "no"
    over_base = outlook(study({"nli": [0.1] * 3}), task, 300, regime="base")
    assert over_base.nearest
    assert over_base.nearest.gain.value == pytest.approx(0.4)


def test_a_verdict_rests_on_pools_on_the_safe_side_of_the_users_rows():
    """No gain on few rows says nothing of many, nor a gain on many of few."""
    task = make_task(family="nli")
    nothing = study({"nli": [0.0] * 4}, pool_sizes=(64,))
    assert outlook(nothing, task, 64).verdict == "no"
    assert outlook(nothing, task, 79).verdict == "no"  # nearly as many
    assert outlook(nothing, task, 20).verdict == "no"
    assert outlook(nothing, task, 10_000).verdict == "cannot_tell"
    gained = study({"nli": [0.10, 0.11, 0.12, 0.13]}, pool_sizes=(1000,))
    assert outlook(gained, task, 10_000).verdict == "yes"
    assert outlook(gained, task, 20).verdict == "cannot_tell"
    both = outlook(study({"nli": [0.10, 0.11, 0.12, 0.13]}), task, 100)
    assert (both.verdict, both.nearest and both.nearest.pool_size) == ("cannot_tell", 256)


def test_the_reference_answers_with_the_shots_it_was_tuned_for():
    """Zero-shot fine-tuning at 0 shots: at 64 it would be worse, and a dedicated model a gain."""
    made = study({"nli": [0.1] * 4})
    zero = [
        Score("zero_shot", "tokens", s.seed, s.task, k, k, value)
        for s in made.scores
        if (s.regime, s.budget, s.num_shots, s.selection) == ("many_shot", "tokens", 64, "random")
        for k, value in ((0, 0.9), (64, 0.2))
    ]
    found = outlook(
        dataclasses.replace(made, scores=(*made.scores, *zero)), task := make_task(family="nli"),
        300, regime="zero_shot",
    )  # fmt: skip
    assert (found.reference, found.reference_shots) == ("zero_shot", 0)
    assert found.nearest
    assert found.nearest.gain.value == pytest.approx(0.65 - 0.9)
    assert found.verdict == "no"
    said = recommendation(advice(dedicated=found))
    assert "over zero-shot fine-tuning with 0 shots in the study" in said
    assert outlook(made, task, 300, regime="zero_shot").reference == "many_shot"


def test_a_family_with_too_few_tasks_gives_way_to_the_kind():
    task = make_task(family="nli")
    found = outlook(study({"nli": [0.1] * 2, "qa": [0.2] * 2}), task, 300)
    assert found.among == "kind classification"
    assert found.nearest
    assert found.nearest.num_tasks == 4
    none = outlook(study({"qa": [0.2] * 2}), task, 300)
    assert (none.verdict, none.nearest) == ("cannot_tell", None)
    assert "fewer than 3 held-out tasks of family nli" in none.reason
    empty = outlook(StudyResults("empty"), task, 300)
    assert "no scores" in empty.reason


def test_tasks_that_were_trained_on_and_the_task_itself_do_not_count():
    made = study({"nli": [0.1] * 4})
    inside = dataclasses.replace(
        made, tasks=tuple(dataclasses.replace(t, held_out=t.task == "nli_0") for t in made.tasks)
    )
    assert outlook(inside, make_task(family="nli"), 300).nearest is None
    found = outlook(made, make_task(family="nli", name="nli_1"), 300)
    assert found.nearest
    assert found.nearest.num_tasks == 3


def test_the_reference_is_the_way_the_run_was_tuned():
    assert regime_of_run(None) == "base"
    assert regime_of_run({"config": {"regime": "few_shot"}}) == "few_shot"
    assert regime_of_run({"config": {"regime": "dedicated"}}) == "many_shot"
