"""Made-up but well-formed results, drawn from the product's own scoring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from manyicl.evaluation.metrics import metrics_for, score_predictions
from manyicl.evaluation.results import Results
from manyicl.evaluation.scores import KShotScore, summarise_seeds
from manyicl.tasks import Example, Task

FAMILIES = ("classification", "nli", "qa", "math", "summarization")
METRICS = {"math": "numeric", "summarization": "rouge_l", "qa": "f1"}


def make_task(name: str, family: str = "classification") -> Task:
    """A task without rows: two to five labels, or generation in the families that generate."""
    generated = family in METRICS
    return Task(
        name=name,
        family=family,  # type: ignore[arg-type]
        kind="generation" if generated else "classification",
        metric=METRICS.get(family, "accuracy"),  # type: ignore[arg-type]
        group=name,
        load=lambda split: [],
        labels=() if generated else tuple("ABCDE"[: 2 + len(name) % 4]),
    )


def make_scores(
    task: Task,
    *,
    stage: str = "base",
    held_out: bool = True,
    num_shots: tuple[int, ...] = (0, 4, 16),
    seeds: tuple[int, ...] = (0, 1),
    num_queries: int = 20,
    gain: float = 0.0,
    longest: int = 1000,
    random: int = 0,
) -> list[KShotScore]:
    """Answers that are right with a probability that rises with the shots."""
    draw = np.random.default_rng([random, *task.name.encode()])
    labels = task.labels or ("1", "2", "3", "4", "5", "6")
    examples = [Example(f"query {q}", str(draw.choice(labels))) for q in range(num_queries)]
    floor = 1 / len(labels) * 0.9
    scores = []
    for k in num_shots:
        fitted = min(k, longest)
        rate = min(0.97, floor + (0.05 + gain) * np.log2(1 + fitted) / 2 + gain)
        results = []
        for _ in seeds:
            answers = [
                e.target if draw.random() < rate else str(draw.choice(labels)) for e in examples
            ]
            results.append(
                {m: score_predictions(m, answers, examples, labels) for m in metrics_for(task)}
            )
        scores.append(
            summarise_seeds(
                results,
                task,
                stage=stage,
                held_out=held_out,
                num_shots=k,
                effective_shots=[float(fitted)] * len(seeds),
                seeds=seeds,
                selection="random",
                scoring="sum" if task.labels else "generate",
            )
        )
    return scores


TRAINING = {
    "steps": 400,
    "tokens": 6_553_600,
    "supervised_tokens": 412_345,
    "supervised_answers": 98_765,
    "seconds": 1234.5,
    "tokens_per_s": 5308.7,
    "num_parameters": 5_242_880,
    "loss_by_shot": {
        "start": [[k, 8.3 - 0.01 * k] for k in range(30)],
        "end": [[k, 1.1 + 2.0 / (1 + k)] for k in range(30)],
    },
    "loss_curve": [[10 * i, 8.0 / (1 + 0.1 * i) + 0.05 * (i % 3)] for i in range(1, 41)],
}
ENVIRONMENT = {
    "manyicl": "0.1.0",
    "torch": "2.13.0",
    "date": "2026-11-20T12:00:00+00:00",
    "git_hash": "0123456789abcdef",
    "command": "manyicl run recipe.yaml training.steps=400",
}


def make_results(
    num_tasks: int = 4,
    *,
    families: tuple[str, ...] = FAMILIES,
    stages: tuple[str, ...] = ("base", "tuned"),
    held_in: bool = True,
    training: bool = True,
    **options,
) -> Results:
    """Results of `num_tasks` tasks spread over families; every third is held in."""
    scores: list[KShotScore] = []
    for at in range(num_tasks):
        task = make_task(f"task_{at:02}_{'x' * (at % 4)}", families[at % len(families)])
        for stage in stages:
            scores += make_scores(
                task,
                stage=stage,
                held_out=not held_in or at % 3 != 2,
                gain=0.0 if stage == "base" else 0.06 + 0.02 * (at % 3),
                random=len(stage),
                **options,
            )
    return Results(
        scores=scores,
        config={"model": {"path": "tiny"}, "evaluation": {"num_shots": [0, 4, 16]}},
        training=TRAINING if training else {},  # type: ignore[arg-type]
        environment=ENVIRONMENT,  # type: ignore[arg-type]
        tasks={score.task: {"family": score.family, "fingerprint": "ab" * 32} for score in scores},
    )


@pytest.fixture(scope="session", name="make_results")
def make_results_fixture() -> Callable[..., Results]:
    return make_results


@pytest.fixture(scope="session")
def results() -> Results:
    return make_results()
