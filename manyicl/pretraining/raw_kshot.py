"""k-shot accuracy of the untuned model on the built-in tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manyicl.config import Config, EvaluationConfig
from manyicl.evaluation.curves import mean_curve
from manyicl.evaluation.evaluate import BASE, evaluate_stage
from manyicl.evaluation.scores import KShotScore
from manyicl.inference import Engine
from manyicl.tasks import Task, load_tasks
from manyicl.tasks.builtin.split import side_of

NUM_SHOTS = (0, 1, 4, 16, 32)
NUM_QUERIES = 40


def raw_kshot(
    model: Path,
    folder: Path,
    *,
    tasks: Sequence[Task] | None = None,
    num_shots: Sequence[int] = NUM_SHOTS,
    num_queries: int = NUM_QUERIES,
) -> dict[str, Any]:
    """Evaluate a model folder, one seed; `tasks` are all built-in ones unless given.

    Finished tasks are kept in `folder`, so that an interrupted evaluation goes on.
    """
    chosen = list(load_tasks(["builtin"])) if tasks is None else tasks
    asked = EvaluationConfig(
        num_shots=list(num_shots), seeds=[0], max_queries=num_queries, samples=False
    )
    scores = evaluate_stage(
        Engine.load(str(model)),
        [(task, side_of(task) == "held_out") for task in chosen],
        Config(evaluation=asked),
        BASE,
        folder,
    )
    return {
        "num_shots": sorted(num_shots),
        "num_queries": num_queries,
        "scores": [score.as_dict() for score in scores],
    }


def family_table(found: dict[str, Any]) -> list[list[str]]:
    """Return rows of a table: mean main metric in per cent by family and k; head first."""
    scores = [KShotScore.from_dict(score) for score in found["scores"]]
    rows: dict[str, list[str]] = {}
    for point in [*mean_curve(scores, by="family"), *mean_curve(scores)]:
        name = f"{point.family or 'all'} ({point.num_tasks})"
        rows.setdefault(name, []).append(f"{100 * point.mean:.1f}")
    return [_head("family (tasks)", found), *([name, *cells] for name, cells in rows.items())]


def closed_label_table(found: dict[str, Any]) -> list[list[str]]:
    """Return rows of a table: mean accuracy in per cent on tasks with a fixed set of labels."""
    closed = [
        score
        for score in (KShotScore.from_dict(score) for score in found["scores"])
        if score.chance is not None
    ]
    rows = [_head("tasks", found)]
    for name, held_out in (("held in", False), ("held out", True)):
        side = [score for score in closed if score.held_out == held_out]
        number = len({score.task for score in side})
        if not side:
            continue
        cells = []
        for k in found["num_shots"]:
            values = [score.metrics["accuracy"] for score in side if score.num_shots == k]
            cells.append(f"{100 * sum(values) / len(values):.1f}")
        rows.append([f"{name} ({number})", *cells])
        chance = sum(score.chance or 0.0 for score in side) / len(side)
        rows.append([f"{name}, chance", *[f"{100 * chance:.1f}"] * len(found["num_shots"])])
    return rows


def _head(first: str, found: dict[str, Any]) -> list[str]:
    return [first, *(f"k={k}" for k in found["num_shots"])]
