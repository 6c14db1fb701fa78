"""The report: results as one self-contained HTML file, without scripts or outside resources.

The same results give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyicl.evaluation.curves import FEWEST_TASKS
from manyicl.evaluation.results import Results
from manyicl.files import write_whole
from manyicl.report import figures, html, numbers
from manyicl.report.comparison import Comparison, compare
from manyicl.report.cut_note import cut_note
from manyicl.report.rows import mean_blocks, task_blocks
from manyicl.report.summary import summarise

COSTS = {
    "num_parameters": ("Parameters", numbers.count),
    "num_trainable_parameters": ("Trained parameters", numbers.count),
    "steps": ("Optimizer steps", numbers.count),
    "tokens": ("Tokens", numbers.count),
    "supervised_tokens": ("Supervised tokens", numbers.count),
    "supervised_answers": ("Supervised answers", numbers.count),
    "seconds": ("Time", numbers.duration),
    "tokens_per_s": ("Tokens per second", numbers.count),
}


def write_report(
    results: Results | Mapping[str, Results], path: str | Path, title: str = "k-shot results"
) -> Path:
    """Write the report of one run, or of several by name laid over each other; return its path.

    Raises `ResultsError` if there are no scores and `RunError` if the file cannot be written.
    """
    return write_whole(path, render(results, title))


def render(results: Results | Mapping[str, Results], title: str = "k-shot results") -> str:
    """Return the report's HTML."""
    found = compare(results)
    filters = {
        name: getattr(numbers, name) for name in ("percent", "change", "count", "shots", "plural")
    }
    template = html.template("manyicl.report", "report.html.jinja", **filters)
    return template.render(
        title=title,
        fewest_tasks=FEWEST_TASKS,
        found=found,
        summary=summarise(found),
        overview=figures.overview(found),
        sides=[_side(found, held_out) for held_out in found.sides],
        loss_by_shot=figures.loss_by_shot(found.runs),
        loss_curve=figures.loss_curve(found.runs),
        costs=_table([(name, _cost(run)) for name, run in found.runs.items()]),
        environments=_table(
            [(name, html.environment_facts(run.environment)) for name, run in found.runs.items()]
        ),
        commands=[
            (name, command)
            for name, run in found.runs.items()
            if (command := run.environment.get("command"))
        ],
        configs=[
            (name, html.yaml_text(run.config)) for name, run in found.runs.items() if run.config
        ],
        fingerprints=_fingerprints(found),
        notes=_notes(found),
    )


def _side(found: Comparison, held_out: bool) -> dict[str, Any]:
    families = [f for f in found.families if found.tasks(held_out=held_out, family=f)]
    return {
        "name": "Held-out" if held_out else "Held-in",
        # A single task's mean is the task, which has its own table.
        "means": mean_blocks(found, held_out) if len(found.tasks(held_out=held_out)) > 1 else [],
        "by_family": figures.by_family(found, held_out) if len(families) > 1 else None,
        "families": [
            {
                "name": family,
                "figure": figures.by_task(found, held_out, family),
                "blocks": task_blocks(found, held_out, family),
            }
            for family in families
        ],
    }


def _cost(run: Results) -> dict[str, str]:
    training: dict[str, Any] = dict(run.training)
    said = {
        label: write(training[key])
        for key, (label, write) in COSTS.items()
        if training.get(key) is not None
    }
    tokens, supervised = training.get("tokens"), training.get("supervised_tokens")
    if tokens and supervised is not None:
        said["Supervised tokens"] += f" ({100 * supervised / tokens:.1f} %)"
    for key, value in training.items():  # whatever else the run thought worth telling
        if key not in COSTS and isinstance(value, int | float | str):
            plain = isinstance(value, bool | str)
            said[key.replace("_", " ").capitalize()] = str(value) if plain else numbers.count(value)
    return said


def _table(columns: list[tuple[str, dict[str, str]]]) -> dict[str, Any] | None:
    """Lay dictionaries side by side: their keys are the rows, in order of appearance."""
    keys = dict.fromkeys(key for _, values in columns for key in values)
    if not keys:
        return None
    return {
        "columns": [name for name, _ in columns],
        "rows": [(key, [values.get(key, "–") for _, values in columns]) for key in keys],
    }


def _fingerprints(found: Comparison) -> list[tuple[str, str]]:
    listed: dict[tuple[str, str], None] = {}
    for run in found.runs.values():
        for task, meta in sorted(run.tasks.items()):
            print_ = meta.get("fingerprint")
            if print_:
                text = print_ if isinstance(print_, str) else json.dumps(print_, sort_keys=True)
                listed[task, text] = None
    return list(listed)


def _notes(found: Comparison) -> list[str]:
    """Say what a reader must know to read the numbers right."""
    notes = []
    metrics = sorted({score.metric for score in found.scores})
    if len(metrics) > 1:
        notes.append(
            f"Means over tasks put different metrics ({', '.join(metrics)}) on one scale; every "
            "task weighs the same."
        )
    by_task: dict[str, set[tuple[str, int]]] = {}
    for score in found.scores:
        by_task.setdefault(score.task, set()).add((score.stage, score.num_shots))
    everything = set().union(*by_task.values())
    partial = sorted(task for task, points in by_task.items() if points != everything)
    if partial:
        notes.append(
            "Not every task has a score at every number of shots, so points of one mean curve "
            f"stand for different tasks. Incomplete: {', '.join(partial)}."
        )
    for what, values in (
        ("Selection of demonstrations", {score.selection for score in found.scores}),
        ("Scoring of answers", {score.scoring for score in found.scores}),
    ):
        notes.append(f"{what}: {', '.join(sorted(values))}.")
    if cut := cut_note(found):
        notes.append(cut)
    seeds = sorted({len(score.seeds) for score in found.scores})
    notes.append(
        f"{' or '.join(numbers.plural(n, 'seed') for n in seeds)} of demonstrations a task; "
        "± is the standard deviation over seeds."
        if seeds[-1] > 1
        else "One seed of demonstrations: how much their choice matters is not measured."
    )
    return notes
