"""Tables of a study as data: the page writes them as HTML, RESULTS.md as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, replace

from manyicl.report.numbers import change, percent, plural
from manyicl.study.analysis.curves import CurvePoint, DedicatedMean
from manyicl.study.analysis.points import fit_words
from manyicl.study.records import DEDICATED
from manyicl.study.report.view import StudyView, budget_words, title_of


@dataclass(frozen=True)
class TableCell:
    """What stands in a place of a table; `small` is said of it in smaller type."""

    text: str
    small: str = ""
    interval: str = ""
    """In small type too; left out where there is little room."""
    bold: bool = False


@dataclass(frozen=True)
class TableRow:
    head: str
    cells: tuple[TableCell, ...]
    note: str = ""
    """Said under the head."""


@dataclass(frozen=True)
class TableData:
    """A table; its first column holds the heads of the rows."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    text_columns: int = 0
    """The first so many cells of a row are words, the others numbers."""


NONE = TableCell("–")
FITTED = (
    " “n fit”: so many demonstrations fitted in the mean of the tasks; then the context was full."
)
"""Said in the caption of a table that has such cells."""
SEARCHED = " The learning rate was searched with the budget of tokens."
"""Said of the other budget."""


def shots_cell(num_shots: int, fitted: float, said: str = "") -> TableCell:
    """Return a number of shots; where fewer fitted in the mean, that too."""
    return TableCell(str(num_shots), ", ".join(filter(None, (fit_words(num_shots, fitted), said))))


def score_table(view: StudyView, budget: str, held_out: bool) -> TableData | None:
    """Return regimes x families at each regime's own number of shots, then dedicated models.

    Bold is the best of a column among the models that serve every task; None without scores.
    """
    families = view.families(held_out)
    groups = [None, *families] if len(families) != 1 else [families[0]]
    rows, means = [], []
    for regime in view.regimes:
        own = view.own(regime, budget)
        found = [view.score(regime, budget, held_out, family) for family in groups]
        if own is None or not any(found):
            continue
        cells = []
        for point, family in zip(found, groups, strict=True):
            if point is None:
                cells.append(NONE)
                continue
            left = point.num_tasks < view.num_tasks(held_out, family)
            cells.append(_score_cell(point, left))
        means.append([None if point is None else point.mean for point in found])
        whole = view.score(regime, budget, held_out)
        fitted = own.num_shots if whole is None else whole.effective_shots
        note = "" if whole is None or not whole.missing_seeds else plural(whole.num_seeds, "seed")
        rows.append(TableRow(title_of(regime), (shots_cell(own.num_shots, fitted), *cells), note))
    for at in range(len(groups)):
        column = [percent(row[at]) for row in means if row[at] is not None]
        best = max(column, key=float, default="")
        rows = [_bold(row, at + 1) if row.cells[at + 1].text == best else row for row in rows]
    for pool in view.pools:
        found = [view.dedicated(pool, held_out, family) for family in groups]
        cells = []
        for point, family in zip(found, groups, strict=True):
            if point is None:
                cells.append(NONE)
            else:
                left = point.num_tasks < view.num_tasks(held_out, family)
                cells.append(_score_cell(point, left))
        if any(found):
            note = f"on {plural(pool, 'example')} of the task"
            rows.append(TableRow(title_of(DEDICATED), (TableCell("0"), *cells), note))
    if not rows:
        return None
    heads = [f"{family or 'all'} ({view.num_tasks(held_out, family)})" for family in groups]
    side = "Held-out" if held_out else "Held-in"
    return TableData(
        f"{side} tasks, score in %, {budget_words(view.results, budget)}; "
        f"{view.scope(held_out)}; number of tasks in brackets."
        + (SEARCHED if budget == "targets" else "")
        + (FITTED if view.any_full else ""),
        ("way to adapt", "shots", *heads),
        tuple(rows),
    )


def cell_of_difference(mean: float, low: float, high: float, clear: bool) -> TableCell:
    return TableCell(change(mean), interval=f"{change(low)} to {change(high)}", bold=clear)


def _score_cell(point: CurvePoint | DedicatedMean, left: bool) -> TableCell:
    """Return a mean; with the number of tasks behind it where some are left out."""
    said = plural(point.num_tasks, "task") if left else ""
    return TableCell(percent(point.mean), said, f"{percent(point.low)}–{percent(point.high)}")


def _bold(row: TableRow, at: int) -> TableRow:
    cells = list(row.cells)
    cells[at] = replace(cells[at], bold=True)
    return TableRow(row.head, tuple(cells), row.note)
