"""What the figures of a study's page show: means taken from the analysis, as points to draw."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from markupsafe import Markup

from manyicl.report.numbers import count, plural
from manyicl.study.analysis.curves import CurvePoint, dedicated_curve
from manyicl.study.analysis.retention_change import (
    RetentionChange,
    is_judged,
    retention_change,
)
from manyicl.study.records import BASE, DEDICATED
from manyicl.study.report import figures
from manyicl.study.report.drawing import ChangePanel, Level, Mark, PlotPoint
from manyicl.study.report.retention_table import in_bits, measure_order, short_title
from manyicl.study.report.view import StudyView, title_of

SIDES = ((True, "Held-out"), (False, "Held-in"))


def shot_curves(view: StudyView, budget: str) -> Markup | None:
    """Draw the k-shot curves of one budget, held-out and held-in tasks side by side."""
    panels: dict[str, dict[str, list[PlotPoint]]] = {}
    levels: dict[str, list[Level]] = {}
    for held_out, side in SIDES:
        lines = {r: _points(view.curve(r, budget, held_out)) for r in view.regimes}
        lines = {regime: points for regime, points in lines.items() if points}
        if not lines:
            continue
        panel = f"{side} tasks (mean of {view.num_tasks(held_out)})"
        panels[panel] = lines
        for pool in view.pools:
            found = view.dedicated(pool, held_out)
            if found is not None:
                number = found.num_tasks
                few = f" ({plural(number, 'task')})" * (number < view.num_tasks(held_out))
                levels.setdefault(panel, []).append(Level(found.mean, f"on {count(pool)}{few}"))
    if not panels:
        return None
    title = f"Mean score by number of shots, budget {budget}"
    return figures.curves(panels, f"shots-{budget}", title, levels=levels)


def pool_curves(view: StudyView) -> Markup | None:
    """Draw dedicated fine-tuning by pool size against ManyICL, on tasks that have every pool."""
    families = view.families(held_out=True)
    panels: dict[str, dict[str, list[PlotPoint]]] = {}
    for family in [None, *families] if len(families) > 1 else families:
        part = view.with_every_pool(held_out=True, family=family)
        pools = dedicated_curve(part.results, held_out=True, family=family)
        if not pools:
            continue
        lines = {DEDICATED: [PlotPoint(p.pool_size, p.mean, p.low, p.high) for p in pools]}
        for regime in (BASE, "many_shot"):
            # One line a regime: the first budget, which is `tokens` where there are two.
            points = _points(part.curve(regime, view.budgets[0], True, family))
            if points:
                lines[regime] = points
        whole = view.num_tasks(True, family)
        number = part.num_tasks(True, family)
        tasks = f"{number} of {whole} tasks" if number < whole else plural(number, "task")
        panels[f"{family or 'all'} ({tasks})"] = lines
    if not panels:
        return None
    return figures.curves(
        panels,
        "pools",
        "Mean score by number of examples: shown by ManyICL, trained on by dedicated fine-tuning",
        xlabel="examples",
        columns=4 if len(panels) > 3 else 2,
        height=1.7,
    )


def loss_curves(view: StudyView) -> Markup | None:
    """Draw the loss of held-out tasks' answers after k shots, means over seeds."""
    panels: dict[str, dict[str, list[PlotPoint]]] = {}
    for budget in view.budgets:
        lines = {}
        for regime in view.regimes:
            by_shot: dict[int, list[float]] = {}
            for model in view.results.models:
                if (model.regime, model.budget) == view.key(regime, budget):
                    for k, loss in model.loss_by_shot:
                        by_shot.setdefault(k, []).append(loss)
            if by_shot:
                lines[regime] = [PlotPoint(k, mean(by_shot[k])) for k in sorted(by_shot)]
        if lines:
            panels[f"budget: {budget}"] = lines
    if not panels:
        return None
    return figures.curves(
        panels,
        "loss-by-shot",
        "Loss of the answer by number of shots before it",
        xlabel="shots before the answer",
        ylabel="loss, nats a token",
        scale=1.0,
    )


def retention_changes(view: StudyView, budget: str) -> Markup | None:
    """Draw each retention measure's change against the base."""
    found: dict[tuple[str, bool], dict[str, dict[str, PlotPoint]]] = {}
    for regime in view.regimes:
        for one in retention_change(view.results, view.key(regime, budget)) * (regime != BASE):
            at = (one.measure.partition("/")[0], in_bits(one.measure))
            found.setdefault(at, {}).setdefault(one.measure, {})[regime] = _change(one)
    names = {
        "text_bits_per_byte": "Plain text that no task comes from",
        "icl": "Raw in-context ability (tasks no training has seen)",
        "family": "Tasks of a family left out of training",
        "generation": "Free text",
    }
    panels = [
        ChangePanel(
            names.get(group, group),
            "bits per byte" if bits else "points",
            1.0 if bits else 100.0,
            {short_title(m): changes[m] for m in sorted(changes, key=measure_order)},
            is_judged(group),
        )
        for (group, bits), changes in sorted(
            found.items(), key=lambda item: (measure_order(item[0][0]), not item[0][1])
        )
    ]
    if not panels:
        return None
    title = f"Change of each retention measure against the base, budget {budget}"
    return figures.changes(panels, f"retention-{budget}", title)


def cost_against_quality(view: StudyView) -> Markup | None:
    """Draw the held-out mean at own shots against training tokens and training operations."""
    tokens: list[Mark] = []
    flops: list[Mark] = []
    for budget in view.budgets:
        hollow = budget != view.budgets[0]
        for regime in view.regimes:
            key = view.key(regime, budget)
            models = [m for m in view.results.models if (m.regime, m.budget) == key]
            score = view.score(regime, budget, True)
            if regime == BASE or not models or score is None:
                continue
            y = (score.mean, score.low, score.high)
            tokens.append(Mark(regime, mean(m.tokens for m in models), *y, hollow))
            flops.append(Mark(regime, mean(m.flops for m in models), *y, hollow))
    for pool in view.pools:
        found = view.dedicated(pool, True)
        if found is None or not tokens:
            continue
        y = (found.mean, found.low, found.high)
        for marks, cost in (
            (tokens, _totals(view, pool, "tokens")),
            (flops, _totals(view, pool, "flops")),
        ):
            marks.append(Mark(DEDICATED, cost, *y, words=count(pool)))
    panels = {
        title: (label, marks)
        for title, label, marks in (
            ("Training tokens", "training tokens", tokens),
            ("Training operations", "FLOPs", flops),
        )
        if marks and all(mark.x > 0 for mark in marks)
    }
    base = view.score(BASE, view.budgets[0], True)
    levels = [] if base is None else [Level(base.mean, title_of(BASE).split()[0])]
    if not panels:
        return None
    return figures.scatter(panels, levels, "cost", "Held-out score against the cost of training")


def _points(found: Sequence[CurvePoint]) -> list[PlotPoint]:
    return [PlotPoint(p.num_shots, p.mean, p.low, p.high) for p in found if p.num_tasks]


def _change(one: RetentionChange) -> PlotPoint:
    if one.num_seeds < 2:  # one seed has no interval
        return PlotPoint(0, one.difference)
    return PlotPoint(0, one.difference, one.low, one.high)


def _totals(view: StudyView, pool: int, what: str) -> float:
    """Return the cost of the models of all held-out tasks with this pool, search included."""
    held_out = {task.task for task in view.results.tasks if task.held_out}
    by_task: dict[str, list[float]] = {}
    for one in view.results.dedicated:
        if one.pool_size == pool and one.task in held_out:
            cost = one.tokens + one.search_tokens if what == "tokens" else one.flops
            by_task.setdefault(one.task, []).append(cost)
    return sum(mean(values) for values in by_task.values())
