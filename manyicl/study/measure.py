"""Cells that measure a model of the study: k-shot scores, order sensitivity, retention."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from manyicl.episodes import EncodedPool, Pool, shared_order
from manyicl.evaluation.calibration import expected_calibration_error, option_confidence
from manyicl.evaluation.evaluate import evaluate_stage
from manyicl.evaluation.kshot import choose_queries
from manyicl.evaluation.metrics import score_predictions
from manyicl.inference import Engine
from manyicl.inference.room import fitting_rows, token_budget
from manyicl.study.adapt import Found
from manyicl.study.cells import Cell
from manyicl.study.context import Study
from manyicl.study.records import BASE, OrderScore, Retention, Score
from manyicl.study.retention.measures import measure_retention
from manyicl.study.shot_curve import loss_by_shot
from manyicl.tasks import Task


def evaluate(study: Study, cell: Cell, folder: Path, needs: Found) -> Found:
    """Score a model on all evaluated tasks, with random and with similar demonstrations."""
    asked = cell.settings
    engine = _engine(study, asked, needs)
    rows: list[dict[str, Any]] = []
    sweeps = [("random", asked["num_shots"])]
    if asked["similar_shots"]:
        sweeps.append(("similar", asked["similar_shots"]))
    for selection, shots in sweeps:
        config = study.evaluation_config(asked["seed"], shots, selection)
        kept = folder / selection
        scores = evaluate_stage(engine, study.evaluated, config, f"{cell.name} {selection}", kept)
        errors = _calibration_errors(kept, study.evaluated)
        for found in scores:
            score = Score(
                regime=asked["regime"],
                budget=asked["budget"],
                seed=asked["seed"],
                task=found.task,
                num_shots=found.num_shots,
                effective_shots=found.effective_shots,
                score=found.mean,
                selection=selection,
                ece=errors.get((found.task, found.num_shots)),
            )
            rows.append(vars(score))
    held_out = [task for task, out in study.evaluated if out]
    curve = loss_by_shot(engine, held_out, study.config.episodes.max_tokens, asked["seed"])
    for selection, _ in sweeps:
        shutil.rmtree(folder / selection, ignore_errors=True)
    return {"scores": rows, "loss_by_shot": curve}


def orders(study: Study, cell: Cell, folder: Path, needs: Found) -> Found:
    """Score held-out tasks of closed labels with the same demonstrations in several orders."""
    asked = cell.settings
    engine = _engine(study, asked, needs)
    rows: list[dict[str, Any]] = []
    for task, held_out in study.evaluated:
        if held_out and task.kind != "generation":
            for order, shots, score in _orders_of(study, engine, task, asked):
                found = OrderScore(
                    regime=asked["regime"],
                    budget=asked["budget"],
                    seed=asked["seed"],
                    task=task.name,
                    num_shots=shots,
                    order=order,
                    score=score,
                )
                rows.append(vars(found))
    return {"orders": rows}


def _orders_of(
    study: Study, engine: Engine, task: Task, asked: Any
) -> Iterator[tuple[int, int, float]]:
    config = study.config.evaluation
    queries = [query for _, query in choose_queries(task, config.max_queries)]
    pool = EncodedPool(Pool(task), engine.encoder)
    near = set().union(*pool.pool.near_duplicates_of(queries))
    budget = token_budget(
        engine, pool, queries, config.max_new_tokens, max_tokens=config.max_tokens
    )
    order = shared_order(pool.pool, "random", asked["seed"], near)
    rows = fitting_rows(pool, order, budget.prefix, asked["order_shots"])
    for number in range(asked["orders"]):
        rng = np.random.default_rng([0x0DE5, asked["seed"], number])
        prefix = engine.prefix(pool, [rows[at] for at in rng.permutation(len(rows))])
        answers = engine.choose(task, prefix, queries, config.scoring)
        texts = [answer.text for answer in answers]
        result = score_predictions(task.metric, texts, queries, task.labels)
        yield number, len(rows), result.mean


def retention(study: Study, cell: Cell, folder: Path, needs: Found) -> Found:
    """Measure what a model still can do besides the tasks it learned."""
    asked = cell.settings
    settings = study.config.study.retention
    found = measure_retention(
        _engine(study, asked, needs),
        None if asked["regime"] == BASE else study.engine(),
        study.text,
        settings,
        tokenizer=study.tokenizer,
        seed=asked["seed"],
    )
    rows = [
        Retention(
            regime=asked["regime"],
            budget=asked["budget"],
            seed=asked["seed"],
            measure=measure,
            value=value,
            higher_is_better=higher,
        )
        for measure, value, higher in found
    ]
    return {"retention": [vars(row) for row in rows]}


def _engine(study: Study, asked: Any, needs: Found) -> Engine:
    if asked["regime"] == BASE:
        return study.engine()
    name = f"train/{asked['regime']}-{asked['budget']}-{asked['seed']}"
    return study.engine(needs[name]["kept"])


def _calibration_errors(
    folder: Path, tasks: list[tuple[Task, bool]]
) -> dict[tuple[str, int], float]:
    """Return the expected calibration error by (task, k), where options were scored."""
    found: dict[tuple[str, int], float] = {}
    for task, _ in tasks:
        if task.kind == "generation":
            continue
        by_shots: dict[int, tuple[list[float], list[bool]]] = {}
        with (folder / f"{task.name}.samples.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                sample = json.loads(line)
                confidences, correct = by_shots.setdefault(sample["num_shots"], ([], []))
                confidences.append(option_confidence(sample["resps"]))
                correct.append(sample["filtered_resps"][0] == sample["target"])
        for k, (confidences, correct) in by_shots.items():
            found[task.name, k] = expected_calibration_error(confidences, correct)
    return found
