"""The cells file: results of finished cells in one small file, with which a study moves.

Gzipped JSON lines, one a cell: what its result.json holds, and a checksum. Lines are sorted and the
header of the gzip names neither file nor time, so equal results are equal bytes, and joined files
(`cat a.jsonl.gz b.jsonl.gz`) are a cells file too.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyicl.errors import ManyICLError, RunError
from manyicl.files import replace_file
from manyicl.study.cells import FIELDS, CellStore
from manyicl.study.records import StudyError

SUFFIX = ".jsonl.gz"
EVERY_CELLS, EVERY_SECONDS = 10, 300.0
RESTORE = "Restore it from version control or from the machine that wrote it; nothing was changed."

Kept = dict[str, Any]
"""A finished cell as its result.json has it: `FIELDS`."""


class CellsFile:
    """The cells file of a study's sittings. Raises `StudyError` at once if it is damaged."""

    def __init__(self, path: Path, run_dir: Path):
        self.path = path
        self._unsaved, self._saved = 0, time.monotonic()
        if not path.name.endswith(SUFFIX):
            raise StudyError(f"cells: {path}: name a file that ends in {SUFFIX}.")
        if path.resolve().is_relative_to(run_dir.resolve()):
            raise StudyError(
                f"cells: {path}: lies in run_dir, whose results it is to carry elsewhere. Name a "
                "file outside of it."
            )
        read_cells(path)

    def restore(self, store: CellStore) -> None:
        """Give the store the results it has not; those it has stay, as their weights may too."""
        known = read_cells(self.path)
        titles = {store.key(title): title for title in store.cells}
        own = [known[key] for key in titles if key in known]
        new = [kept for kept in own if store.result(titles[kept["key"]]) is None]
        for kept in new:
            store.keep(titles[kept["key"]], kept["seconds"], kept["result"])
        _say(_found(self.path, len(known), len(own), len(new)))

    def save(self, store: CellStore) -> None:
        """Write the file whole: what the store has, and what else the file holds by now.

        Raises `StudyError` if it was damaged meanwhile, `RunError` if it cannot be written; the old
        file then stays.
        """
        known = read_cells(self.path)
        for title in store.cells:
            kept = store.result(title)
            if kept is not None:
                known[kept["key"]] = {name: kept[name] for name in FIELDS}
        write_cells(self.path, known)
        self._unsaved, self._saved = 0, time.monotonic()

    def note(self, store: CellStore) -> None:
        """Take notice of a finished cell, and save now and then. A failure to is only said."""
        self._unsaved += 1
        if self._unsaved < EVERY_CELLS and time.monotonic() < self._saved + EVERY_SECONDS:
            return
        try:
            self.save(store)
        except ManyICLError as error:  # a study of days is not to end because a share is away
            self._unsaved, self._saved = 0, time.monotonic()
            _say(f"{error} Tried again later; run_dir keeps all results.")


def read_cells(path: Path) -> dict[str, Kept]:
    """Return finished cells by key, none where there is no file; of equal keys the last one.

    Raises `StudyError` naming file and line.
    """
    text = _unpacked(path) or b""
    found: dict[str, Kept] = {}
    for number, line in enumerate(text.removesuffix(b"\n").split(b"\n") if text else (), start=1):
        kept = _parse(line)
        if kept is None:
            raise StudyError(
                f"{path}, line {number}: is no finished cell, or was changed after it was written. "
                f"{RESTORE} Or do without that cell, which is then computed again: "
                f"zcat '{path}' | sed {number}d | gzip -n > mended{SUFFIX}"
            )
        found[kept["key"]] = kept
    return found


def write_cells(path: Path, cells: Mapping[str, Kept]) -> None:
    """Write the file whole with finished cells by key. Raises `RunError`, leaving the old file."""
    lines = sorted(cells.values(), key=lambda kept: (kept["cell"], kept["key"]))
    text = b"".join(map(_line, lines))
    # Another zlib packs equal text into other bytes: no reason for a change under version control.
    if text == _unpacked(path):
        return
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, packed.getvalue(), lasting=True)
    except OSError as error:
        raise RunError(
            f"{path}: cannot be written ({error.strerror or error}). Free space there or name "
            "another file."
        ) from None


def _unpacked(path: Path) -> bytes | None:
    try:
        packed = path.read_bytes()
        if packed:
            return gzip.decompress(packed)
    except FileNotFoundError:
        return None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise StudyError(f"{path}: is no whole gzip file ({error}). {RESTORE}") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror or error}).") from None
    raise StudyError(f"{path}: is an empty file. {RESTORE}")


def _line(kept: Kept) -> bytes:
    text = json.dumps(kept | {"check": _check(kept)}, sort_keys=True, allow_nan=False)
    return text.encode() + b"\n"


def _parse(line: bytes) -> Kept | None:
    try:
        kept = json.loads(line)
        whole = kept.pop("check") == _check(kept) and kept.keys() == FIELDS
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return kept if whole else None


def _check(kept: Kept) -> str:
    text = json.dumps(kept, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _found(path: Path, total: int, own: int, new: int) -> str:
    if not total:
        return f"{path}: no finished cells yet; those of this study will be written there"
    if not own:
        return (
            f"{path}: none of its {total} cells is of this study (settings, data, base model, or "
            "versions of manyicl, torch or transformers are others); they stay in it"
        )
    return f"{path}: {own} cells of this study, {new} of them new here; {total - own} of others"


def _say(text: str) -> None:
    print(f"study: {text}", file=sys.stderr, flush=True)
