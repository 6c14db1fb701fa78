from __future__ import annotations

import numpy as np
import pytest

from manyicl.evaluation.curves import FEWEST_TASKS, is_clear, mean_curve, paired_difference
from manyicl.evaluation.resampling import interval_of


def test_a_curve_is_the_mean_over_tasks_at_each_k_of_each_stage(make_score) -> None:
    values = {"a": (0.2, 0.4), "b": (0.4, 0.8)}
    scores = [
        make_score(task, stage, k, value)
        for stage in ("base", "tuned")
        for task, pair in values.items()
        for k, value in zip((0, 4), pair, strict=True)
    ]
    points = mean_curve(scores)
    assert [(p.stage, p.num_shots, p.num_tasks) for p in points] == [
        ("base", 0, 2),
        ("base", 4, 2),
        ("tuned", 0, 2),
        ("tuned", 4, 2),
    ]
    assert [p.mean for p in points] == pytest.approx([0.3, 0.6, 0.3, 0.6])
    wanted = interval_of(np.array([[0.4], [0.8]]), ["a", "b"])
    assert (points[1].low, points[1].high) == wanted[:2]


def test_a_curve_keeps_to_a_side_and_to_a_family(make_score) -> None:
    scores = [
        make_score("a", mean=0.1),
        make_score("b", mean=0.2, held_out=False),
        make_score("c", mean=0.3, family="nli"),
    ]
    assert [p.mean for p in mean_curve(scores)] == pytest.approx([0.2])
    assert [p.mean for p in mean_curve(scores, held_out=True)] == pytest.approx([0.2])
    assert [p.mean for p in mean_curve(scores, held_out=False)] == [0.2]
    by_family = mean_curve(scores, by="family", held_out=True)
    assert [(p.family, p.mean) for p in by_family] == [("classification", 0.1), ("nli", 0.3)]


def test_a_single_task_brings_its_own_interval(make_score) -> None:
    (point,) = mean_curve([make_score(mean=0.5, low=0.31, high=0.64)])
    assert (point.low, point.high) == (0.31, 0.64)


def test_fewer_shots_and_missing_chance_show_in_the_mean(make_score) -> None:
    (point,) = mean_curve([make_score("a"), make_score("b", effective_shots=2.0, chance=None)])
    assert point.effective_shots == 3.0
    assert point.chance is None
    (point,) = mean_curve([make_score("a", chance=0.5), make_score("b", chance=0.25)])
    assert point.chance == 0.375


def test_a_difference_pairs_the_tasks_that_both_stages_answered(make_score) -> None:
    scores = [make_score("a", "base", mean=0.1), make_score("a", "tuned", mean=0.3)]
    scores += [make_score("b", "base", mean=0.8), make_score("b", "tuned", mean=0.7)]
    scores += [make_score("c", "base", mean=0.0), make_score("d", "tuned", mean=1.0)]
    found = paired_difference(scores, "base", "tuned", 4)
    assert found is not None
    assert found.mean == pytest.approx(0.05)
    assert (found.num_tasks, found.num_higher) == (2, 1)
    assert (found.low, found.high) == pytest.approx((-0.1, 0.2))
    assert paired_difference(scores, "base", "tuned", 16) is None
    assert paired_difference(scores, "base", "tuned", 4, held_out=False) is None


def test_a_difference_is_clear_only_with_enough_tasks_and_without_zero(make_score) -> None:
    def difference(num_tasks: int, gain: float):
        scores = []
        for at in range(num_tasks):
            scores.append(make_score(f"t{at}", "base", mean=0.5))
            scores.append(make_score(f"t{at}", "tuned", mean=0.5 + gain + 0.01 * at))
        found = paired_difference(scores, "base", "tuned", 4)
        assert found is not None
        return found

    assert is_clear(difference(FEWEST_TASKS, 0.1))
    assert is_clear(difference(FEWEST_TASKS, -0.2))
    assert not is_clear(difference(FEWEST_TASKS - 1, 0.1))
    assert not is_clear(difference(FEWEST_TASKS, -0.03))
    assert difference(1, 0.1).low is None
    assert not is_clear(difference(1, 0.1))
