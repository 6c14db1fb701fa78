"""One point of the k-shot sweep: how a stage does on a task with k shots, over all seeds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from manyicl.evaluation.metrics import MetricResult
from manyicl.evaluation.statistics import (
    Interval,
    hierarchical_interval,
    macro_f1_interval,
    spread,
)
from manyicl.tasks import Task
from manyicl.tasks.task import Metric


@dataclass(frozen=True)
class KShotScore:
    """The score of one stage on one task at one k. Scores lie in [0, 1], higher is better."""

    stage: str
    """Which model answered: `base` (before training), `tuned` (after), or any name."""
    task: str
    family: str
    group: str
    held_out: bool
    """Whether the task was kept out of training."""
    metric: str
    """The task's main metric, of which all numbers below are unless they say otherwise."""
    num_shots: int
    """Shots asked for."""
    effective_shots: float
    """Shots that fitted, mean over seeds (and queries, where each has its own)."""
    seeds: tuple[int, ...]
    by_seed: tuple[float, ...]
    """Score of each seed, in the order of `seeds`."""
    metrics: dict[str, float] = field(hash=False)
    """Every metric computed, mean over seeds."""
    mean: float
    """Mean over seeds."""
    std: float
    """Standard deviation (n - 1) over seeds: what the choice of demonstrations does."""
    stderr: float
    """Standard error of `mean`, from the bootstrap."""
    low: float
    """95 % bootstrap interval of `mean`, seeds and queries resampled: its lower end."""
    high: float
    """Its upper end."""
    num_queries: int
    """Queries a seed; all seeds answer the same ones."""
    chance: float | None
    """Expected score of guessing one of the options at random; None where answers are written, and
    for macro-F1, whose level of guessing hangs on how frequent the classes are."""
    selection: str
    """How the demonstrations were chosen."""
    scoring: str
    """How the answer was found: an option score (`sum`, `mean`, `prior`) or `generate`."""
    cut: float = 0.0
    """Share of the answers that reached `max_new_tokens` before they ended."""

    def __post_init__(self) -> None:
        for name, value in self.as_dict().items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"score of {self.task} at k={self.num_shots}: {name} is {value}")

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> KShotScore:
        """Build from `as_dict` after JSON. Raises `TypeError` if fields are missing or unknown."""
        listed = {key: tuple(found[key]) for key in ("seeds", "by_seed") if key in found}
        return cls(**{**found, **listed})


def summarise_seeds(
    results: Sequence[Mapping[Metric, MetricResult]],
    task: Task,
    *,
    stage: str,
    held_out: bool,
    num_shots: int,
    effective_shots: Sequence[float],
    seeds: Sequence[int],
    selection: str,
    scoring: str,
    cut: float = 0.0,
    chance: float | None = None,
) -> KShotScore:
    """Return the score of a task at one k from the metrics of each seed (same queries in each).

    `results[s]` are the metrics of seed s, the task's main one among them; `effective_shots[s]` the
    shots that fitted.
    """
    if not len(results) == len(seeds) == len(effective_shots):
        raise ValueError("give one result and one number of effective shots for each seed")
    main = [result[task.metric] for result in results]
    interval = _interval(main)
    return KShotScore(
        stage=stage,
        task=task.name,
        family=task.family,
        group=task.group,
        held_out=held_out,
        metric=task.metric,
        num_shots=num_shots,
        effective_shots=float(np.mean(effective_shots)),
        seeds=tuple(seeds),
        by_seed=tuple(result.mean for result in main),
        metrics={name: float(np.mean([r[name].mean for r in results])) for name in results[0]},
        mean=float(np.mean([result.mean for result in main])),
        std=spread([result.mean for result in main]),
        stderr=interval.stderr,
        low=interval.low,
        high=interval.high,
        num_queries=len(main[0].per_item),
        chance=chance,
        selection=selection,
        scoring=scoring,
        cut=cut,
    )


def _interval(main: Sequence[MetricResult]) -> Interval:
    classes = [result.classes for result in main if result.classes is not None]
    if not classes:
        return hierarchical_interval([result.per_item for result in main])
    predicted = np.stack([found.predicted for found in classes])
    return macro_f1_interval(classes[0].gold, predicted, classes[0].num_classes)
