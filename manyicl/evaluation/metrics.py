"""The metrics of the task format, by name: each prediction's score and their mean.

| metric | score of one prediction | references |
|---|---|---|
| accuracy | equal letter by letter, white space around it aside | any of them |
| macro_f1 | (none; see `MetricResult`) | the target only |
| exact_match | equal after normalisation (`match.normalise`) | best of them |
| f1 | F1 of the normalised words | best of them |
| rouge_l | ROUGE-L F-measure | best of them |
| numeric | last number equal within a relative 1e-6 | best of them |

All scores lie in [0, 1] and higher is better. Intervals are `statistics.py`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from manyicl.errors import TaskError
from manyicl.evaluation.match import exact_match, token_f1
from manyicl.evaluation.numeric import numeric_match
from manyicl.evaluation.rouge import rouge_l
from manyicl.tasks import Example, Task
from manyicl.tasks.task import Metric

OUTSIDE = -1  # class index of a prediction that is none of the labels


@dataclass(frozen=True)
class Classes:
    """Gold and predicted class indices of the queries; `OUTSIDE` where no label was predicted."""

    gold: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    num_classes: int


@dataclass(frozen=True)
class MetricResult:
    """A metric over some queries: the mean, and the score of each query in their order.

    Macro-F1 is not a mean over queries: there `mean` is the macro-F1, `per_item` holds the
    correctness (1 or 0) of each query, and `classes` what an interval is computed from.
    """

    metric: Metric
    mean: float
    per_item: list[float]
    classes: Classes | None = field(default=None, repr=False, compare=False)


def score_predictions(
    metric: Metric,
    predictions: Sequence[str],
    examples: Sequence[Example],
    labels: Sequence[str] = (),
) -> MetricResult:
    """Score one prediction an example. `labels` are the classes of macro-F1."""
    if len(predictions) != len(examples) or not examples:
        raise ValueError(
            f"{len(predictions)} predictions for {len(examples)} examples; give one each."
        )
    if metric == "macro_f1":
        classes = _classes(predictions, examples, labels)
        correct = (classes.gold == classes.predicted).astype(float)
        value = macro_f1(classes.gold, classes.predicted, classes.num_classes)
        return MetricResult(metric, value, correct.tolist(), classes)
    score = _SCORES[metric]
    per_item = [
        max(score(prediction, reference) for reference in _references(example))
        for prediction, example in zip(predictions, examples, strict=True)
    ]
    return MetricResult(metric, float(np.mean(per_item)), per_item)


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """Return the metrics a task is scored with, its main one first.

    Closed-label tasks add accuracy and macro-F1, multiple choice adds accuracy, and generation adds
    exact match. Raises `TaskError` where macro-F1 is asked for and the task lists no labels.
    """
    if task.metric == "macro_f1" and not task.labels:
        raise TaskError(
            f"task '{task.name}': metric 'macro_f1' needs the classes, and 'labels' is empty. "
            "List them in task.json, or set metric to 'accuracy'."
        )
    others: tuple[Metric, ...]
    if task.kind == "generation":
        others = ("exact_match",)
    else:
        others = ("accuracy", "macro_f1") if task.labels else ("accuracy",)
    return tuple(dict.fromkeys((task.metric, *others)))


def accuracy(prediction: str, reference: str) -> float:
    """Return 1 if both texts are equal letter by letter, white space around them aside."""
    return float(prediction.strip() == reference.strip())


def macro_f1(
    gold: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], num_classes: int
) -> float:
    """Return the unweighted mean of each class's F1 over the classes that are gold or predicted.

    As scikit-learn has it without `labels`: a class that was never asked for would count as 0
    however good the answers are. Predictions `OUTSIDE` count against their gold class alone.
    """
    right = np.bincount(gold[gold == predicted], minlength=num_classes)
    asked = np.bincount(gold, minlength=num_classes)
    given = np.bincount(predicted[predicted != OUTSIDE], minlength=num_classes)
    there = asked + given > 0
    return float(np.mean(2 * right[there] / (asked + given)[there])) if there.any() else 0.0


def _numeric(prediction: str, reference: str) -> float:
    # A gold answer without a number ("no solution") can only be matched as text.
    found = numeric_match(prediction, reference)
    return exact_match(prediction, reference) if found is None else found


_SCORES: dict[Metric, Callable[[str, str], float]] = {
    "accuracy": accuracy,
    "exact_match": exact_match,
    "f1": token_f1,
    "rouge_l": rouge_l,
    "numeric": _numeric,
}


def _references(example: Example) -> tuple[str, ...]:
    return example.references or (example.target,)


def _classes(
    predictions: Sequence[str], examples: Sequence[Example], labels: Sequence[str]
) -> Classes:
    index = {label: at for at, label in enumerate(dict.fromkeys(label.strip() for label in labels))}
    unknown = {example.target for example in examples if example.target.strip() not in index}
    if unknown:
        raise ValueError(f"targets outside the labels of macro-F1: {sorted(unknown)[:5]!r}")
    return Classes(
        gold=np.array([index[example.target.strip()] for example in examples], dtype=np.int64),
        predicted=np.array([index.get(p.strip(), OUTSIDE) for p in predictions], dtype=np.int64),
        num_classes=len(index),
    )
