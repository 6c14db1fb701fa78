"""`nano` as it lies in the package, for its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from training.tiny_runs import write_tasks

import manyicl
from manyicl.episodes import Encoder
from manyicl.models import load_tokenizer

FOLDER = Path(manyicl.__file__).parent / "models/nano"
IDS = torch.tensor([[5, 9, 200, 31, 7, 7, 4000, 64, 8191]])
TOKENIZER: Any = load_tokenizer("nano")
ENCODER = Encoder(TOKENIZER)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits.float()


def small_run(folder: Path, name: str) -> list[str]:
    tasks = folder / "tasks"
    if not tasks.is_dir():
        write_tasks(tasks)
    return [
        f"run_dir={folder / name}",
        f"tasks.path={tasks}",
        "tasks.held_out=held",
        "episodes.max_tokens=128",
        "training.steps=2",
        "training.rows_per_step=1",
        "training.precision=fp32",
        "evaluation.num_shots=[0,1]",
        "evaluation.seeds=[0]",
        "evaluation.max_queries=2",
        "evaluation.max_new_tokens=4",
    ]
