"""Files that are there whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import os
from pathlib import Path

from manyicl.errors import RunError


def write_whole(path: str | Path, text: str) -> Path:
    """Write UTF-8 `text` to `path` at once, making its folder. Raises `RunError`, leaving no part.

    An older file stays as it was until the new one is complete.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A lone surrogate, which JSON input may hold, becomes the JSON escape it came from.
        part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        os.replace(part, path)
    except OSError as error:
        raise RunError(
            f"{path}: cannot be written ({error.strerror or error}). "
            "Free space or choose another folder."
        ) from None
    finally:
        if part.exists():
            part.unlink(missing_ok=True)
    return path
