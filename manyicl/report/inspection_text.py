"""Inspected training rows in the terminal: coloured there, bracketed where there is no colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyicl.report.inspection import (
    TASK_COLUMNS,
    marker,
    plan_facts,
    row_numbers,
    row_title,
    sampled_note,
    sequence_title,
    shot_buckets,
    task_cells,
    visible,
)
from manyicl.training.inspection import InspectedSequence, Inspection

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

TARGET, SPECIAL, MARKER = "bold green", "magenta", "bold cyan"
OPEN, CLOSE = "⟦", "⟧"  # around tokens that carry loss
BAR = 40  # characters of the longest bar


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Print the rows, then the plan in numbers. Text of tasks is never read as markup."""
    colour = console.color_system is not None and not console.no_color
    console.print(_legend(colour), soft_wrap=True)
    for at, row in enumerate(inspection.rows):
        console.print()
        console.print(row_title(inspection, at), style="bold", markup=False, highlight=False)
        for sequence in row.sequences:
            console.print()
            _line(console, sequence_title(sequence))
            console.print(sequence_text(sequence, inspection.uniform, colour), soft_wrap=True)
        console.print()
        _line(console, row_numbers(inspection, at))
    _print_plan(inspection, console)


def sequence_text(sequence: InspectedSequence, uniform: bool, colour: bool) -> Text:
    """Return a sequence's text: ⟨k⟩ before the answer after k shots, targets in colour or ⟦ ⟧."""
    from rich.text import Text

    text = Text()
    bracket = False
    for piece in sequence.pieces:
        if bracket and (piece.opens_answer or not piece.supervised):
            text.append(CLOSE)
            bracket = False
        if piece.opens_answer:
            text.append(f"⟨{marker(piece, uniform)}⟩", MARKER)
        if piece.supervised and not colour and not bracket:
            text.append(OPEN)
            bracket = True
        styles = [TARGET] * piece.supervised + [SPECIAL] * piece.special
        text.append(visible(piece), " ".join(styles))
    if bracket:
        text.append(CLOSE)
    return text


def _legend(colour: bool) -> Text:
    from rich.text import Text

    if colour:
        return Text.assemble(
            ("supervised", TARGET), ", ", ("special token", SPECIAL), ", ",
            ("⟨k⟩", MARKER), " before the answer after k shots",
        )  # fmt: skip
    return Text(f"{OPEN}supervised{CLOSE}, ⟨k⟩ before the answer after k shots")


def _line(console: Console, text: str) -> None:
    console.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)


def _print_plan(inspection: Inspection, console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    plan = inspection.plan
    console.print()
    console.print("The whole run", style="bold")
    facts = Table.grid(padding=(0, 2))
    for name, text in plan_facts(inspection):
        facts.add_row(Text(name, "dim"), Text(text))
    console.print(facts)
    console.print()
    shots = Table.grid(padding=(0, 2))
    for name, number, share in shot_buckets(plan.num_shots):
        shots.add_row(Text(name, justify="right"), f"{number:,}", Text("█" * round(BAR * share)))
    console.print("Sequences by number of demonstrations", style="bold")
    console.print(shots)
    console.print()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
    for at, column in enumerate(TASK_COLUMNS):
        table.add_column(column, justify="left" if at < 2 else "right", overflow="fold")
    for task in plan.tasks:
        table.add_row(*(Text(cell) for cell in task_cells(plan, task)))
    table.caption = sampled_note(plan)
    console.print(table)
