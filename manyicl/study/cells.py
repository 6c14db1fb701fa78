"""Cells: the steps of a study. Each is computed once, kept in a folder, and used when it is there.

A cell's key is a hash of everything its result depends on: its settings and the keys of the cells
it needs. A study whose settings changed so finds again what they did not touch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyicl.evaluation.atomic import write_whole

FORMAT = 1  # raised when the same settings would give another result
RESULT = "result.json"


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

    @property
    def title(self) -> str:
        return f"{self.kind}/{self.name}"


class CellStore:
    """The kept results of a study's cells, in `folder`."""

    def __init__(self, folder: Path, cells: Iterable[Cell]):
        self._folder = folder
        self.cells = {cell.title: cell for cell in cells}
        self._keys: dict[str, str] = {}

    def key(self, title: str) -> str:
        if title not in self._keys:
            cell = self.cells[title]
            parts = [FORMAT, cell.kind, cell.name, cell.settings]
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
            whole = found["key"] == self.key(title) and {"seconds", "result"} <= found.keys()
            return found if whole else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def keep(self, title: str, seconds: float, result: Mapping[str, Any]) -> None:
        kept = {"key": self.key(title), "cell": title, "seconds": seconds, "result": result}
        text = json.dumps(kept, ensure_ascii=False, allow_nan=False) + "\n"
        write_whole(self.folder(title) / RESULT, text)

    def inputs(self, cell: Cell) -> dict[str, Any]:
        """Return the results of the cells that a cell needs, and their folders."""
        found: dict[str, Any] = {}
        for need in cell.needs:
            kept = self.result(need)
            assert kept is not None, need
            found[need] = kept["result"] | {"folder": str(self.folder(need))}
        return found
