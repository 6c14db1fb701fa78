"""The table of similar demonstrations: what choosing them for each query adds to random ones."""

from __future__ import annotations

from manyicl.report.numbers import percent
from manyicl.study.analysis.curves import curve
from manyicl.study.analysis.paired import paired
from manyicl.study.analysis.points import Point, shots_of
from manyicl.study.report.tables import (
    FITTED,
    NONE,
    TableCell,
    TableData,
    TableRow,
    cell_of_difference,
    shots_cell,
)
from manyicl.study.report.view import StudyView, budget_words, title_of


def similar_table(view: StudyView, budget: str) -> TableData | None:
    """Return every regime's scores with similar demonstrations on held-out tasks, by family.

    Only seeds and tasks that have both selections count. None if no similar ones were measured.
    """
    families = view.families(True)
    rows = []
    for regime in view.regimes:
        key = view.key(regime, budget)
        for k in shots_of(view.results, key, held_out=True, selection="similar"):
            both = paired(
                view.results, Point(key, k, "similar"), Point(key, k, "random"), held_out=True
            )
            if both is None:
                continue
            difference = cell_of_difference(
                both.mean, both.low, both.high, both.clear_for_one_model
            )
            shots = shots_cell(k, min(both.fitted_a, both.fitted_b))
            cells = [shots, TableCell(percent(both.mean_b)), TableCell(percent(both.mean_a))]
            by_family = [_similar_score(view, regime, budget, k, family) for family in families]
            rows.append(TableRow(title_of(regime), (*cells, difference, *by_family)))
    if not rows:
        return None
    heads = [f"{family} ({view.num_tasks(True, family)})" for family in families]
    return TableData(
        "The demonstrations most similar to each query against the same number of random ones, "
        f"held-out tasks, score in %, {budget_words(view.results, budget)}; by family: with "
        "similar ones. Bold: the 95 % interval (groups of tasks and seeds resampled) excludes 0, "
        "with six groups of tasks at least." + (FITTED if view.any_full else ""),
        ("way to adapt", "shots", "random", "similar", "difference", *heads),
        tuple(rows),
    )


def _similar_score(view: StudyView, regime: str, budget: str, k: int, family: str) -> TableCell:
    points = curve(
        view.results,
        view.key(regime, budget),
        held_out=True,
        family=family,
        selection="similar",
    )
    means = [point.mean for point in points if point.num_shots == k]
    return TableCell(percent(means[0])) if means else NONE
