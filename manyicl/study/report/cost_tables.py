"""Tables of what a study cost: training, a new task, every task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import mean, median

from manyicl.report.numbers import count, duration, percent, plural
from manyicl.study.analysis.points import fit_words
from manyicl.study.records import BASE, Dedicated, Model, Score, StudyResults
from manyicl.study.regimes import TITLES
from manyicl.study.report.tables import FITTED, NONE, SEARCHED, TableCell, TableData, TableRow
from manyicl.study.report.view import StudyView, title_of


def cost_table(view: StudyView) -> TableData | None:
    """Return training's cost by budget and regime, means over seeds."""
    rows = []
    for budget in view.budgets:
        for regime in view.regimes:
            found = [m for m in view.results.models if (m.regime, m.budget) == (regime, budget)]
            if found and regime != BASE:
                rows.append(_cost_row(regime, budget, found))
    if not rows:
        return None
    columns = ("budget", "tokens", "supervised answers", "supervised tokens", "steps", "time")
    return TableData(
        f"Cost of training one model, means over {view.seeds}; steps of the optimizer."
        + _search_words(view)
        + (f" Budget targets:{SEARCHED.lower()}" if "targets" in view.budgets else ""),
        ("regime", *columns, "FLOPs", "learning rate"),
        tuple(rows),
        text_columns=1,
    )


def _search_words(view: StudyView) -> str:
    """Say what the searches cost beside these models; empty if the configuration does not tell."""
    section = view.results.config.get("study")
    search = section.get("search") if isinstance(section, dict) else None
    rates = search.get("learning_rates") if isinstance(search, dict) else None
    if not isinstance(search, dict) or not isinstance(rates, list):
        return ""
    tokens = search.get("tokens") or (section or {}).get("tokens")
    if len(rates) < 2 or not isinstance(tokens, int):
        return " No search of the learning rate." if len(rates) < 2 else ""
    return (
        f" The search of the learning rate, {len(rates)} trainings of {count(tokens)} tokens for "
        "every regime, is not in it."
    )


def _cost_row(regime: str, budget: str, models: Sequence[Model]) -> TableRow:
    rates = sorted({m.learning_rate for m in models if m.learning_rate is not None})
    return TableRow(
        title_of(regime),
        (
            TableCell(budget),
            TableCell(count(round(mean(m.tokens for m in models)))),
            TableCell(count(round(mean(m.supervised_answers for m in models)))),
            TableCell(count(round(mean(m.supervised_tokens for m in models)))),
            TableCell(count(round(mean(m.steps for m in models)))),
            TableCell(duration(mean(m.seconds for m in models))),
            TableCell(flops(mean(m.flops for m in models))),
            TableCell(", ".join(f"{rate:g}" for rate in rates) or "–"),
        ),
    )


def adaptation_table(results: StudyResults) -> TableData | None:
    """Return what one new task costs: dedicated fine-tuning by pool size, ManyICL for contrast.

    Medians over tasks, each task's value its mean over seeds.
    """
    if not results.dedicated:
        return None
    held_out = {task.task for task in results.tasks if task.held_out}
    trained = [record for record in results.dedicated if record.task in held_out]
    side = "held-out" if trained else "held-in"
    trained = trained or list(results.dedicated)
    rows = []
    for pool in sorted({record.pool_size for record in trained}):
        found = [record for record in trained if record.pool_size == pool]
        rows.append(
            TableRow(
                TITLES["dedicated"],
                (
                    TableCell(count(pool)),
                    TableCell(str(len({record.task for record in found}))),
                    TableCell(_median(found, lambda r: r.tokens + r.search_tokens, count)),
                    TableCell(_median(found, lambda r: r.search_tokens, count)),
                    TableCell(_median(found, lambda r: r.seconds, duration)),
                    TableCell(_median(found, lambda r: r.flops, flops)),
                ),
            )
        )
    shots = round(max((score.effective_shots for score in results.scores), default=0))
    if any(model.regime == "many_shot" for model in results.models):
        shown = TableCell(f"up to {count(shots)} in the prompt" if shots else "in the prompt")
        rows.append(
            TableRow(
                title_of("many_shot"), (shown, NONE, TableCell("0"), NONE, NONE, TableCell("0"))
            )
        )
    return TableData(
        f"Cost of adapting to one new task: medians over {side} tasks, "
        f"{_seeds(record.seed for record in trained)}; search and training of one model together. "
        "ManyICL trains nothing, but reads the examples with every query, or once for all of them "
        "where the prefix is kept.",
        ("way", "examples", "tasks", "training tokens", "of these search", "time", "FLOPs"),
        tuple(rows),
        text_columns=0,
    )


def failure_table(results: StudyResults) -> TableData | None:
    """Return the cells that did not finish."""
    rows = [TableRow(failure.cell, (TableCell(failure.message),)) for failure in results.failures]
    if not rows:
        return None
    caption = f"{plural(len(rows), 'cell')} did not finish; what depends on them is missing above."
    return TableData(caption, ("cell", "why"), tuple(rows), text_columns=1)


def task_tables(view: StudyView) -> list[TableData]:
    """Return every task's score by regime at its own shots: a table for each side and budget.

    Means over seeds; dedicated models at the largest pool a task has one for.
    """
    found = [
        _task_table(view, held_out, budget) for held_out in (True, False) for budget in view.budgets
    ]
    return [table for table in found if table is not None]


def _task_table(view: StudyView, held_out: bool, budget: str) -> TableData | None:
    own = {r: p for r in view.regimes if (p := view.own(r, budget)) is not None}
    values: dict[tuple[str, str], list[Score]] = {}
    for score in view.results.scores:
        point = own.get(score.regime)
        key = (score.regime, score.budget)
        asked = point and (*point.key, point.num_shots, point.selection)
        if asked == (*key, score.num_shots, score.selection):
            values.setdefault((score.task, score.regime), []).append(score)
    dedicated: dict[str, dict[int, list[float]]] = {}
    for one in view.results.dedicated:
        dedicated.setdefault(one.task, {}).setdefault(one.pool_size, []).append(one.score)
    rows = []
    tasks = [task for task in view.results.tasks if task.held_out == held_out]
    for task in sorted(tasks, key=lambda task: (task.family, task.task)):
        cells = [_scores_cell(values.get((task.task, regime), [])) for regime in own]
        pools = dedicated.get(task.task, {})
        if dedicated:
            last = _mean_cell(pools[max(pools)]) if pools else NONE
            cells.append(TableCell(last.text, f"on {count(max(pools))}") if pools else last)
        if any(cell is not NONE for cell in cells):
            rows.append(TableRow(task.task, tuple(cells), f"{task.family}, {task.metric}"))
    if not rows:
        return None
    heads = [f"{title_of(regime)} ({point.num_shots})" for regime, point in own.items()]
    side = "held-out" if held_out else "held-in"
    return TableData(
        f"Every {side} task, score in %, budget {budget}: means over {view.seeds}, number of "
        "shots in brackets; dedicated fine-tuning on the task's largest pool."
        + (FITTED if view.any_full else ""),
        ("task", *heads, *([TITLES["dedicated"]] if dedicated else [])),
        tuple(rows),
    )


def flops(value: float) -> str:
    """Write a number of operations with a power of ten.

    >>> flops(1.25e15), flops(0)
    ('1.2e15', '0')
    """
    return f"{value:.1e}".replace("e+", "e").replace("e0", "e") if value else "0"


def _median(
    records: Sequence[Dedicated], value: Callable[[Dedicated], float], write: Callable[[float], str]
) -> str:
    by_task: dict[str, list[float]] = {}
    for record in records:
        by_task.setdefault(record.task, []).append(value(record))
    return write(round(median(mean(values) for values in by_task.values()), 1))


def _mean_cell(values: Sequence[float]) -> TableCell:
    return TableCell(percent(mean(values))) if values else NONE


def _scores_cell(scores: Sequence[Score]) -> TableCell:
    if not scores:
        return NONE
    fit = fit_words(scores[0].num_shots, mean(score.effective_shots for score in scores))
    return TableCell(percent(mean(score.score for score in scores)), fit)


def _seeds(found: Iterable[int]) -> str:
    return plural(len(set(found)), "seed")
