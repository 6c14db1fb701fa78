"""RESULTS.md: a study's main tables as Markdown, generated from its results."""

from __future__ import annotations

import re

from manyicl.report.numbers import plural
from manyicl.report.svg import standalone
from manyicl.study.records import StudyResults
from manyicl.study.report import comparison_tables, cost_tables, findings, panels
from manyicl.study.report.retention_table import retention_table
from manyicl.study.report.search_table import dedicated_choices, search_table
from manyicl.study.report.similar_table import similar_table
from manyicl.study.report.tables import TableCell, TableData, score_table
from manyicl.study.report.view import StudyView

MACHINE = ("manyicl", "torch", "transformers", "python", "cpu", "threads", "device", "git_hash")
# What Markdown or the HTML inside it would read as markup.
_MARKUP = re.compile(r"([\\`*_\[\]<>|#])")


def study_markdown(results: StudyResults) -> str:
    """Return the text of RESULTS.md; what was not measured is left out."""
    view = StudyView(results)
    blocks = [f"# {escaped(results.name)}"]
    if said := findings.unfinished(view):
        blocks.append(f"**{said}**")
    blocks.append("\n".join(f"- {escaped(sentence)}" for sentence in findings.compared(view)))
    tables = [score_table(view, budget, True) for budget in view.budgets]
    blocks += _section("Held-out tasks", tables, intervals=2)
    blocks += [f"![Mean score by number of shots]({name})" for name in study_figures(results)]
    if any(tables):
        blocks.append(
            "In brackets: 95 % intervals, groups of tasks and seeds resampled. Bold: the highest "
            "of its column among the models that serve every task, clearly higher or not."
        )
    claims = findings.findings(view)
    if claims:
        blocks += ["## Claims", "\n".join(map(_claim, claims))]
    pairs = [comparison_tables.paired_table(view, b) for b in view.budgets]
    blocks += _section("Paired differences", pairs)
    zero = comparison_tables.zero_note(view)
    if zero and any(pairs):
        blocks.append(escaped(zero))
    near = [comparison_tables.gap_table(view, b) for b in view.budgets]
    blocks += _section(
        "Against dedicated fine-tuning", [*near, comparison_tables.worth_table(view)]
    )
    similar = [similar_table(view, budget) for budget in view.budgets]
    blocks += _section("Similar demonstrations", similar)
    kept = [retention_table(view, b, intervals=False) for b in view.budgets]
    blocks += _section("Retention", kept, intervals=0)
    blocks += _section(
        "Cost", [cost_tables.cost_table(view), cost_tables.adaptation_table(results)]
    )
    rates = search_table(results)
    blocks += _section("Learning rates", [rates])
    choices = dedicated_choices(results)
    if choices:
        blocks.append(escaped(choices))
    blocks += _section("Not finished", [cost_tables.failure_table(results)])
    blocks += _made(results)
    return "\n\n".join(blocks) + "\n"


def study_figures(results: StudyResults) -> dict[str, str]:
    """Return SVG files by name: the k-shot curves of every budget."""
    view = StudyView(results)
    drawn = {budget: panels.shot_curves(view, budget) for budget in view.budgets}
    return {f"curves-{b}.svg": standalone(figure) for b, figure in drawn.items() if figure}


def table_lines(table: TableData, intervals: int = 100) -> str:
    """Return a table as Markdown under its caption, intervals in the first so many cells."""
    words = 1 + table.text_columns
    rule = "|".join("---" if at < words else "--:" for at in range(len(table.columns)))
    lines = [escaped(table.caption), "", _line(table.columns), f"|{rule}|"]
    for row in table.rows:
        head = f"{row.head} ({row.note})" if row.note else row.head
        cells = [_cell(cell, at < intervals) for at, cell in enumerate(row.cells)]
        lines.append(f"| {escaped(head)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line.

    >>> escaped("a_b|c")
    'a\\\\_b\\\\|c'
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _section(title: str, tables: list[TableData | None], intervals: int = 100) -> list[str]:
    found = [table_lines(table, intervals) for table in tables if table is not None]
    return [f"## {title}", *found] if found else []


def _claim(one: findings.Finding) -> str:
    numbers = f" {escaped(one.measured)}." if one.measured else ""
    return (
        f"- **{one.verdict}** (budget {escaped(one.budget)}): {escaped(one.wording)}{numbers} "
        f"Basis: {escaped(one.why)}."
    )


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"


def _cell(cell: TableCell, interval: bool) -> str:
    text = f"**{escaped(cell.text)}**" if cell.bold else escaped(cell.text)
    said = ", ".join(filter(None, (cell.small, cell.interval if interval else "")))
    return f"{text} ({escaped(said)})" if said else text


def _made(results: StudyResults) -> list[str]:
    environment = results.environment
    command, date = environment.get("command"), environment.get("date")
    seeds = sorted({model.seed for model in results.models})
    lines = ["Generated from `results.json`; `report.html` shows the same with all figures."]
    if seeds:
        lines.append(f"{plural(len(seeds), 'seed')}: {', '.join(map(str, seeds))}.")
    machine = [
        f"{key.replace('_', ' ')} {environment[key]}" for key in MACHINE if environment.get(key)
    ]
    if machine:
        lines.append(f"Made with {escaped(', '.join(machine))}.")
    if date:
        lines.append(f"Date: {escaped(str(date))}.")
    blocks = ["## How it was made", "\n".join(f"- {line}" for line in lines)]
    if command:
        indented = "\n".join(f"    {line}" for line in str(command).splitlines())
        blocks.append(indented)
    return blocks
