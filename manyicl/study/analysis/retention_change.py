"""Before and after: what fine-tuning did to what the base model could do besides the tasks.

A difference is oriented so that negative is a loss, whatever the measure; a relative loss is
positive for a loss, in shares of the base's value, so that bits and accuracies can be averaged.
Measures that count what went wrong are near 0 for a good base; their loss is in shares of what went
right, or one of them would outweigh all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from manyicl.study.analysis.paired import interval_of
from manyicl.study.analysis.points import BASE_MODEL, Floats, ModelKey
from manyicl.study.records import StudyError, StudyResults

GROUPS = ("icl", "family")  # measures of one unit, which have a mean
SHARES_GONE_WRONG = ("generation/task_markup", "generation/early_end")


@dataclass(frozen=True)
class RetentionChange:
    """A measure, or the mean of a group of measures, before and after."""

    measure: str
    """A measure (`icl/flipped_labels`) or a group (`icl`)."""
    base: float
    after: float
    difference: float
    """Negative: a loss."""
    low: float
    """The 95 % interval of the difference: seeds resampled, for a group measures too."""
    high: float
    relative_loss: float | None
    """-difference / |base|, for shares gone wrong -difference / (1 - base): positive is a loss.
    None if that divides by 0."""
    num_measures: int
    num_seeds: int


@dataclass(frozen=True)
class RetentionSummary:
    """A model's mean relative loss over measures, with a 95 % interval over measures and seeds."""

    key: ModelKey
    mean_loss: float
    """Positive: a loss. A gain on one measure makes up for a loss on another: see `groups`."""
    low: float
    high: float
    groups: tuple[tuple[str, float], ...]
    """Mean loss by what stands before the slash: `text_bits_per_byte`, `icl`, ..."""
    num_measures: int
    num_seeds: int
    left_out: tuple[str, ...]
    """Measures without a base value, or that not all of the compared models have."""


@dataclass(frozen=True, eq=False)
class LossTable:
    """Relative losses of several models on the same measures and seeds."""

    measures: tuple[str, ...]
    seeds: tuple[int, ...]
    losses: tuple[Floats, ...]
    """Measures x seeds for each model. Where a measure lacks a seed, its mean over seeds."""
    left_out: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class _Measure:
    """One measure by seed, all of the same length; `sign` is 1 if higher is better, else -1."""

    seeds: tuple[int, ...]
    base: tuple[float, ...]
    after: tuple[float, ...]
    sign: int
    gone_wrong: bool = False

    @property
    def differences(self) -> Floats:
        return self.sign * (np.array(self.after) - np.array(self.base))

    @property
    def scale(self) -> float:
        """What a loss is a share of; 0: nothing."""
        base = float(np.mean(self.base))
        return 1 - base if self.gone_wrong else abs(base)

    @property
    def relative_losses(self) -> Floats | None:
        return -self.differences / self.scale if self.scale else None


def retention_change(results: StudyResults, key: ModelKey) -> list[RetentionChange]:
    """Return one change for each measure that has a base value, by name, then one for each group.

    The base's value is `Retention.base` where given, else that of the base's record of the same
    seed, else the mean of the base's records. `measures_without_base` names what is left out.
    Raises `StudyError` for two records of one measurement.
    """
    measures, _ = _measures(results, key)
    changes = [_change(name, [measure]) for name, measure in measures.items()]
    for group in GROUPS:
        members = [measure for name, measure in measures.items() if _group(name) == group]
        if members:
            changes.append(_change(group, members))
    return changes


def measures_without_base(results: StudyResults, key: ModelKey) -> list[str]:
    """Return the measures of a model that have nothing to be compared with, by name."""
    return _measures(results, key)[1]


def retention_summary(
    results: StudyResults, keys: Sequence[ModelKey] | None = None
) -> list[RetentionSummary]:
    """Return the mean relative loss of each model, over the measures that all of them have.

    `keys` None: every fine-tuned model, those of one budget compared with each other.
    """
    if keys is not None:
        return _summaries(results, keys)
    found = {ModelKey(record.regime, record.budget) for record in results.retention}
    found = sorted(found - {BASE_MODEL})
    budgets = dict.fromkeys(key.budget for key in found)
    return [
        summary
        for budget in budgets
        for summary in _summaries(results, [key for key in found if key.budget == budget])
    ]


def loss_table(results: StudyResults, keys: Sequence[ModelKey]) -> LossTable:
    """Return the models' relative losses on the measures and seeds that all of them have."""
    of_key, unknown = [], []
    for key in keys:
        measures, without_base = _measures(results, key)
        losses = {name: measure.relative_losses for name, measure in measures.items()}
        of_key.append({name: (measures[name], at) for name, at in losses.items() if at is not None})
        unknown.append([*without_base, *(name for name, at in losses.items() if at is None)])
    common = set.intersection(*(set(found) for found in of_key))
    seed_sets = [{s for measure, _ in found.values() for s in measure.seeds} for found in of_key]
    seeds = tuple(sorted(set.intersection(*seed_sets)))
    names = tuple(sorted(common)) if seeds else ()
    arrays = []
    for found in of_key:
        rows = []
        for name in names:
            measure, values = found[name]
            by_seed = dict(zip(measure.seeds, values, strict=True))
            rows.append([by_seed.get(seed, float(np.mean(values))) for seed in seeds])
        arrays.append(np.array(rows, dtype=float).reshape(len(names), len(seeds)))
    left_out = [
        tuple(sorted({*found, *names_unknown} - set(names)))
        for found, names_unknown in zip(of_key, unknown, strict=True)
    ]
    return LossTable(names, seeds, tuple(arrays), tuple(left_out))


def by_group(measures: Sequence[str], losses: Floats) -> tuple[tuple[str, float], ...]:
    """Return the mean of measures x seeds for each group of measures."""
    groups = [_group(name) for name in measures]
    return tuple(
        (group, float(losses[[at for at, name in enumerate(groups) if name == group]].mean()))
        for group in dict.fromkeys(groups)
    )


def _summaries(results: StudyResults, keys: Sequence[ModelKey]) -> list[RetentionSummary]:
    found = loss_table(results, keys)
    if not found.measures:
        return []
    summaries = []
    for key, losses, left_out in zip(keys, found.losses, found.left_out, strict=True):
        interval = interval_of(losses)
        summaries.append(
            RetentionSummary(
                key=key,
                mean_loss=float(losses.mean()),
                low=interval.low,
                high=interval.high,
                groups=by_group(found.measures, losses),
                num_measures=len(found.measures),
                num_seeds=len(found.seeds),
                left_out=left_out,
            )
        )
    return summaries


def _change(name: str, members: Sequence[_Measure]) -> RetentionChange:
    seeds = sorted({seed for member in members for seed in member.seeds})
    rows = []
    for member in members:
        by_seed = dict(zip(member.seeds, member.differences, strict=True))
        rows.append([by_seed.get(seed, member.differences.mean()) for seed in seeds])
    differences = np.array(rows)
    interval = interval_of(differences)
    scale = float(np.mean([member.scale for member in members]))
    difference = float(differences.mean())
    return RetentionChange(
        measure=name,
        base=float(np.mean([np.mean(member.base) for member in members])),
        after=float(np.mean([np.mean(member.after) for member in members])),
        difference=difference,
        low=interval.low,
        high=interval.high,
        relative_loss=(0.0 - difference) / scale if scale else None,
        num_measures=len(members),
        num_seeds=len(seeds),
    )


def _measures(results: StudyResults, key: ModelKey) -> tuple[dict[str, _Measure], list[str]]:
    """Return a model's measures by name, and the names of those without a base value."""
    base: dict[str, dict[int, float]] = {}
    after: dict[str, dict[int, tuple[float, float | None, bool]]] = {}
    for record in results.retention:
        of = ModelKey(record.regime, record.budget)
        row = (record.value, record.base, record.higher_is_better)
        if of == key and after.setdefault(record.measure, {}).setdefault(record.seed, row) != row:
            raise StudyError(
                f"study {results.name!r}: holds two values of {record.measure!r}, seed "
                f"{record.seed}, {of}. Run 'manyicl study' on its folder again."
            )
        if of == BASE_MODEL:
            base.setdefault(record.measure, {})[record.seed] = record.value
    measures, without_base = {}, []
    for name in sorted(after):
        of_base = base.get(name, {})
        rows = []
        for seed in sorted(after[name]):
            value, own, higher = after[name][seed]
            if own is None and of_base:
                own = of_base.get(seed, float(np.mean([of_base[s] for s in sorted(of_base)])))
            if own is not None:
                rows.append((seed, own, value, higher))
        if not rows:
            without_base.append(name)
            continue
        seeds, befores, afters, directions = zip(*rows, strict=True)
        sign = 1 if directions[0] else -1
        measures[name] = _Measure(seeds, befores, afters, sign, name in SHARES_GONE_WRONG)
    return measures, without_base


def _group(measure: str) -> str:
    return measure.split("/")[0]
