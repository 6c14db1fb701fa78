"""Cells that fine-tune once on many tasks: the search of a learning rate, the models, left-outs."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from manyicl.errors import Diverged, RunError
from manyicl.evaluation.evaluate import evaluate_stage
from manyicl.models.flops import Shape, training_flops
from manyicl.study.cells import Cell
from manyicl.study.context import Study
from manyicl.study.records import BASE, NO_BUDGET, Model, Retention
from manyicl.study.validation import validation_loss
from manyicl.training.model_folder import read_description
from manyicl.training.run import train

Found = dict[str, Any]
MODEL = "run/model"  # in a cell's folder


def search(study: Study, cell: Cell, folder: Path, needs: Found) -> Found:
    """Train with one learning rate without the validation tasks; return their loss.

    A learning rate of 0 is the untuned base. One that diverges has no loss (None).
    """
    asked = cell.settings
    rate = asked["learning_rate"]
    try:
        engine = study.engine(str(_train(study, asked, folder, rate)) if rate else None)
    except Diverged as error:
        print(error)
        shutil.rmtree(folder / "run", ignore_errors=True)  # with its checkpoints
        return {"loss": None, "learning_rate": rate}
    loss = validation_loss(
        engine,
        list(study.validation),
        asked["num_shots"],
        asked["config"]["episodes"]["max_tokens"],
        asked["seed"],
    )
    _forget(folder)
    return {"loss": loss if math.isfinite(loss) else None, "learning_rate": rate}


def best_rate(trials: Sequence[tuple[float | None, float]]) -> float | None:
    """Return the learning rate with the lowest loss in (loss, rate); of equal ones the first.

    None if all diverged, which is what a loss of None says.

    >>> best_rate([(2.3, 1e-4), (2.1, 3e-4), (2.1, 1e-3), (None, 3e-3)])
    0.0003
    """
    losses = [loss for loss, _ in trials if loss is not None]
    return next((rate for loss, rate in trials if losses and loss == min(losses)), None)


def chosen_rate(needs: Found) -> float:
    """Return the learning rate that the searches among the needed cells found best.

    Raises `RunError` if all of them diverged.
    """
    searches = [found for name, found in needs.items() if name.startswith("search/")]
    best = best_rate([(found["loss"], found["learning_rate"]) for found in searches])
    if best is None:
        tried = ", ".join(f"{found['learning_rate']:g}" for found in searches)
        raise RunError(
            f"study.search.learning_rates: training diverged with every one of {tried}. Add lower "
            "ones."
        )
    return best


def train_model(study: Study, cell: Cell, folder: Path, needs: Found) -> Found:
    """Train one model of the study with the rate its search chose, and count what it cost."""
    asked = cell.settings
    rate = chosen_rate(needs)
    model = _train(study, asked, folder, rate)
    found = Model(
        regime=asked["regime"],
        budget=asked["budget"],
        seed=asked["seed"],
        learning_rate=rate,
        **_cost(study, model),
    )
    return {"model": vars(found)}


def left_out(study: Study, cell: Cell, folder: Path, needs: Found) -> Found:
    """Train without a family, then test on it: what fine-tuning takes from what it never saw.

    The value is the mean over the same few numbers of shots for every regime and the base.
    """
    asked = cell.settings
    rate = chosen_rate(needs)
    model = _train(study, asked, folder, rate)
    tasks = [pair for pair in study.evaluated if pair[0].family == asked["family"]]
    shots = asked["num_shots"]
    config = study.evaluation_config(asked["seed"], shots)
    scores = evaluate_stage(
        study.engine(str(model)), tasks, config, cell.name, folder / "evaluation"
    )
    shutil.rmtree(folder / "evaluation", ignore_errors=True)
    _forget(folder)
    base = needs[f"evaluate/{BASE}-{NO_BUDGET}-{asked['seed']}"]["scores"]
    before = [
        row["score"]
        for row in base
        if row["num_shots"] in shots
        and row["selection"] == "random"
        and row["task"] in {task.name for task, _ in tasks}
    ]
    record = Retention(
        regime=asked["regime"],
        budget="tokens",
        seed=asked["seed"],
        measure=f"family/{asked['family']}",
        value=float(np.mean([score.mean for score in scores])),
        higher_is_better=True,
        base=float(np.mean(before)),
    )
    return {"retention": [vars(record)]}


def _train(study: Study, asked: Any, folder: Path, learning_rate: float) -> Path:
    config = study.run_config(
        asked["regime"],
        seed=asked["seed"],
        held_in=asked["held_in"],
        learning_rate=learning_rate,
        tokens=asked.get("tokens", 0),
        answers=asked.get("answers", 0),
        run_dir=str(folder / "run"),
    )
    model = train(config)
    for checkpoint in (folder / "run").glob("checkpoint-*"):  # the optimizer's state is done with
        shutil.rmtree(checkpoint, ignore_errors=True)
    return model


def _forget(folder: Path) -> None:
    """Remove the weights of a model that nothing will ask again."""
    shutil.rmtree(folder / MODEL, ignore_errors=True)


def _cost(study: Study, model: Path) -> dict[str, Any]:
    description = read_description(model)
    assert description is not None
    training = description["training"]
    shape = Shape.of(study.engine(str(model)).model)
    length = training["tokens"] / training["sequences"]
    return {
        "tokens": training["tokens"],
        "supervised_answers": training["supervised_answers"],
        "supervised_tokens": training["supervised_tokens"],
        "steps": training["steps"],
        "seconds": training["seconds"],
        "flops": training_flops(shape, training["tokens"], training["supervised_tokens"], length),
    }
