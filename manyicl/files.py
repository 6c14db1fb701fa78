"""Files and folders that are there whole or not at all: made beside their place, then moved there.

What was there before stays until the new one is complete. Functions that name no error of their
own let `OSError` through: who writes much at once explains it at one place (training/disk.py).
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyicl.errors import ConfigError, RunError

# Texts of errors that are no OSError: safetensors and tokenizers pass on Rust's "(os error 28)",
# torch.save finds that less was written than it wanted.
_SIGNS = ("os error", "No space left", "File too large", "inline_container.cc", "StreamWriter")


def is_disk_error(error: BaseException) -> bool:
    """Return whether an error, of whatever library, says that something could not be written."""
    return isinstance(error, OSError) or any(sign in str(error) for sign in _SIGNS)


@contextmanager
def file_beside(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` when the block ends without an error."""
    part = part_of(path)
    _remove_abandoned(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def folder_beside(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a new folder to write to, which becomes `folder` when the block ends without an error.

    A folder that is there and not empty is an `OSError` then, unless it is to be replaced.
    """
    part = part_of(folder)
    _remove_abandoned(folder)
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        yield part
        if replace:
            shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def part_of(path: Path, pid: int | None = None) -> Path:
    """Return where a process of this machine (this one) makes what is to become `path`."""
    machine = re.sub(r"\W", "_", platform.node())
    return path.with_name(f".{path.name}.{machine}-{os.getpid() if pid is None else pid}.part")


def _remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed left of `path`."""
    import psutil

    begin, end = part_of(path, 0).name.rsplit("0", 1)
    if not path.parent.is_dir():
        return
    for left in path.parent.iterdir():
        if left.name.startswith(begin) and left.name.endswith(end):
            pid = left.name[len(begin) : -len(end)]
            if pid.isdigit() and not psutil.pid_exists(int(pid)):
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def replace_file(path: Path, content: str | bytes, *, lasting: bool = False) -> None:
    """Write a file. `lasting`: its content is on the disk before it takes the place."""
    with file_beside(path) as part:
        # A lone surrogate, which JSON input may hold, becomes the JSON escape it came from.
        data = content if isinstance(content, bytes) else content.encode(errors="backslashreplace")
        part.write_bytes(data)
        if lasting:
            sync(part)


def write_whole(path: str | Path, text: str) -> Path:
    """Write UTF-8 `text` to `path`, making its folder. Raises `RunError` with the way out."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text)
    except OSError as error:
        raise RunError(
            f"{path}: cannot be written ({error.strerror or error}). "
            "Free space or choose another folder."
        ) from None
    return path


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """As `folder_beside`, but raises `RunError` if the folder cannot be written."""
    try:
        with folder_beside(folder.resolve()) as part:
            yield part
    except Exception as error:
        if not is_disk_error(error):
            raise
        raise RunError(
            f"{folder.resolve()}: cannot be written ({error}). Free space, or name another folder."
        ) from error


def check_free(folder: Path, option: str) -> None:
    """Raise `ConfigError` unless the folder is empty or not there. `option` is what named it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{option}: {folder} exists and is not empty. Name a new folder, or remove that one."
        )


def check_writable(path: Path, option: str = "") -> None:
    """Raise `RunError` if a file could not be written to `path`, whose folder is made.

    For what is written after much work. `option` is what named it, if anything did.
    """
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        part.unlink()
    except OSError as error:
        named = f"{option}: {path}" if option else f"{path}:"
        raise RunError(
            f"{named} cannot be written ({error.strerror}). Choose another place."
        ) from None


def sync(path: Path) -> None:
    """Flush a file, or all files below a folder, to the disk."""
    if path.is_dir():
        for inside in path.rglob("*"):
            if inside.is_file():
                sync(inside)
        return
    with path.open("r+b") as file:  # to read alone is not enough for it on Windows
        os.fsync(file.fileno())


def file_hash(path: Path, algorithm: Callable[[], Any] = hashlib.sha256) -> str:
    """Return the hash of a file's bytes in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
