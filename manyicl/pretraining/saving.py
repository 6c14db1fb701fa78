"""The folder of a pre-training: settings, sealed checkpoints, and the model it ends in."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from manyicl.errors import ConfigError, RunError, listing
from manyicl.files import folder_beside, replace_file
from manyicl.pretraining.optimizer import MuonWithAdam
from manyicl.pretraining.run_log import cut_log
from manyicl.pretraining.settings import PretrainingConfig, ShapeConfig
from manyicl.training.checkpoint import (
    keep_newest,
    latest_checkpoint,
    remove_newer,
    seal,
)
from manyicl.training.folder_lock import hold_folder

SETTINGS = "pretraining.json"
MADE_BY = "pretraining.json"  # in the model folder: see history.py
PROGRESS = "progress.json"
# What may change between a run and its continuation: nothing that alters weights already made.
FREE = (
    "run_dir", "corpus", "licences", "licence", "remarks", "probe_every", "log_every",
    "save_minutes", "stages",
)  # fmt: skip
FREE_IN_STAGE = ("million_tokens", "learning_rate", "until_loss")  # of the stage under way


@contextmanager
def open_pretraining(config: PretrainingConfig) -> Iterator[Path]:
    """Create or re-enter the run folder and hold it. Raises `ConfigError` if it is of another
    pre-training, `RunError` if another process holds it.

    Stages behind the point that was reached may be added or changed: so a run is prolonged.
    """
    run_dir = Path(config.run_dir)
    _refuse_other_folder(run_dir)
    with hold_folder(run_dir):
        _bind(run_dir, config)
        yield run_dir


def _refuse_other_folder(run_dir: Path) -> None:
    found = run_dir.iterdir() if run_dir.is_dir() else ()
    other = [p for p in found if p.suffix != ".log" and not p.name.startswith(".")]
    if other and not (run_dir / SETTINGS).is_file():
        raise ConfigError(
            f"run_dir: {run_dir} is not empty and holds no pre-training. Choose a new folder."
        )


def _bind(run_dir: Path, config: PretrainingConfig) -> None:
    """Bind the folder to the settings, or raise `ConfigError` if they are not those it has."""
    settings = dataclasses.asdict(config)
    known = run_dir / SETTINGS
    if known.is_file():
        changed = _changes(_flat(_read(known)), _flat(settings))
        checkpoint, _ = latest_checkpoint(run_dir)
        if changed and checkpoint is None and not (run_dir / "model").exists():
            # Nothing is trained yet: whoever mends a setting need not look for another folder.
            shutil.rmtree(run_dir / "tokenizer", ignore_errors=True)
        elif changed:
            raise ConfigError(
                f"run_dir: {run_dir} holds a pre-training with other settings "
                f"({listing(changed, 4)}). Choose another run_dir, or use the settings it has."
            )
        if checkpoint is not None:
            _check_stages(read_progress(checkpoint), settings["stages"], run_dir)
    replace_file(known, json.dumps(settings, indent=1) + "\n", lasting=True)


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return `key: then, now` of what differs and is not free to."""
    before = _flat(_defaults()) | before  # a setting younger than the folder had no other value
    return [
        f"{key}: {before.get(key)} then, {now.get(key)} now"
        for key in dict.fromkeys([*now, *before])
        if key.partition(".")[0] not in FREE and before.get(key) != now.get(key)
    ]


def _defaults() -> dict[str, Any]:
    """Return every setting's default; `PretrainingConfig()` itself would lack stages."""
    found: dict[str, Any] = {}
    for item in dataclasses.fields(PretrainingConfig):
        made = item.default_factory
        value: Any = item.default if made is dataclasses.MISSING else made()
        found[item.name] = dataclasses.asdict(value) if isinstance(value, ShapeConfig) else value
    return found


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        nested = _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else None
        found |= {f"{prefix}{key}": value} if nested is None else nested
    return found


def _check_stages(progress: dict[str, Any], stages: list[dict[str, Any]], run_dir: Path) -> None:
    """Raise `ConfigError` if a stage that was done, or the one begun, is another one now."""
    for number, before in enumerate(progress["begun"]):
        now = stages[number] if number < len(stages) else {}
        free = FREE_IN_STAGE if number >= progress["stage"] else ()
        changed = [key for key in before if key not in free and before[key] != now.get(key)]
        if changed:
            found = f"other {listing(changed)} now" if now else "no longer listed"
            raise ConfigError(
                f"stages[{number}] ('{before['name']}'): {run_dir} has trained it already, and it "
                f"is {found}. Put it back (stages behind it may change), or choose another run_dir."
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path}: cannot be read ({error}). Restore it, or choose another run_dir."
        ) from None


def read_progress(checkpoint: Path) -> dict[str, Any]:
    """Return the fields of `Progress` that a checkpoint has; the first versions had fewer."""
    return _read(checkpoint / PROGRESS)


def save_checkpoint(
    run_dir: Path, model: Any, optimizer: MuonWithAdam, progress: dict[str, Any]
) -> None:
    """Write and seal a checkpoint; remove all but the newest two."""
    folder = run_dir / f"checkpoint-{progress['steps']}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    save_file(dict(model.named_parameters()), folder / "weights.safetensors")
    save_file(optimizer.state_tensors(), folder / "optimizer.safetensors")
    (folder / PROGRESS).write_text(json.dumps(progress), encoding="utf-8")
    seal(folder)
    keep_newest(run_dir, 2)


def load_checkpoint(run_dir: Path, model: Any, optimizer: MuonWithAdam) -> dict[str, Any] | None:
    """Put the newest complete checkpoint into model and optimizer and return its progress.

    Raises `ConfigError` if it is of another model.
    """
    folder, notes = latest_checkpoint(run_dir)
    for note in notes:
        print(note)
    if folder is None:
        cut_log(run_dir, 0)
        return None
    progress = read_progress(folder)
    wrong = put_weights(model, load_file(folder / "weights.safetensors"))
    if wrong is not None:
        raise ConfigError(
            f"{folder}: its weights are of another model or tokenizer ({wrong}). Choose "
            "another run_dir, or the settings it was made with."
        )
    optimizer.load_state_tensors(load_file(folder / "optimizer.safetensors"))
    remove_newer(run_dir, folder)
    cut_log(run_dir, progress["log_lines"])
    return progress


def put_weights(model: Any, weights: dict[str, torch.Tensor]) -> str | None:
    """Copy weights into the parameters, in their dtype. Return the first name that does not fit."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name not in weights or weights[name].shape != parameter.shape:
                return name
            parameter.copy_(weights[name])
    return None


def finished_model(run_dir: Path, num_stages: int) -> Path | None:
    """Return the model folder if all stages are done and it was written at their end."""
    checkpoint, _ = latest_checkpoint(run_dir)
    model = run_dir / "model"
    if checkpoint is None or not (model / MADE_BY).is_file():
        return None
    progress = read_progress(checkpoint)
    done = progress["stage"] >= num_stages
    return model if done and _read(model / MADE_BY)["steps"] == progress["steps"] else None


def write_model(folder: Path, model: Any, tokenizer: Any, made_by: dict[str, Any]) -> Path:
    """Write the Hugging Face folder, weights in bf16, and what made it (pretraining.json)."""
    import copy

    small = copy.deepcopy(model).to(torch.bfloat16)
    with folder_beside(folder, replace=True) as part:
        small.save_pretrained(part)
        tokenizer.save_pretrained(part)
        (part / MADE_BY).write_text(json.dumps(made_by, indent=1) + "\n", encoding="utf-8")
    return folder
