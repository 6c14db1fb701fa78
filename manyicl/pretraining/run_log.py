"""The log of a pre-training: a line of log.jsonl, and shorter on the screen, for what happens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from manyicl.errors import RunError
from manyicl.files import replace_file
from manyicl.pretraining.progress import Progress
from manyicl.pretraining.rows import Rows

LOG = "log.jsonl"


def keep_losses(progress: Progress, rows: Rows, targets: Tensor, nll: Tensor) -> None:
    """Keep the mean loss of each kind of row for the next line: of settled tokens if there are any.

    `targets` [rows, tokens - 1]: which tokens but the first are targets; `nll`: theirs, in order.
    """
    weights = rows.weights[:, 1:]
    heavy = (weights > 0) & (weights == weights.amax(1, keepdim=True))
    losses = torch.zeros(targets.shape)
    losses[targets] = nll
    for index, kind in enumerate(rows.kinds):
        if heavy[index].any():
            mean = float(losses[index][heavy[index]].mean())
            progress.recent.setdefault(kind, []).append(mean)


def log_losses(run_dir: Path, progress: Progress, stage: str) -> None:
    """Write the means of the losses kept since the last such line."""
    losses = {k: round(sum(v) / len(v), 4) for k, v in sorted(progress.recent.items())}
    progress.recent.clear()
    line = {
        "step": progress.steps,
        "stage": stage,
        "tokens": progress.tokens,
        "seconds": round(progress.seconds, 1),
        "losses": losses,
    }
    _append(run_dir, progress, line)
    shown = "  ".join(f"{kind} {loss:.2f}" for kind, loss in losses.items())
    speed = progress.tokens / max(progress.seconds, 1e-9)
    print(
        f"{progress.tokens / 1e6:7.2f} M tokens  {stage:<9} {speed:,.0f}/s  {shown}",
        flush=True,
    )


def log_probes(run_dir: Path, progress: Progress, found: dict[str, float]) -> None:
    line = {"step": progress.steps, "tokens": progress.tokens, "probes": found}
    _append(run_dir, progress, line)
    print("    probes  " + json.dumps(found), flush=True)


def log_finished(run_dir: Path, progress: Progress) -> None:
    """Note what a finished stage has read: the model card tells it."""
    walks = progress.text["walks"].values() if progress.text else ()
    line = {
        "step": progress.steps,
        "tokens": progress.tokens,
        "seconds": round(progress.seconds, 1),
        "finished": progress.stage,
        "text_rows": sum(walk["taken"] for walk in walks),
    }
    _append(run_dir, progress, line)


def _append(run_dir: Path, progress: Progress, line: dict[str, Any]) -> None:
    with (run_dir / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())  # a checkpoint counts the lines: they must be there after a crash
    progress.log_lines += 1


def read_log(run_dir: Path) -> list[dict[str, Any]]:
    """Return the lines of log.jsonl. Raises `RunError` if one is damaged."""
    path = run_dir / LOG
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(json.loads(line))
        except ValueError:
            raise RunError(f"{path}:{number}: not valid JSON. Remove the line.") from None
    return found


def cut_log(run_dir: Path, num_lines: int) -> None:
    """Drop lines of steps that were lost with the process and will be done again."""
    path = run_dir / LOG
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        replace_file(path, "".join(lines[:num_lines]), lasting=True)
