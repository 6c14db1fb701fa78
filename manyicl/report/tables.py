"""The k-shot table in the terminal: means by family, before and after and the difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from manyicl.evaluation.curves import FEWEST_TASKS
from manyicl.evaluation.results import Results
from manyicl.report.comparison import Comparison, compare
from manyicl.report.cut_note import cut_note
from manyicl.report.numbers import change, percent
from manyicl.report.rows import Block, Cell, Row, mean_blocks

if TYPE_CHECKING:
    from rich.table import Table

NUMBER_WIDTH = 9  # a column of scores with its padding: "k=1024", "−100.0 "
MAX_LABEL_WIDTH = 24


def kshot_tables(
    results: Results | Mapping[str, Results], width: int = 80, tasks: bool = False
) -> list[Table]:
    """Return the tables to print: held-out, then held-in tasks, no wider than `width` columns.

    A sweep too long for the width continues in a further table. `tasks` adds every task's rows.
    """
    found = compare(results)
    return [table for held_out in found.sides for table in _side(found, held_out, width, tasks)]


def _side(found: Comparison, held_out: bool, width: int, tasks: bool) -> list[Table]:
    blocks = mean_blocks(found, held_out)
    if tasks:
        from manyicl.report.rows import task_blocks

        blocks += [b for family in found.families for b in task_blocks(found, held_out, family)]
    names = max(len(block.name) for block in blocks)
    labels = max(len(row.label) for block in blocks for row in block.rows)
    used = min(names, MAX_LABEL_WIDTH) + min(labels, MAX_LABEL_WIDTH) + 6 + 5
    per_table = max(1, (width - used) // NUMBER_WIDTH)
    places = range(len(found.num_shots))
    chunks = [places[at : at + per_table] for at in places[::per_table]]
    side = "Held-out" if held_out else "Held-in"
    title = f"{side} tasks, score in %"
    tables = [
        _table(found, blocks, chunk, title if at == 0 else f"{title}, continued", width)
        for at, chunk in enumerate(chunks)
    ]
    tables[-1].caption = _caption(found, blocks, held_out)
    if held_out == found.sides[0] and found.scope:
        tables[0].title = f"{found.scope}\n{tables[0].title}"
    return tables


def _table(found: Comparison, blocks: list[Block], places: range, title: str, width: int) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption_style="dim",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        width=None,
    )
    first = "task" if any(block.metric for block in blocks) else "family"
    table.add_column(first, overflow="fold", max_width=MAX_LABEL_WIDTH)
    table.add_column("tasks", justify="right", no_wrap=True)
    table.add_column("model", overflow="fold", max_width=MAX_LABEL_WIDTH)
    for at in places:
        table.add_column(f"k={found.num_shots[at]}", justify="right", no_wrap=True)
    cells = [row.cells[place] for block in blocks for row in block.rows for place in places]
    starred = any(_is_short(cell) for cell in cells)
    for block in blocks:
        for at, row in enumerate(block.rows):
            num_tasks = "" if block.metric or found.separate else str(block.num_tasks)
            first = (escape(block.name), num_tasks) if at == 0 else ("", "")
            label = f"[dim]{escape(row.label)}[/]" if row.is_difference else escape(row.label)
            table.add_row(
                *first,
                label,
                *(_text(row, row.cells[place], starred) for place in places),
                end_section=at == len(block.rows) - 1,
            )
    return table


def _text(row: Row, cell: Cell | None, starred: bool) -> str:
    """Write a cell; where any cell of the table has a star, the others leave room for it."""
    room = " " if starred else ""
    if cell is None:
        return "–" + room
    if not row.is_difference:
        return percent(cell.value) + ("*" if _is_short(cell) else room)
    text = change(cell.value)
    if not cell.clear:
        return f"[dim]{text}[/]{room}"
    return f"[bold {'green' if cell.value > 0 else 'red'}]{text}[/]{room}"


def _is_short(cell: Cell | None) -> bool:
    return cell is not None and cell.effective_shots is not None


def _caption(found: Comparison, blocks: list[Block], held_out: bool) -> str:
    said = []
    if found.pairs:
        said.append(
            f"Bold: 95 % interval over tasks of {FEWEST_TASKS} groups or more excludes 0."
            if any(block.num_tasks >= FEWEST_TASKS for block in blocks)
            else ""
        )
    cells = [cell for block in blocks for row in block.rows for cell in row.cells]
    if any(_is_short(cell) for cell in cells):
        said.append("* fewer shots fitted than asked for.")
    if held_out == found.sides[-1]:  # once, under the last
        said.append(cut_note(found))
    return " ".join(filter(None, said))
