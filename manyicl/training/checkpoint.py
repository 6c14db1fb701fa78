"""Checkpoints that are whole or not there: a manifest seals each one after its last byte.

A run may be killed at any moment, also while it saves. A checkpoint without a manifest, or whose
files differ from it, is recognised and skipped.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import xxhash

from manyicl.files import file_hash, replace_file, sync

MANIFEST = "manifest.json"
_NAME = re.compile(r"checkpoint-(\d+)")


def seal(folder: Path) -> None:
    """Write the manifest: name, size and hash of every file. The checkpoint is complete now."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            sync(path)  # older checkpoints are removed next: this one must outlast a power cut
            size = path.stat().st_size
            files[path.relative_to(folder).as_posix()] = {"bytes": size, "xxh3": _hash(path)}
    manifest = json.dumps({"files": files}, indent=1)
    replace_file(folder / MANIFEST, manifest, lasting=True)


def problem_with(folder: Path) -> str | None:
    """Return what is wrong with a checkpoint, or None if it is complete."""
    try:
        listed = json.loads((folder / MANIFEST).read_text())["files"]
        files = {name: (found["bytes"], found["xxh3"]) for name, found in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "it was not finished (no manifest)"
    for name, (size, digest) in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size or _hash(path) != digest:
            return f"{name} differs from the manifest"
    return None


def checkpoints(run_dir: Path) -> list[Path]:
    """Return the checkpoint folders of a run, newest first, complete or not."""
    found = [path for path in run_dir.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
    return sorted(found, key=step_of, reverse=True)


def step_of(checkpoint: Path) -> int:
    found = _NAME.fullmatch(checkpoint.name)
    assert found, checkpoint
    return int(found[1])


def latest_checkpoint(run_dir: Path) -> tuple[Path | None, list[str]]:
    """Return the newest complete checkpoint and a note on every newer one that is not."""
    notes: list[str] = []
    for path in checkpoints(run_dir):
        problem = problem_with(path)
        if problem is None:
            return path, notes
        notes.append(f"skipped {path}: {problem}")
    return None, notes


def remove_newer(run_dir: Path, than: Path | None) -> None:
    """Remove incomplete checkpoints newer than the one a run resumes from."""
    for path in checkpoints(run_dir):
        if than is None or step_of(path) > step_of(than):
            shutil.rmtree(path)


def keep_newest(run_dir: Path, number: int) -> None:
    """Remove all but the newest checkpoints; called only after the newest is sealed."""
    for path in checkpoints(run_dir)[number:]:
        # The manifest goes first: a folder half removed must not look complete.
        (path / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(path)


def _hash(path: Path) -> str:
    return file_hash(path, xxhash.xxh3_128)
