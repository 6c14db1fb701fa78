"""One process at a time in a run folder, by a lock that is released even if it is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyicl.errors import RunError
from manyicl.training.disk import disk_errors_explained

try:
    import fcntl
except ImportError:  # Windows: there, nothing refuses a second process in the same folder
    fcntl = None

LOCK = ".lock"


@contextmanager
def hold_folder(run_dir: Path, *, hold: bool = True) -> Iterator[None]:
    """Create a run folder where there is none, and hold it: a second process there is refused
    (but on Windows).

    A folder that cannot be written, one that is held, and a disk that is full or unwritable inside
    the block are a `RunError`. Without `hold` nothing is locked.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        lock = (run_dir / LOCK).open("a")  # "w" would change a finished folder's file times
    except OSError as error:
        raise RunError(
            f"run_dir: {run_dir}: cannot be written ({error.strerror}). Choose another run_dir."
        ) from None
    with lock:
        try:
            if hold and fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(
                f"run_dir: {run_dir}: another process is working there. Wait for it, or choose "
                "another run_dir."
            ) from None
        with disk_errors_explained(run_dir):
            yield
