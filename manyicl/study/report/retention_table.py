"""The table of retention, and how its measures are named and written."""

from __future__ import annotations

from manyicl.report.numbers import MINUS, change, percent, plural
from manyicl.study.analysis.retention_change import (
    FLOOR,
    RetentionChange,
    is_judged,
    retention_change,
)
from manyicl.study.analysis.retention_loss import RetentionSummary, retention_summary
from manyicl.study.records import BASE
from manyicl.study.report.tables import NONE, TableCell, TableData, TableRow
from manyicl.study.report.view import StudyView, budget_words, title_of

GROUPS = {"icl": "in context", "family": "family left out", "generation": "free text"}
WRITTEN = {
    "bits_per_byte_under_base": "surprise of the base",
    "distinct_2": "different word pairs",
}


def retention_table(view: StudyView, budget: str, *, intervals: bool = True) -> TableData | None:
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
            clear = one.judged and one.num_seeds > 1 and (one.low > 0 or one.high < 0)
            cells.append(TableCell(write_measure(measure, one.after), *said, bold=clear))
        base = TableCell(bases.pop() if len(bases) == 1 else "differs")
        rows.append(TableRow(measure_title(measure), (base, *cells), measure_unit(measure)))
    means = _mean_rows(view, budget, list(found))
    rows += means
    small = "in brackets the change against the base"
    if intervals:
        small = "in small type the change against the base with its interval"
    return TableData(
        f"Retention: after fine-tuning, and {small} (+ is better), "
        f"{budget_words(results, budget)}; {view.seeds}; bold: the 95 % interval (t over seeds; of "
        "a mean, measures and seeds resampled) excludes 0."
        + (_mean_words() if means else "")
        + _free_text_words(measures),
        ("measure", "base", *(title_of(regime) for regime in found)),
        tuple(rows),
    )


def _mean_rows(view: StudyView, budget: str, regimes: list[str]) -> list[TableRow]:
    """Return the mean relative losses over what all have, then of those that have the most.

    Families are left out for some regimes only, and the claim compares over all that two have.
    """
    keys = [view.key(regime, budget) for regime in regimes]
    every = retention_summary(view.results, keys)
    if not every:
        return []
    most = max(len(one.left_out) for one in every)
    fullest = [one.key for one in every if len(one.left_out) == most]
    more = retention_summary(view.results, fullest) if len(fullest) < len(every) else []
    return [_mean_row(found, regimes) for found in (every, more) if found]


def _mean_row(found: list[RetentionSummary], regimes: list[str]) -> TableRow:
    by_regime = {one.key.regime: one for one in found}
    cells = [NONE]
    for regime in regimes:
        one = by_regime.get(regime)
        if one is None:
            cells.append(NONE)
        else:
            interval = f"{signed(one.low)} to {signed(one.high)}"
            cells.append(TableCell(signed(one.mean_loss), interval=interval))
    note = f"% of the base, {plural(found[0].num_measures, 'measure')}"
    return TableRow("mean relative loss", tuple(cells), note)


def _mean_words() -> str:
    return (
        " Relative loss: of a score (before − after) / before, with "
        f"{percent(FLOOR).removesuffix('.0')} % for a base below that; of plain text (after − "
        "before) / before; + is a loss. Its mean gives text, in-context ability and families left "
        "out the same weight each, one that gained counting as no loss, over the measures that all "
        "models of its row have; interval: seeds, and the measures within each of these, resampled."
    )


def _free_text_words(measures: list[str]) -> str:
    if all(map(is_judged, measures)):
        return ""
    return (
        " Free text: the change is after − before; it is part of no mean and of no claim, since "
        "which way is good is not clear: a model that stops at once has many different word "
        "pairs, and one that repeats itself surprises the base little."
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
