"""The run folder: config.yaml, data.json, log.jsonl, checkpoints, model/, results, report.html.

Starting a command again in the same folder goes on where it stopped; a folder that holds a run with
another configuration or other data is refused rather than mixed up.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyicl.config import Config, as_dict, load_config, save_config
from manyicl.errors import ConfigError, listing
from manyicl.files import file_beside, replace_file
from manyicl.tasks import TaskCollection
from manyicl.training.folder_lock import LOCK, hold_folder

# What may change between a run and its continuation: nothing that alters the weights.
FREE_KEYS = ("run_dir", "evaluation.", "training.log_every", "training.save_every")
FREE_KEYS += ("training.keep_checkpoints", "training.report_to", "tasks.path")
# What must never be mixed with another run's. Before any of it is there, settings may change.
WORK = ("checkpoint-*", "model", "evaluation", "results.json")


@contextmanager
def open_run(config: Config, *, hold: bool = True) -> Iterator[Path]:
    """Create or re-enter the run folder and hold it for this process (see `hold_folder`).

    Of several processes of one run only the main one is to `hold` it.
    """
    run_dir = Path(config.run_dir)
    refuse_other_folder(run_dir)
    with hold_folder(run_dir, hold=hold):
        yield run_dir


def refuse_other_folder(run_dir: Path) -> None:
    """Raise `ConfigError` for a folder of something else: a run would be mixed into it."""
    if not run_dir.is_dir() or (run_dir / "config.yaml").is_file():
        return
    if any(run_dir.glob("task.json")) or any(run_dir.glob("*/task.json")):
        found = "holds tasks (task.json), not a run"
    elif (run_dir / "pretraining.json").is_file():
        found = "holds a pre-training, not a run"
    else:
        names = sorted(path.name for path in run_dir.iterdir())
        other = [name for name in names if not name.startswith(".") and not name.endswith(".log")]
        if not other or any(name in names for name in ("data.json", LOCK)):
            return
        found = f"is not empty and holds no run (found {listing(other, 3)})"
    raise ConfigError(f"run_dir: {run_dir} {found}. Choose a new folder, e.g. run_dir=runs/mine.")


def bind(run_dir: Path, config: Config, tasks: TaskCollection, *, write: bool = True) -> None:
    """Bind the folder to a configuration and the training data, or check that it is bound to them.

    A folder where nothing took work yet (see WORK) is bound anew. `tasks` are the held-in ones;
    only their train rows are read. Without `write` it is checked alone.
    """
    data = {task.name: task.fingerprint("train") for task in tasks}
    problem = _other_configuration(run_dir, config) or _other_data(run_dir, data)
    if problem and any(any(run_dir.glob(name)) for name in WORK):
        raise ConfigError(
            f"run_dir: {run_dir} {problem}. Choose another run_dir, or remove that folder to start "
            "anew."
        )
    if write:
        if problem:
            shutil.rmtree(run_dir / "base", ignore_errors=True)
        known = json.dumps(data, indent=1, sort_keys=True) + "\n"
        replace_file(run_dir / "data.json", known, lasting=True)
        with file_beside(run_dir / "config.yaml") as part:
            save_config(config, part)


def _other_configuration(run_dir: Path, config: Config) -> str | None:
    if not (run_dir / "config.yaml").is_file() or is_bound_to(run_dir, config):
        return None
    changed = listing(_changed_settings(run_dir, config), 5)
    return f"holds a run with another configuration: {changed}"


def _other_data(run_dir: Path, data: dict[str, str]) -> str | None:
    known = run_dir / "data.json"
    if not known.is_file():
        return None
    try:
        before = dict(json.loads(known.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return "holds a run whose data.json is damaged"
    names = data.keys() | before.keys()
    changed = sorted(name for name in names if data.get(name) != before.get(name))
    return f"holds a run on other data: {listing(changed, 5)} changed since" if changed else None


def is_bound_to(run_dir: Path, config: Config) -> bool:
    """Return whether the folder is bound to this configuration, but for what may change."""
    return (run_dir / "config.yaml").is_file() and not _changed_settings(run_dir, config)


def _changed_settings(run_dir: Path, config: Config) -> list[str]:
    there = as_dict(load_config(run_dir / "config.yaml"))
    return [
        f"{key} ({old!r} there, {new!r} now)"
        for key, old, new in _differences(there, as_dict(config))
        if not key.startswith(FREE_KEYS)
    ]


def _differences(
    old: dict[str, Any], new: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key}", before, after
