"""The page of a study: one self-contained HTML file, without scripts or outside resources.

The same results give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manyicl.evaluation.curves import FEWEST_TASKS
from manyicl.files import write_whole
from manyicl.report import html
from manyicl.study.records import StudyResults
from manyicl.study.report import comparison_tables, cost_tables, findings, panels
from manyicl.study.report.retention_table import retention_table
from manyicl.study.report.search_table import dedicated_choices, search_table
from manyicl.study.report.similar_table import similar_table
from manyicl.study.report.tables import score_table
from manyicl.study.report.view import StudyView


def write_study_report(results: StudyResults, path: str | Path) -> Path:
    """Write the page and return its path. Raises `RunError` if it cannot be written."""
    return write_whole(path, render_study(results))


def render_study(results: StudyResults) -> str:
    """Return the page's HTML; sections without data are left out."""
    view = StudyView(results)
    budgets = view.budgets
    template = html.template("manyicl.study.report", "study.html.jinja")
    return template.render(
        view=view,
        fewest_tasks=FEWEST_TASKS,
        environment_rows=list(html.environment_facts(results.environment).items()),
        command=results.environment.get("command"),
        version=results.environment.get("manyicl"),
        date=results.environment.get("date"),
        config=html.yaml_text(results.config),
        unfinished=findings.unfinished(view),
        compared=findings.compared(view),
        findings=findings.findings(view),
        curves=_each(panels.shot_curves(view, b) for b in budgets),
        scores=_each(score_table(view, b, side) for side in (True, False) for b in budgets),
        similar=_each(similar_table(view, b) for b in budgets),
        pools=panels.pool_curves(view),
        worth=comparison_tables.worth_table(view),
        differences=_each(comparison_tables.paired_table(view, b) for b in budgets),
        zero_note=comparison_tables.zero_note(view),
        gaps=_each(comparison_tables.gap_table(view, b) for b in budgets),
        retention=[
            (figure, retention_table(view, b))
            for b in budgets
            if (figure := panels.retention_changes(view, b)) is not None
        ],
        cost_figure=panels.cost_against_quality(view),
        costs=cost_tables.cost_table(view),
        adaptation=cost_tables.adaptation_table(results),
        losses=panels.loss_curves(view),
        spreads=_each(comparison_tables.spread_table(view, b) for b in budgets),
        search=search_table(results),
        dedicated_choices=dedicated_choices(results),
        failures=cost_tables.failure_table(results),
        tasks=cost_tables.task_tables(view),
    )


def _each(found: Any) -> list[Any]:
    """Return what is there of what may not be."""
    return [one for one in found if one is not None]
