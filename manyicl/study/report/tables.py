"""Tables of a study as data: the page writes them as HTML, RESULTS.md as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, replace

from manyicl.report.numbers import change, percent, plural
from manyicl.study.analysis.points import fit_words
from manyicl.study.report.view import DEDICATED, StudyView, budget_words, title_of


@dataclass(frozen=True)
class Cell:
    """What stands in a place of a table; `small` is said of it in smaller type."""

    text: str
    small: str = ""
    interval: str = ""
    """In small type too; left out where there is little room."""
    bold: bool = False


@dataclass(frozen=True)
class Row:
    head: str
    cells: tuple[Cell, ...]
    note: str = ""
    """Said under the head."""


@dataclass(frozen=True)
class Table:
    """A table; its first column holds the heads of the rows."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    text_columns: int = 0
    """The first so many cells of a row are words, the others numbers."""


NONE = Cell("–")
FITTED = (
    " “n fit”: so many demonstrations fitted in the mean of the tasks; then the context was full."
)
"""Said in the caption of a table that has such cells."""
SEARCHED = " The learning rate was searched with the budget of tokens."
"""Said of the other budget."""


def shots_cell(num_shots: int, fitted: float, said: str = "") -> Cell:
    """Return a number of shots; where fewer fitted in the mean, that too."""
    return Cell(str(num_shots), ", ".join(filter(None, (fit_words(num_shots, fitted), said))))


def score_table(view: StudyView, budget: str, held_out: bool) -> Table | None:
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
            cells.append(_score_cell(point.mean, point.low, point.high, point.num_tasks, left))
        means.append([None if point is None else point.mean for point in found])
        whole = view.score(regime, budget, held_out)
        fitted = own.num_shots if whole is None else whole.effective_shots
        note = "" if whole is None or not whole.missing_seeds else plural(whole.num_seeds, "seed")
        rows.append(Row(title_of(regime), (shots_cell(own.num_shots, fitted), *cells), note))
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
                left = point[3] < view.num_tasks(held_out, family)
                cells.append(_score_cell(*point, left))
        if any(found):
            note = f"on {plural(pool, 'example')} of the task"
            rows.append(Row(title_of(DEDICATED), (Cell("0"), *cells), note))
    if not rows:
        return None
    heads = [f"{family or 'all'} ({view.num_tasks(held_out, family)})" for family in groups]
    side = "Held-out" if held_out else "Held-in"
    return Table(
        f"{side} tasks, score in %, {budget_words(view.results, budget)}; "
        f"{view.scope(held_out)}; number of tasks in brackets."
        + (SEARCHED if budget == "targets" else "")
        + (FITTED if view.any_full else ""),
        ("way to adapt", "shots", *heads),
        tuple(rows),
    )


def cell_of_difference(mean: float, low: float, high: float, clear: bool) -> Cell:
    return Cell(change(mean), interval=f"{change(low)} to {change(high)}", bold=clear)


def _score_cell(mean: float, low: float, high: float, num_tasks: int, told: bool) -> Cell:
    said = plural(num_tasks, "task") if told else ""
    return Cell(percent(mean), said, f"{percent(low)}–{percent(high)}")


def _bold(row: Row, at: int) -> Row:
    cells = list(row.cells)
    cells[at] = replace(cells[at], bold=True)
    return Row(row.head, tuple(cells), row.note)
