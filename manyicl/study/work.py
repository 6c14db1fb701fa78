"""What each kind of cell does, and where it says it: every cell has a log of its own."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from manyicl.study import adapt, dedicated, measure
from manyicl.study.cells import Cell
from manyicl.study.context import Study

LOG = "log.txt"

WORK: dict[str, Callable[[Study, Cell, Path, dict[str, Any]], dict[str, Any]]] = {
    "search": adapt.search,
    "train": adapt.train_model,
    "left_out": adapt.left_out,
    "evaluate": measure.evaluate,
    "orders": measure.orders,
    "retention": measure.retention,
    "dedicated_search": dedicated.dedicated_search,
    "dedicated": dedicated.dedicated,
}


def perform(study: Study, cell: Cell, folder: Path, needs: dict[str, Any]) -> dict[str, Any]:
    """Compute a cell; what the stages below print goes to `folder`/log.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    log = (folder / LOG).open("a", encoding="utf-8")
    with log, redirect_stdout(log), redirect_stderr(log):
        try:
            return WORK[cell.kind](study, cell, folder, needs)
        except Exception:
            traceback.print_exc()
            raise
