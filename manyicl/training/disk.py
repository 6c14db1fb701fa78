"""A full or unwritable disk, said as such: the libraries that write report it in many ways."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyicl.errors import ManyICLError, RunError

# Texts of errors that are no OSError: safetensors and tokenizers pass on Rust's "(os error 28)",
# torch.save finds that less was written than it wanted.
SIGNS = ("os error", "No space left", "File too large", "inline_container.cc", "StreamWriter")


@contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """Turn whatever a failed write raises inside the block into a `RunError` with the way out."""
    try:
        yield
    except (ManyICLError, BrokenPipeError):
        raise
    except Exception as error:
        if not (isinstance(error, OSError) or any(sign in str(error) for sign in SIGNS)):
            raise
        raise RunError(
            f"run_dir: {folder}: writing failed ({_first_line(error)}){_free(folder)}. Complete "
            "checkpoints are untouched: make room there (or the folder writable) and start the "
            "same command again to go on."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _free(folder: Path) -> str:
    try:
        return f"; {shutil.disk_usage(folder).free / 1e9:.1f} GB are free"
    except OSError:
        return ""
