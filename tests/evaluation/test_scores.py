from __future__ import annotations

import numpy as np
import pytest

from manyicl.evaluation.metrics import macro_f1, metrics_for, score_predictions
from manyicl.evaluation.scores import KShotScore, summarise_seeds
from manyicl.evaluation.statistics import hierarchical_interval
from manyicl.tasks import Example, Task

EXAMPLES = [Example(f"q{at}", "ab"[at % 2]) for at in range(8)]
ANSWERS = [list("abababab"), list("aaaabbbb"), list("abbaabba")]


def summarise(metric="accuracy", **options) -> KShotScore:
    labels = ("a", "b", "c")
    task = Task("t", "nli", "classification", metric, "g", lambda split: [], labels=labels)
    results = [
        {m: score_predictions(m, answers, EXAMPLES, labels) for m in metrics_for(task)}
        for answers in ANSWERS
    ]
    fields = {
        "stage": "base",
        "held_out": True,
        "num_shots": 16,
        "effective_shots": [16, 12, 14],
        "seeds": [0, 1, 2],
        "selection": "random",
        "scoring": "sum",
        "chance": 1 / 3,
    }
    return summarise_seeds(results, task, **fields | options)


def test_a_score_holds_mean_spread_and_interval_of_the_seeds() -> None:
    score = summarise()
    correct = [[float(a == e.target) for a, e in zip(s, EXAMPLES, strict=True)] for s in ANSWERS]
    assert score.by_seed == (1.0, 0.5, 0.5)
    assert score.mean == pytest.approx(2 / 3)
    assert score.std == pytest.approx(np.std([1, 0.5, 0.5], ddof=1))
    assert (score.low, score.high, score.stderr) == hierarchical_interval(correct)
    assert score.low <= score.mean <= score.high
    assert score.effective_shots == 14
    assert score.chance == pytest.approx(1 / 3)
    assert score.num_queries == 8


def test_the_interval_of_macro_f1_is_one_of_macro_f1_not_of_accuracy() -> None:
    score = summarise("macro_f1")
    gold = np.array([e.target == "b" for e in EXAMPLES]).astype(int)
    expected = [
        macro_f1(gold, np.array([answer == "b" for answer in answers]).astype(int), 3)
        for answers in ANSWERS
    ]
    assert score.by_seed == pytest.approx(tuple(expected))
    assert score.metrics == pytest.approx({"macro_f1": np.mean(expected), "accuracy": 2 / 3})
    assert score.low <= score.mean <= score.high == 1.0  # the absent class does not count


def test_every_seed_needs_a_result() -> None:
    with pytest.raises(ValueError, match="each seed"):
        summarise(seeds=[0, 1])


def test_a_score_that_is_not_finite_is_refused(make_score) -> None:
    with pytest.raises(ValueError, match="score of t at k=4: mean is nan"):
        make_score(mean=float("nan"), low=0.0, high=0.0)
