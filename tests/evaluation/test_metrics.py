from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.errors import TaskError
from manyicl.evaluation.metrics import metrics_for, score_predictions
from manyicl.tasks import Example, Task, load_tasks

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is a dev extra")

LABELS = ("red", "green", "blue", "never seen")
PAIRS = st.lists(
    st.tuples(st.sampled_from(LABELS[:3]), st.sampled_from((*LABELS[:3], "outside"))), min_size=1
)


def examples(targets) -> list[Example]:
    return [Example("query", target) for target in targets]


@given(PAIRS)
def test_macro_f1_equals_scikit_learn_over_the_classes_that_occur(pairs) -> None:
    gold, predicted = zip(*pairs, strict=True)
    result = score_predictions("macro_f1", predicted, examples(gold), LABELS)
    known = sorted({*gold, *predicted} & set(LABELS))
    expected = sklearn_metrics.f1_score(
        gold, predicted, labels=known, average="macro", zero_division=0
    )
    assert result.mean == pytest.approx(expected)
    assert result.per_item == [float(one == two) for one, two in pairs]


@given(PAIRS)
def test_accuracy_equals_scikit_learn(pairs) -> None:
    gold, predicted = zip(*pairs, strict=True)
    result = score_predictions("accuracy", predicted, examples(gold), LABELS)
    assert result.mean == pytest.approx(sklearn_metrics.accuracy_score(gold, predicted))


def test_macro_f1_of_a_known_table() -> None:
    # red: 1 right, 2 asked, 1 given: 2/3. green: 1 right, 1 asked, 2 given: 2/3. No blue at all.
    result = score_predictions(
        "macro_f1", ["red", "green", "green"], examples(["red", "red", "green"]), LABELS[:3]
    )
    assert result.mean == pytest.approx(2 / 3)
    right = score_predictions("macro_f1", ["red"], examples(["red"]), LABELS)
    assert right.mean == 1.0  # a perfect answer, however many classes were not asked for


@pytest.mark.parametrize(
    ("metric", "prediction", "expected"),
    [
        ("accuracy", " Paris \n", 1.0),
        ("accuracy", "paris", 0.0),
        ("exact_match", "the paris", 1.0),
        ("exact_match", "city of light", 1.0),
        ("f1", "light", 0.5),
        ("rouge_l", "light", 0.5),
        ("numeric", "Paris", 1.0),
        ("numeric", "75", 0.0),
    ],
)
def test_the_best_reference_counts(metric, prediction: str, expected: float) -> None:
    example = Example("capital?", "Paris", references=("Paris", "City of Light"))
    assert score_predictions(metric, [prediction], [example]).per_item == [expected]


def test_the_mean_is_that_of_the_items_in_their_order() -> None:
    result = score_predictions("numeric", ["1", "2", "3"], examples(["1", "5", "3"]))
    assert result.per_item == [1.0, 0.0, 1.0]
    assert result.mean == pytest.approx(np.mean(result.per_item))


def test_predictions_and_examples_must_be_as_many_and_not_none() -> None:
    with pytest.raises(ValueError, match="1 predictions for 2 examples"):
        score_predictions("accuracy", ["a"], examples(["a", "b"]))
    with pytest.raises(ValueError, match="0 predictions"):
        score_predictions("accuracy", [], [])


def make_task(kind, metric, labels=()) -> Task:
    return Task("t", "other", kind, metric, "t", load=lambda split: [], labels=labels)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (make_task("classification", "accuracy", ("a", "b")), ("accuracy", "macro_f1")),
        (make_task("classification", "macro_f1", ("a", "b")), ("macro_f1", "accuracy")),
        (make_task("multiple_choice", "accuracy"), ("accuracy",)),
        (make_task("generation", "rouge_l"), ("rouge_l", "exact_match")),
        (make_task("generation", "exact_match"), ("exact_match",)),
    ],
)
def test_a_task_is_scored_with_its_main_metric_first(task: Task, expected) -> None:
    assert metrics_for(task) == expected


def test_macro_f1_without_labels_is_an_error_that_names_the_task() -> None:
    with pytest.raises(TaskError, match=r"task 't'.*'labels' is empty.*task\.json"):
        metrics_for(make_task("multiple_choice", "macro_f1"))


DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "tasks"


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared task collection is not beside the code")
def test_every_gold_answer_of_the_collection_is_right_by_every_metric_of_its_task() -> None:
    for task in load_tasks([DATA]):
        asked = task.test
        if task.metric == "rouge_l":  # knows no token but a-z, 0-9; one summary there has none
            asked = [e for e in asked if re.search("[a-z0-9]", e.target.lower())]
        answers = [example.target for example in asked]
        for metric in metrics_for(task):
            result = score_predictions(metric, answers, asked, task.labels)
            assert result.per_item == [1.0] * len(asked), (task.name, metric)
