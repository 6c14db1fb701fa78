"""Tables that compare: paired differences, dedicated fine-tuning, retention, orders, ECE."""

from __future__ import annotations

from manyicl.report.numbers import MINUS, change, count, percent, plural
from manyicl.study.analysis.claims import own_point
from manyicl.study.analysis.curves import (
    DedicatedPoint,
    OperatingPoint,
    Point,
    RetentionChange,
    calibration,
    examples_worth,
    gap_closed,
    order_sensitivity,
    paired,
    retention_change,
    retention_summary,
    share_of_dedicated,
)
from manyicl.study.analysis.worth import Share
from manyicl.study.records import BASE
from manyicl.study.report.tables import NONE, Cell, Row, Table, cell_of_difference
from manyicl.study.report.view import DEDICATED, StudyView, budget_words, title_of

GROUPS = {"icl": "in context", "family": "family left out", "generation": "free text"}
WRITTEN = {
    "bits_per_byte_under_base": "surprise of the base",
    "distinct_2": "different word pairs",
}
PAIRS = (
    ("few_shot", "zero_shot"),
    ("many_shot", "zero_shot"),
    ("many_shot", "few_shot"),
    ("many_shot", "many_shot_last"),
    ("many_shot_symbols", "many_shot"),
    ("many_shot_mixed", "many_shot"),
    ("many_shot", BASE),
)


def paired_table(view: StudyView, budget: str) -> Table | None:
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
            Row(
                f"{_named(a)} − {_named(b)}",
                (
                    Cell(percent(found.mean_a)),
                    Cell(percent(found.mean_b)),
                    cell_of_difference(found.mean, found.low, found.high, found.clear),
                    Cell(f"{found.wins} / {found.ties} / {found.losses}"),
                    Cell(f"{found.p_value:.3f}" if found.p_value >= 0.001 else "< 0.001"),
                    Cell(str(found.num_tasks)),
                    Cell(str(found.num_seeds)),
                ),
            )
        )
    if not rows:
        return None
    return Table(
        f"Paired differences on held-out tasks in points, {budget_words(view.results, budget)}; "
        "number of shots in brackets, bold: the 95 % interval excludes 0 on enough tasks.",
        ("first − second", "first", "second", "difference", "win / tie / loss", "sign test p",
         "tasks", "seeds"),
        tuple(rows),
    )  # fmt: skip


def gap_table(view: StudyView, budget: str) -> Table | None:
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
        note = f"{plural(share.num_tasks, 'task')}, {plural(share.num_seeds, 'seed')}"
        rows.append(Row(family or "all", (_share_cell(share), _share_cell(closed)), note))
    if not rows:
        return None
    return Table(
        f"ManyICL with {count(many.num_shots)} shots against dedicated fine-tuning on "
        f"{plural(pool, 'example')} of the same pool, held-out tasks, "
        f"{budget_words(view.results, budget)}. Gap: 0 % is few-shot fine-tuning, 100 % dedicated.",
        ("family", "share of dedicated's score, %", "share of the gap closed, %"),
        tuple(rows),
    )


def worth_table(view: StudyView) -> Table | None:
    """Return the pool size at which dedicated fine-tuning scores what ManyICL scores."""
    points = [(b, p) for b in view.budgets if (p := view.own("many_shot", b)) is not None]
    rows = []
    for family in _groups(view) if points else []:
        found = [examples_worth(view.results, p, held_out=True, family=family) for _, p in points]
        sizes = {one.num_tasks: one.num_seeds for one in found if one is not None}
        note = ", ".join(f"{plural(t, 'task')}, {plural(s, 'seed')}" for t, s in sizes.items())
        if sizes:
            cells = tuple(NONE if one is None else _worth_cell(one.text) for one in found)
            rows.append(Row(family or "all", cells, note))
    if not rows:
        return None
    heads = [f"budget {budget} ({point.num_shots} shots)" for budget, point in points]
    return Table(
        "How many examples ManyICL is worth: what dedicated fine-tuning needs for the same mean "
        "score, on the held-out tasks that have every pool size.",
        ("family", *heads),
        tuple(rows),
    )


def retention_table(view: StudyView, budget: str, *, intervals: bool = True) -> Table | None:
    """Return each measure before and after, one column a regime; a loss is negative."""
    results = view.results
    found = {
        regime: {one.measure: one for one in retention_change(results, view.key(regime, budget))}
        for regime in view.regimes
        if regime != BASE
    }
    found = {regime: changes for regime, changes in found.items() if changes}
    if not found:
        return None
    measures = list(dict.fromkeys(m for changes in found.values() for m in changes))
    rows = []
    for measure in sorted(measures, key=measure_order):
        cells, bases = [], set()
        for changes in found.values():
            one = changes.get(measure)
            if one is None:
                cells.append(NONE)
                continue
            bases.add(write_measure(measure, one.base))
            interval = interval_words(measure, one) if one.num_seeds > 1 else ""
            said = write_change(measure, one.difference), interval
            clear = one.num_seeds > 1 and (one.low > 0 or one.high < 0)
            cells.append(Cell(write_measure(measure, one.after), *said, bold=clear))
        base = Cell(bases.pop() if len(bases) == 1 else "differs")
        rows.append(Row(measure_title(measure), (base, *cells), measure_unit(measure)))
    summaries = {
        one.key.regime: one for one in retention_summary(results) if one.key.budget == budget
    }
    if summaries:
        cells = []
        for regime in found:
            one = summaries.get(regime)
            if one is None:
                cells.append(NONE)
            else:
                interval = f"{signed(one.low)} to {signed(one.high)}"
                cells.append(Cell(signed(one.mean_loss), interval=interval))
        most = max(one.num_measures for one in summaries.values())
        rows.append(Row("mean relative loss", (NONE, *cells), f"% of the base, {most} measures"))
    small = "in brackets the change against the base"
    if intervals:
        small = "in small type the change against the base with its interval"
    return Table(
        f"Retention: after fine-tuning, and {small} (+ is better), "
        f"{budget_words(results, budget)}; {view.seeds}; bold: the 95 % interval over seeds "
        "excludes 0.",
        ("measure", "base", *(title_of(regime) for regime in found)),
        tuple(rows),
    )


def spread_table(view: StudyView, budget: str) -> Table | None:
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
            spread = Cell(percent(order.mean), plural(order.num_tasks, "task"), interval)
            shots = Cell(str(order.num_shots), f"{order.num_orders} orders")
        error = at = NONE
        if ece and own:
            interval = f"{percent(ece.low)}–{percent(ece.high)}"
            error = Cell(percent(ece.mean), plural(ece.num_tasks, "task"), interval)
            at = Cell(str(own.num_shots))
        rows.append(Row(title_of(regime), (shots, spread, at, error)))
    if not rows:
        return None
    return Table(
        "Order sensitivity (standard deviation of the score over orders of the same "
        "demonstrations) and expected calibration error (closed answers only), in points, "
        f"{budget_words(view.results, budget)}; {view.seeds}. Lower is better.",
        ("way to adapt", "shots", "spread over orders", "shots (calibration)", "ECE"),
        tuple(rows),
    )


def measure_order(measure: str) -> tuple[int, str, bool, str]:
    """Sort text first, then in-context ability, families left out, generation; means last."""
    group, _, name = measure.partition("/")
    known = ["text_bits_per_byte", "icl", "family", "generation"]
    return (known.index(group) if group in known else len(known), group, not name, name)


def measure_title(measure: str) -> str:
    """Return a measure's name for people."""
    group, _, name = measure.partition("/")
    if measure == "text_bits_per_byte":
        return "plain text"
    of = GROUPS.get(group, group.replace("_", " "))
    return f"{of}: {short_title(measure)}" if name else f"mean, {of}"


def short_title(measure: str) -> str:
    """Return a measure's name where its group is told elsewhere."""
    name = measure.partition("/")[2]
    if not name:
        return "mean" if measure in GROUPS else measure_title(measure)
    return WRITTEN.get(name, name.replace("_", " "))


def in_bits(measure: str) -> bool:
    """Whether a measure is in bits per byte; the others are shares of 1, shown in per cent."""
    return "bits_per_byte" in measure


def measure_unit(measure: str) -> str:
    return "bits per byte" if in_bits(measure) else "%"


def write_measure(measure: str, value: float) -> str:
    return f"{value:.3f}" if in_bits(measure) else percent(value)


def write_change(measure: str, value: float) -> str:
    """Write a change, + for better."""
    return f"{value:+.3f}".replace("-", MINUS) if in_bits(measure) else change(value)


def signed(value: float) -> str:
    """Write a share as per cent, with a minus sign where it is negative."""
    return percent(value).replace("-", MINUS)


def interval_words(measure: str, one: RetentionChange) -> str:
    return f"{write_change(measure, one.low)} to {write_change(measure, one.high)}"


def _groups(view: StudyView) -> list[str | None]:
    families = view.families(held_out=True)
    return [None, *families] if len(families) > 1 else [*families]


def _named(point: OperatingPoint) -> str:
    if isinstance(point, DedicatedPoint):
        return f"{title_of(DEDICATED)} (on {count(point.pool_size)})"
    return f"{title_of(point.key.regime)} ({point.num_shots})"


def _share_cell(share: Share | None) -> Cell:
    if share is None:
        return NONE
    if share.value is None or share.low is None or share.high is None:
        return Cell("–", share.reason)
    return Cell(signed(share.value), interval=f"{signed(share.low)} to {signed(share.high)}")


def _worth_cell(text: str) -> Cell:
    words, _, interval = text.partition(" (")
    return Cell(words, interval=interval.removesuffix(")"))
