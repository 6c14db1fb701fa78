"""A full or unwritable disk, said as such: the libraries that write report it in many ways."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyicl.errors import ManyICLError, RunError, first_line
from manyicl.files import is_disk_error


@contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """Turn whatever a failed write raises inside the block into a `RunError` with the way out."""
    try:
        yield
    except (ManyICLError, BrokenPipeError):
        raise
    except Exception as error:
        if not is_disk_error(error):
            raise
        raise RunError(
            f"run_dir: {folder}: writing failed ({first_line(error)}){_free(folder)}. Complete "
            "checkpoints are untouched: make room there (or the folder writable) and start the "
            "same command again to go on."
        ) from error


def _free(folder: Path) -> str:
    try:
        return f"; {shutil.disk_usage(folder).free / 1e9:.1f} GB are free"
    except OSError:
        return ""
