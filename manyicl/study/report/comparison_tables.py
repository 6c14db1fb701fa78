"""Tables that compare: paired differences, dedicated fine-tuning, orders, calibration."""

from __future__ import annotations

from manyicl.evaluation.calibration import NUM_BINS
from manyicl.report.numbers import count, percent, plural
from manyicl.study.analysis.at_zero import NOTHING, tasks_at_zero
from manyicl.study.analysis.claims import own_point
from manyicl.study.analysis.curves import calibration, order_sensitivity
from manyicl.study.analysis.paired import paired
from manyicl.study.analysis.points import DedicatedPoint, OperatingPoint, Point, fit_words
from manyicl.study.analysis.worth import Share, examples_worth, gap_closed, share_of_dedicated
from manyicl.study.records import BASE, DEDICATED
from manyicl.study.report.retention_table import signed
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

PAIRS = (
    ("few_shot", "zero_shot"),
    ("many_shot", "zero_shot"),
    ("many_shot", "few_shot"),
    ("many_shot", "many_shot_last"),
    ("many_shot_symbols", "many_shot"),
    ("many_shot_mixed", "many_shot"),
    ("many_shot", BASE),
)


def paired_table(view: StudyView, budget: str) -> TableData | None:
    """Return differences over the same held-out tasks and seeds, each way at its own shots."""
    rows = []
    many = view.own("many_shot", budget)
    pairs: list[tuple[OperatingPoint | None, OperatingPoint | None]] = [
        (view.own(a, budget), view.own(b, budget)) for a, b in PAIRS
    ]
    if many is not None:
        # Own shots differ; at the same number of shots only the training differs.
        pairs.insert(3, (many, Point(view.key("few_shot", budget), many.num_shots)))
        pool = view.pool_for(many)
        pairs.append((many, None if pool is None else DedicatedPoint(pool)))
    for a, b in pairs:
        found = None if a is None or b is None else paired(view.results, a, b, held_out=True)
        if a is None or b is None or found is None:
            continue
        rows.append(
            TableRow(
                f"{_named(a, found.fitted_a)} − {_named(b, found.fitted_b)}",
                (
                    TableCell(percent(found.mean_a)),
                    TableCell(percent(found.mean_b)),
                    cell_of_difference(found.mean, found.low, found.high, found.clear),
                    TableCell(f"{found.wins} / {found.ties} / {found.losses}"),
                    TableCell(f"{found.p_value:.3f}" if found.p_value >= 0.001 else "< 0.001"),
                    TableCell(str(found.num_tasks)),
                    TableCell(str(found.num_seeds)),
                ),
            )
        )
    if not rows:
        return None
    return TableData(
        f"Paired differences on held-out tasks in points, {budget_words(view.results, budget)}; "
        "number of shots in brackets, bold: the 95 % interval (groups of tasks and seeds "
        "resampled) excludes 0, with two seeds and six groups of tasks at least."
        + (FITTED if view.any_full else ""),
        ("first − second", "first", "second", "difference", "win / tie / loss", "sign test p",
         "tasks", "seeds"),
        tuple(rows),
    )  # fmt: skip


def zero_note(view: StudyView) -> str:
    """Say how many held-out tasks no way to adapt can do at all; empty if there is none."""
    own = [view.own(regime, budget) for budget in view.budgets for regime in view.regimes]
    points = [*(p for p in own if p is not None), *map(DedicatedPoint, view.pools)]
    stuck, number = tasks_at_zero(view.results, points, held_out=True)
    if not stuck:
        return ""
    stay = "stays" if len(stuck) == 1 else "stay"
    pools = ", dedicated fine-tuning on every pool" if view.pools else ""
    return (
        f"{len(stuck)} of the {plural(number, 'held-out task')} {stay} at 0 with every way to "
        f"adapt (at most {percent(NOTHING).removesuffix('.0')} %, each at its own number of "
        f"shots{pools}): they cannot tell ways apart."
    )


def gap_table(view: StudyView, budget: str) -> TableData | None:
    """Return how near ManyICL comes to dedicated fine-tuning with the same pool, by family."""
    few, many = view.own("few_shot", budget), view.own("many_shot", budget)
    pool = None if many is None else view.pool_for(many)
    if many is None or pool is None:
        return None
    dedicated, rows = DedicatedPoint(pool), []
    for family in _groups(view):
        share = share_of_dedicated(view.results, many, dedicated, held_out=True, family=family)
        if not share.num_tasks:
            continue
        closed = None
        if few is not None:
            closed = gap_closed(view.results, few, many, dedicated, held_out=True, family=family)
        fit = fit_words(many.num_shots, share.fitted)
        said = [plural(share.num_tasks, "task"), plural(share.num_seeds, "seed"), fit]
        note = ", ".join(filter(None, said))
        rows.append(TableRow(family or "all", (_share_cell(share), _share_cell(closed)), note))
    if not rows:
        return None
    return TableData(
        f"ManyICL with {count(many.num_shots)} shots against dedicated fine-tuning on "
        f"{plural(pool, 'example')} of the same pool, held-out tasks, "
        f"{budget_words(view.results, budget)}. Gap: 0 % is few-shot fine-tuning, 100 % dedicated."
        + (FITTED if view.any_full else ""),
        ("family", "share of dedicated's score, %", "share of the gap closed, %"),
        tuple(rows),
    )


def worth_table(view: StudyView) -> TableData | None:
    """Return the pool size at which dedicated fine-tuning scores what ManyICL scores."""
    points = [(b, p) for b in view.budgets if (p := view.own("many_shot", b)) is not None]
    rows = []
    for family in _groups(view) if points else []:
        found = [examples_worth(view.results, p, held_out=True, family=family) for _, p in points]
        sizes = {one.num_tasks: one.num_seeds for one in found if one is not None}
        note = ", ".join(f"{plural(t, 'task')}, {plural(s, 'seed')}" for t, s in sizes.items())
        if sizes:
            fits = [
                "" if one is None else fit_words(point.num_shots, one.fitted)
                for one, (_, point) in zip(found, points, strict=True)
            ]
            cells = tuple(
                NONE if one is None else TableCell(one.words, fit, interval=one.interval)
                for one, fit in zip(found, fits, strict=True)
            )
            rows.append(TableRow(family or "all", cells, note))
    if not rows:
        return None
    heads = [f"budget {budget} ({point.num_shots} shots)" for budget, point in points]
    return TableData(
        "How many examples ManyICL is worth: what dedicated fine-tuning needs for the same mean "
        "score, on the held-out tasks that have every pool size."
        + (FITTED if view.any_full else ""),
        ("family", *heads),
        tuple(rows),
    )


def spread_table(view: StudyView, budget: str) -> TableData | None:
    """Return order sensitivity and calibration of every regime, held-out tasks."""
    rows = []
    for regime in view.regimes:
        key = view.key(regime, budget)
        order = order_sensitivity(view.results, key, held_out=True)
        own = own_point(view.results, key)
        ece = own and calibration(view.results, key, own.num_shots, held_out=True)
        if not order and not ece:
            continue
        spread = shots = NONE
        if order:
            interval = f"{percent(order.low)}–{percent(order.high)}"
            spread = TableCell(percent(order.mean), plural(order.num_tasks, "task"), interval)
            shots = shots_cell(order.num_shots, order.effective_shots, f"{order.num_orders} orders")
        error = at = NONE
        if ece and own:
            interval = f"{percent(ece.low)}–{percent(ece.high)}"
            error = TableCell(percent(ece.mean), plural(ece.num_tasks, "task"), interval)
            at = shots_cell(own.num_shots, ece.effective_shots)
        rows.append(TableRow(title_of(regime), (shots, spread, at, error)))
    if not rows:
        return None
    return TableData(
        "Order sensitivity (standard deviation of the score over orders of the same "
        "demonstrations) and expected calibration error (closed answers only), in points, "
        f"{budget_words(view.results, budget)}; {view.seeds}. Lower is better. {_bias(view)}"
        + (FITTED if view.any_full else ""),
        ("way to adapt", "shots", "spread over orders", "shots (calibration)", "ECE"),
        tuple(rows),
    )


def _groups(view: StudyView) -> list[str | None]:
    families = view.families(held_out=True)
    return [None, *families] if len(families) > 1 else [*families]


def _bias(view: StudyView) -> str:
    """Say what the calibration error of few queries is worth."""
    queries = view.max_queries
    number = f"at most {plural(queries, 'query', 'queries')}" if queries else "few queries"
    return (
        f"The calibration error has {NUM_BINS} bins: with {number} a task it is biased upwards, so "
        "compare ways with each other and not with 0."
    )


def _named(point: OperatingPoint, fitted: float) -> str:
    if isinstance(point, DedicatedPoint):
        return f"{title_of(DEDICATED)} (on {count(point.pool_size)})"
    said = ", ".join(filter(None, (str(point.num_shots), fit_words(point.num_shots, fitted))))
    return f"{title_of(point.key.regime)} ({said})"


def _share_cell(share: Share | None) -> TableCell:
    if share is None:
        return NONE
    if share.value is None or share.low is None or share.high is None:
        return TableCell("–", share.reason)
    return TableCell(signed(share.value), interval=f"{signed(share.low)} to {signed(share.high)}")
