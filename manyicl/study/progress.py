"""Progress of a study: one line a cell, with the time left guessed from the cells done so far."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from manyicl.report.numbers import duration
from manyicl.study.cells import Cell, CellStore
from manyicl.study.records import Failure

GUESS = 4000.0  # tokens a second, before anything of a kind was measured


class Progress:
    """Writes to stderr. Kept cells of earlier sittings teach it how long a kind takes."""

    def __init__(self, workers: int = 1):
        self._workers = workers
        self._seconds: dict[str, float] = {}
        self._cost: dict[str, float] = {}
        self._left: dict[str, Cell] = {}
        self._total = 0

    def start(self, store: CellStore, todo: Sequence[Cell]) -> None:
        """Say what there is to do. `todo` may hold cells with a result (`CellStore.unfinished`)."""
        self._total, self._left = len(store.cells), {cell.title: cell for cell in todo}
        kept = [cell for cell in store.cells.values() if store.result(cell.title) is not None]
        for cell in kept:
            self._learn(cell, store)
        again = sum(cell.title in self._left for cell in kept)
        self._say(f"{self._total} cells, {len(kept)} done before{self._time_left()}")
        if again:
            models = "1 model" if again == 1 else f"{again} models"
            self._say(f"to be trained again: {models}, as their weights are not here")

    def done(self, cell: Cell, store: CellStore) -> None:
        self._left.pop(cell.title, None)
        seconds = self._learn(cell, store)
        place = f"[{self._total - len(self._left)}/{self._total}]"
        self._say(f"{place} {cell.title}: {duration(seconds)}{self._time_left()}")

    def failed(self, failure: Failure) -> None:
        self._left.pop(failure.cell, None)
        self._say(f"FAILED {failure.cell}: {failure.message}")

    def _learn(self, cell: Cell, store: CellStore) -> float:
        kept = store.result(cell.title)
        seconds = float(kept["seconds"]) if kept else 0.0
        self._seconds[cell.kind] = self._seconds.get(cell.kind, 0.0) + seconds
        self._cost[cell.kind] = self._cost.get(cell.kind, 0.0) + cell.cost
        return seconds

    def _time_left(self) -> str:
        if not self._left:
            return ""
        total = 0.0
        for cell in self._left.values():
            cost = self._cost.get(cell.kind)
            rate = self._seconds[cell.kind] / cost if cost else 1 / GUESS
            total += cell.cost * rate
        return f"; about {duration(total / self._workers)} left"

    def _say(self, text: str) -> None:
        print(f"study: {text}", file=sys.stderr, flush=True)
