"""Training runs small enough for tests: task folders, configurations, and runs that are cut short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from conftest import ARCHITECTURES, make_task

from manyicl.config import Config, load_config
from manyicl.tasks import Example
from manyicl.tasks.folder import write_task

WORDS = "late broken quick friendly torn cheap heavy bright silent missing".split()


def write_tasks(folder: Path, names: tuple[str, ...] = ("letters", "sums", "held")) -> Path:
    """Write task folders with answers of one to many tokens; `held` is for holding out."""
    for seed, name in enumerate(names):
        rows = [
            Example(
                f"{WORDS[i % 10]} item {i * 37 % 101} {seed}",
                " ".join(WORDS[(i + j + seed) % 10] for j in range(1 + i % 4)),
            )
            for i in range(24)
        ]
        task = make_task(rows, rows[:4], name, source={"licence": f"licence of {name}"})
        write_task(task, folder / name)
    return folder


def overrides(**settings: Any) -> list[str]:
    """Return configuration pieces; `__` in a name stands for a dot."""
    return [f"{key.replace('__', '.')}={json.dumps(value)}" for key, value in settings.items()]


def tiny_config(tmp_path: Path, *pieces: str, run: str = "run", **settings: Any) -> Config:
    """Return the configuration of a run of six steps on two held-in tasks."""
    tasks = tmp_path / "tasks"
    if not tasks.is_dir():
        write_tasks(tasks)
    values: dict[str, Any] = {
        "run_dir": str(tmp_path / run),
        "tasks__path": [str(tasks)],
        "tasks__held_out": ["held"],
        "model__config": {"model_type": "llama", **ARCHITECTURES["llama"]},
        "model__vocab_size": 300,
        "episodes__max_tokens": 128,
        "training__steps": 6,
        "training__rows_per_step": 2,
        "training__learning_rate": 1e-2,
        "training__log_every": 1,
        "training__save_every": 2,
    } | settings
    return load_config(None, [*overrides(**values), *pieces])


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return all tensors of a model, adapter or checkpoint folder."""
    from safetensors.torch import load_file

    found: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= load_file(path)
    assert found, folder
    return found


def assert_same_weights(one: Path, other: Path, **tolerance: float) -> None:
    """Compare bit for bit, or within `atol` and `rtol`."""
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        if tolerance:
            torch.testing.assert_close(tensor, second[name], **tolerance)
        else:
            assert torch.equal(tensor, second[name]), name


def log_lines(run_dir: Path) -> list[dict[str, Any]]:
    """Return the log without what a clock decides."""
    lines = [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]
    for line in lines:
        del line["tokens_per_s"], line["total"]["seconds"]
    return lines
