"""Studies small enough for tests: two families of three groups each, a tiny random model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from builders import ARCHITECTURES, make_task

from manyicl.config import load_config
from manyicl.study.records import StudyResults
from manyicl.study.settings import StudyConfig
from manyicl.tasks import Example
from manyicl.tasks.folder import write_task

WORDS = ("late", "broken", "quick", "friendly", "torn", "cheap", "heavy", "bright", "silent", "far")
KINDS = {
    "tags": {"family": "classification", "labels": ("red", "blue"), "kind": "classification"},
    "sums": {"family": "math", "metric": "exact_match"},
}


def write_tasks(folder: Path, rows: int = 24) -> Path:
    """Write four groups of each kind; those that end in 3 are for holding out."""
    for kind, metadata in KINDS.items():
        for number in range(4):
            labels = metadata.get("labels", ("4", "7 8", "12"))
            examples = [
                Example(
                    f"{WORDS[i % 10]} {kind} {i * 37 % 101} {number} {WORDS[i * 7 % 9]}",
                    labels[(i * i + number) % len(labels)],
                )
                for i in range(rows + 6)
            ]
            name = f"{kind}{number}"
            task = make_task(examples[:rows], examples[rows:], name, **metadata)
            write_task(task, folder / name)
    return folder


def toy_settings(folder: Path, run: str = "study", **settings: Any) -> list[str]:
    """Return the overrides of a study; `__` in a name stands for a dot."""
    tasks = folder / "tasks"
    if not tasks.is_dir():
        write_tasks(tasks)
    values: dict[str, Any] = {
        "run_dir": str(folder / run),
        "tasks__path": [str(tasks)],
        "tasks__held_out": ["*3"],
        "model__config": {"model_type": "llama", **ARCHITECTURES["llama"]},
        "model__vocab_size": 300,
        "episodes__max_tokens": 256,
        "training__rows_per_step": 2,
        "training__precision": "fp32",
        "training__save_every": 1,
        "evaluation__num_shots": [0, 2, 5, 8],
        "evaluation__max_new_tokens": 4,
        "evaluation__held_in": ["*0"],
        "study__regimes": ["zero_shot", "many_shot"],
        "study__budgets": ["tokens"],
        "study__tokens": 2000,
        "study__targets": 24,
        "study__seeds": [0],
        "study__search__learning_rates": [1e-3, 3e-3],
        "study__dedicated__pool_sizes": [16],
        "study__dedicated__steps": [1, 2],
        "study__dedicated__learning_rates": [1e-2],
        "study__dedicated__tasks": ["tags3"],
        "study__similar_shots": [2],
        "study__orders": 2,
        "study__order_shots": 5,
        "study__left_out": ["math"],
        "study__left_out_regimes": ["many_shot"],
        "study__workers": 1,
        "study__threads": 1,
        "study__retention__max_tokens": 100,
        "study__retention__num_shots": 1,
        "study__retention__max_queries": 4,
        "study__retention__generations": 1,
        "study__retention__new_tokens": 4,
    } | settings
    return [f"{key.replace('__', '.')}={json.dumps(value)}" for key, value in values.items()]


def toy_study(folder: Path, run: str = "study", **settings: Any) -> StudyConfig:
    return load_config(None, toy_settings(folder, run, **settings), schema=StudyConfig)


def without_clocks(results: StudyResults) -> dict[str, Any]:
    """Return everything a study found, without what a clock or a folder decides."""
    found = json.loads(results.to_json())
    for row in found["models"] + found["dedicated"]:
        del row["seconds"]
    for key in ("environment", "config", "name"):
        del found[key]
    return found


def write_toy_folder(folder: Path) -> Path:
    """Write the tasks of toy studies, and a plain text for their retention."""
    write_tasks(folder / "tasks")
    (folder / "text.txt").write_text("plain words of no task\n" * 1000, encoding="utf-8")
    return folder


def with_text(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return settings that name the folder's plain text, and the changes."""
    return {"study__retention__text": str(folder / "text.txt")} | changes
