"""From kept cells to the records of `StudyResults`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manyicl.config import as_dict
from manyicl.evaluation.environment import describe_environment
from manyicl.study.adapt import best_rate
from manyicl.study.cells import Cell, CellStore
from manyicl.study.context import Study
from manyicl.study.records import (
    BASE,
    Dedicated,
    Failure,
    Model,
    OrderScore,
    Retention,
    Score,
    SearchPoint,
    StudyResults,
    TaskInfo,
)


def collect(study: Study, store: CellStore, failures: Sequence[Failure] = ()) -> StudyResults:
    """Return what the finished cells found; cells neither finished nor failed are counted."""
    kept: list[tuple[Cell, dict[str, Any]]] = []
    for cell in store.cells.values():
        found = store.result(cell.title)
        if found is not None:
            kept.append((cell, found["result"]))
    of = {cell.title: result for cell, result in kept}
    # A failed cell may have a result: a training that was done again for its weights.
    known = of.keys() | {failure.cell for failure in failures}
    return StudyResults(
        name=Path(study.config.run_dir).name,
        tasks=tuple(_task_info(study)),
        models=tuple(_models(kept, of)),
        scores=tuple(Score(**row) for _, found in kept for row in found.get("scores", ())),
        dedicated=tuple(
            Dedicated(**row) for _, found in kept for row in found.get("dedicated", ())
        ),
        retention=tuple(
            Retention(**row) for _, found in kept for row in found.get("retention", ())
        ),
        orders=tuple(OrderScore(**row) for _, found in kept for row in found.get("orders", ())),
        search=tuple(_search(kept, len(study.config.study.search.learning_rates))),
        failures=tuple(failures),
        missing=len(store.cells.keys() - known),
        config=as_dict(study.config),
        environment=dict(describe_environment()),
    )


def _task_info(study: Study) -> list[TaskInfo]:
    return [
        TaskInfo(
            task=task.name,
            family=task.family,
            group=task.group,
            held_out=held_out,
            metric=task.metric,
            kind=task.kind,
            num_labels=len(task.labels),
        )
        for task, held_out in study.evaluated
    ]


def _models(kept: list[tuple[Cell, dict[str, Any]]], of: dict[str, dict[str, Any]]) -> list[Model]:
    """The base with every seed, and the trained models, each with its loss by shot if measured."""
    found: list[Model] = []
    for cell, result in kept:
        if cell.kind == "evaluate" and cell.settings["regime"] == BASE:
            asked = cell.settings
            row: dict[str, Any] = {key: asked[key] for key in ("regime", "budget", "seed")}
        elif cell.kind == "train":
            row = dict(result["model"])
        else:
            continue
        curve = of.get(f"evaluate/{cell.name}", {}).get("loss_by_shot", [])
        row["loss_by_shot"] = tuple((int(k), float(loss)) for k, loss in curve)
        found.append(Model(**row))
    return found


def _search(kept: list[tuple[Cell, dict[str, Any]]], wanted: int) -> list[SearchPoint]:
    """Every trial; a rate is chosen once all `wanted` of its regime are there."""
    trials: dict[str, list[tuple[float | None, float, int]]] = {}
    for cell, result in kept:
        if cell.kind == "search":
            asked = cell.settings
            rows = trials.setdefault(asked["regime"], [])
            rows.append((result["loss"], asked["learning_rate"], asked["num_shots"]))
    points: list[SearchPoint] = []
    for regime, rows in trials.items():
        tuned = [(loss, rate) for loss, rate, _ in rows if rate]
        best = best_rate(tuned) if len(tuned) == wanted else None
        points += [
            SearchPoint(regime, rate, loss, shots, chosen=rate == best)
            for loss, rate, shots in sorted(rows, key=lambda row: row[1])
        ]
    return points
