"""What the searches of a study tried and chose: learning rates, and steps of dedicated models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manyicl.report.numbers import plural
from manyicl.study.records import SearchPoint, StudyResults
from manyicl.study.report.tables import NONE, TableCell, TableData, TableRow
from manyicl.study.report.view import title_of

UNTUNED = 0.0  # the learning rate of the untuned base


def search_table(results: StudyResults) -> TableData | None:
    """Return the loss of the untuned base and of every learning rate tried, the chosen one bold."""
    if not results.search:
        return None
    rates = sorted({point.learning_rate for point in results.search} - {UNTUNED})
    rows = []
    for regime in dict.fromkeys(point.regime for point in results.search):
        found = {p.learning_rate: p for p in results.search if p.regime == regime}
        cells = [_cell(found.get(rate)) for rate in (UNTUNED, *rates)]
        shots = next(iter(found.values())).num_shots
        row = TableRow(
            title_of(regime), (TableCell(str(shots)), *cells), _remarks(list(found.values()))
        )
        rows.append(row)
    return TableData(
        "Search of the learning rate: loss (nats a token of the answer, lower is better) on tasks "
        "set aside from the held-in ones, after each regime's own shots, as many as fit; bold: "
        "chosen.",
        ("regime", "shots", "untuned", *(f"{rate:g}" for rate in rates)),
        tuple(rows),
    )


def _cell(point: SearchPoint | None) -> TableCell:
    if point is None:
        return NONE
    return (
        TableCell("diverged")
        if point.loss is None
        else TableCell(f"{point.loss:.3f}", bold=point.chosen)
    )


def _remarks(points: Sequence[SearchPoint]) -> str:
    """Say what makes a choice doubtful; empty if nothing does."""
    tuned = {point.learning_rate: point for point in points if point.learning_rate != UNTUNED}
    untuned = [point.loss for point in points if point.learning_rate == UNTUNED]
    chosen = [rate for rate, point in tuned.items() if point.chosen]
    losses = [point.loss for point in tuned.values() if point.loss is not None]
    if not chosen:
        return "not complete: nothing chosen yet" if losses or not tuned else "every rate diverged"
    said = []
    if len(tuned) == 1:
        said.append("the only rate tried")
    elif chosen[0] in (min(tuned), max(tuned)):
        said.append("chosen at the edge of what was tried")
    if untuned and untuned[0] is not None and min(losses) >= untuned[0]:
        said.append("no rate is below the untuned base")
    return "; ".join(said)


def dedicated_choices(results: StudyResults) -> str:
    """Say which learning rates and steps the searches of the dedicated models chose, how often.

    A search is one task and pool size; all seeds take what it chose.
    """
    searches = {(one.task, one.pool_size): one for one in reversed(results.dedicated)}
    if not searches:
        return ""
    rates = sorted(one.learning_rate for one in searches.values())
    steps = [one.steps for one in searches.values()]
    tried = _tried_steps(results.config) or steps
    few, many = min(tried), max(tried)
    said = [f"{rate:g} for {rates.count(rate)}" for rate in dict.fromkeys(rates)]
    return (
        f"Dedicated models, {plural(len(steps), 'search', 'searches')} (one for each task and pool "
        f"size). Learning rate chosen: {', '.join(said)}. Steps chosen: the fewest ({few}) for "
        f"{steps.count(few)}, the most ({many}) for {steps.count(many)}."
    )


def _tried_steps(config: dict[str, Any]) -> list[int]:
    """Return the numbers of steps that the configuration names; empty if it does not."""
    study = config.get("study")
    section = study.get("dedicated") if isinstance(study, dict) else None
    steps = section.get("steps") if isinstance(section, dict) else None
    return [step for step in steps if isinstance(step, int)] if isinstance(steps, list) else []
