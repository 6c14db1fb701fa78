"""Moments at which a run kills itself, as a machine or its owner might."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from manyicl.config import Config
from manyicl.training import checkpoint, model_folder, run
from manyicl.training.run import train
from manyicl.training.trainer import ManyICLTrainer

STEP = 4  # of the checkpoint that is being written when the run dies


def train_killed_at(config: Config, moment: str) -> None:
    """Train until `moment` comes, and die without a word."""
    MOMENTS[moment]()
    train(config)
    raise AssertionError(f"{moment} never came")


def train_killed_at_write(config: Config, number: int) -> None:
    """Train until the run is about to write or remove its `number`-th file, and die."""
    left = number

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
        if writes or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
            left -= str(arguments[0]).startswith(config.run_dir)
            if left == 0:
                _die()

    sys.addaudithook(count)
    train(config)


def _die(*args: Any, **kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_before(owner: Any, name: str, at: Callable[..., bool] = lambda *args: True) -> None:
    original = getattr(owner, name)

    def dying(*args: Any, **kwargs: Any) -> Any:
        if at(*args):
            _die()
        return original(*args, **kwargs)

    setattr(owner, name, dying)


def _die_after(owner: Any, name: str, at: Callable[..., bool]) -> None:
    original = getattr(owner, name)

    def dying(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if at(*args):
            _die()
        return result

    setattr(owner, name, dying)


def _at_step(step: int) -> Callable[..., bool]:
    return lambda trainer, *args: trainer.state.global_step == step


def _writes_step(folder: Path, *args: Any) -> bool:
    return folder.name == f"checkpoint-{STEP}"


def _in_the_middle_of_a_step() -> None:
    micro_batches = iter(range(1000))
    _die_before(ManyICLTrainer, "training_step", lambda *args: next(micro_batches) == 7)


def _half_the_optimizer() -> None:
    save = torch.save

    def half(content: Any, path: Any, *args: Any, **kwargs: Any) -> None:
        save(content, path, *args, **kwargs)
        if str(path).endswith(f"checkpoint-{STEP}/optimizer.pt"):
            os.truncate(path, os.path.getsize(path) // 2)
            _die()

    torch.save = half


def _half_the_manifest() -> None:
    write = checkpoint.replace_file

    def half(path: Path, text: str, **how: bool) -> None:
        if path.parent.name == f"checkpoint-{STEP}":
            path.with_name(f".{path.name}.1.part").write_text(text[: len(text) // 2])
            _die()
        write(path, text, **how)

    checkpoint.replace_file = half


def _while_removing_the_old_one() -> None:
    def remove_a_part(folder: Path, **kwargs: Any) -> None:
        if folder.name == "checkpoint-2":
            (folder / "model.safetensors").unlink(missing_ok=True)
            _die()

    checkpoint.shutil.rmtree = remove_a_part  # type: ignore[assignment]


def _half_a_log_line() -> None:
    log = ManyICLTrainer.log

    def half(trainer: Any, logs: dict[str, float], start_time: float | None = None) -> None:
        log(trainer, logs, start_time)
        if trainer.state.global_step == 3:
            path = trainer.run_dir / "log.jsonl"
            # Up to the brace that closes an inner object: it ends like a whole line.
            path.write_text(path.read_text().rstrip("\n")[:-1])
            _die()

    ManyICLTrainer.log = half  # type: ignore[method-assign,assignment]


MOMENTS: dict[str, Callable[[], None]] = {
    "before the first checkpoint": lambda: _die_before(
        ManyICLTrainer, "_save_checkpoint", _at_step(2)
    ),
    "in the middle of a step": _in_the_middle_of_a_step,
    "between two steps": lambda: _die_before(
        ManyICLTrainer, "_maybe_log_save_evaluate", _at_step(3)
    ),
    "in the middle of a log line": _half_a_log_line,
    "before a save": lambda: _die_before(ManyICLTrainer, "_save_checkpoint", _at_step(STEP)),
    "between model and optimizer": lambda: _die_before(
        ManyICLTrainer, "_save_optimizer_and_scheduler", _at_step(STEP)
    ),
    "in the middle of the optimizer": _half_the_optimizer,
    "before the manifest": lambda: _die_before(checkpoint, "seal", _writes_step),
    "in the middle of the manifest": _half_the_manifest,
    "after the manifest": lambda: _die_after(checkpoint, "seal", _writes_step),
    "while removing the old one": _while_removing_the_old_one,
    "after the last checkpoint": lambda: _die_before(run, "save_model_folder"),
    "in the middle of the model folder": lambda: _die_before(model_folder, "write_card"),
}
