"""Cells: the steps of a study. Each is computed once, kept in a folder, and used when it is there.

A cell's key is a hash of everything its result depends on: its settings and the keys of the cells
it needs. A study with changed settings thus reuses every cell they do not touch.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyicl.files import write_whole

# Raised when the same settings would give another result. 2: other draws of sequences, other
# metrics; which learning rate does best was not asked again for that.
FORMAT = 2
FORMAT_OF = {"search": 1}
RESULT = "result.json"
FIELDS = frozenset(("key", "cell", "seconds", "result"))  # of it


@dataclass(frozen=True)
class Cell:
    """One step: what to do (`kind`, see `work.py`), with what, after which other cells."""

    kind: str
    name: str
    settings: Mapping[str, Any] = field(hash=False)
    """Everything its result depends on but the cells it needs, ready for JSON."""
    needs: tuple[str, ...] = ()
    """Titles of the cells whose results it reads."""
    cost: float = 1.0
    """Roughly the tokens it computes, for the time left."""
    keeps: str = ""
    """The folder inside its own that the cells that need it read; empty: they read its result."""

    @property
    def title(self) -> str:
        return f"{self.kind}/{self.name}"


class CellStore:
    """The kept results of a study's cells, in `folder`."""

    def __init__(self, folder: Path, cells: Iterable[Cell]):
        self._folder = folder
        self.cells = {cell.title: cell for cell in cells}
        self._keys: dict[str, str] = {}
        self._again: set[str] = set()  # finished once, but what they keep for others is lost

    def key(self, title: str) -> str:
        if title not in self._keys:
            cell = self.cells[title]
            parts = [FORMAT_OF.get(cell.kind, FORMAT), cell.kind, cell.name, cell.settings]
            parts.append([self.key(need) for need in cell.needs])
            text = json.dumps(parts, sort_keys=True)
            self._keys[title] = hashlib.sha256(text.encode()).hexdigest()
        return self._keys[title]

    def folder(self, title: str) -> Path:
        """Return where a cell works; another key has another folder, so nothing is mixed up."""
        return self._folder / title / self.key(title)[:12]

    def result(self, title: str) -> dict[str, Any] | None:
        """Return what a finished cell found, None if it is not finished."""
        try:
            found = json.loads((self.folder(title) / RESULT).read_text(encoding="utf-8"))
            whole = found["key"] == self.key(title) and found.keys() >= FIELDS
            return found if whole else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def unfinished(self) -> list[Cell]:
        """Return the cells to compute, in order.

        These are the cells without a result, and those whose result is there but not the folder
        that one of these cells reads: weights are large, and do not travel with results.
        """
        missing = {title for title in self.cells if self.result(title) is None}
        wanted = set(missing)
        for title in reversed(self.cells):  # needed cells come first, so their turn is after
            if title in wanted:
                wanted.update(need for need in self.cells[title].needs if self._has_lost(need))
        self._again = wanted - missing
        return [cell for title, cell in self.cells.items() if title in wanted]

    def is_finished(self, title: str) -> bool:
        """Whether a cell can be built upon: not one that `unfinished` asked for again."""
        return title not in self._again and self.result(title) is not None

    def _has_lost(self, title: str) -> bool:
        kept = self._kept(title)
        return kept is not None and not kept.is_dir()

    def _kept(self, title: str) -> Path | None:
        keeps = self.cells[title].keeps
        return self.folder(title) / keeps if keeps else None

    def remove_unread(self, titles: Iterable[str]) -> None:
        """Remove what some cells keep for others, where all that read it are finished."""
        for title in titles:
            kept = self._kept(title)
            readers = (other for other, cell in self.cells.items() if title in cell.needs)
            if kept and kept.is_dir() and all(map(self.is_finished, readers)):
                aside = kept.with_name(f".{kept.name}.unread")
                with suppress(OSError):  # renamed first: a folder is there whole or not at all
                    os.replace(kept, aside)
                shutil.rmtree(aside, ignore_errors=True)

    def keep(self, title: str, seconds: float, result: Mapping[str, Any]) -> None:
        kept = {"key": self.key(title), "cell": title, "seconds": seconds, "result": result}
        text = json.dumps(kept, ensure_ascii=False, allow_nan=False) + "\n"
        write_whole(self.folder(title) / RESULT, text)
        self._again.discard(title)

    def inputs(self, cell: Cell) -> dict[str, Any]:
        """Return the results of the cells that a cell needs, with the folders they keep for it."""
        found: dict[str, Any] = {}
        for need in cell.needs:
            finished, kept = self.result(need), self._kept(need)
            assert finished is not None, need
            found[need] = finished["result"] | ({"kept": str(kept)} if kept else {})
        return found
