"""How much of what the base could do a model lost: relative losses and their mean over measures.

The mean weighs the groups of measures (text, raw in-context ability, families left out) equally: a
group does not count for more because it has more probes. Measures that nobody can judge are no part
of it (`retention_change.NOT_JUDGED`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from manyicl.evaluation.statistics import CONFIDENCE, NUM_RESAMPLES, Interval
from manyicl.study.analysis.points import BASE_MODEL, Floats, ModelKey
from manyicl.study.analysis.retention_change import group_of, is_judged, measures_of
from manyicl.study.records import StudyResults

TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class RetentionSummary:
    """A model's mean relative loss, with the 95 % interval of `interval_of_groups`."""

    key: ModelKey
    mean_loss: float
    """The mean of `groups`. Positive: a loss. A gain on one makes up for a loss on another."""
    low: float
    high: float
    groups: tuple[tuple[str, float], ...]
    """Mean loss by what stands before the slash: `text_bits_per_byte`, `icl`, ..."""
    num_measures: int
    num_seeds: int
    left_out: tuple[str, ...]
    """Judged measures without a base value, or that not all of the compared models have."""


@dataclass(frozen=True, eq=False)
class LossTable:
    """Relative losses of several models on the same measures and seeds."""

    measures: tuple[str, ...]
    seeds: tuple[int, ...]
    losses: tuple[Floats, ...]
    """Measures x seeds for each model. Where a measure lacks a seed, its mean over seeds: families
    are left out with one seed only."""
    left_out: tuple[tuple[str, ...], ...]


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
    """Return the models' relative losses on the judged measures and seeds that all of them have."""
    of_key, unknown = [], []
    for key in keys:
        measures, without_base = measures_of(results, key)
        measures = {name: measure for name, measure in measures.items() if is_judged(name)}
        without_base = [name for name in without_base if is_judged(name)]
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
    groups = [group_of(name) for name in measures]
    return tuple(
        (group, float(losses[[at for at, name in enumerate(groups) if name == group]].mean()))
        for group in dict.fromkeys(groups)
    )


def mean_of_groups(measures: Sequence[str], losses: Floats) -> float:
    """Return the mean of measures x seeds, each group of measures weighing the same."""
    return float(np.mean([mean for _, mean in by_group(measures, losses)]))


def interval_of_groups(measures: Sequence[str], losses: Floats, seed: int = 0) -> Interval:
    """Return the 95 % percentile interval of `mean_of_groups`.

    Seeds are resampled, and measures within each group (a stratified bootstrap): a group keeps its
    weight in every draw, and one of a single measure varies with the seeds alone.
    """
    groups = [group_of(name) for name in measures]
    random = np.random.default_rng([seed, *b"retention"])
    num_seeds = losses.shape[1]
    seeds = random.multinomial(num_seeds, [1 / num_seeds] * num_seeds, size=NUM_RESAMPLES)
    means = []
    for group in dict.fromkeys(groups):
        members = losses[[at for at, name in enumerate(groups) if name == group]]
        size = len(members)
        drawn = random.multinomial(size, [1 / size] * size, size=NUM_RESAMPLES)
        means.append(np.einsum("bs,bs->b", drawn @ members, seeds) / (size * num_seeds))
    draws = np.mean(means, axis=0)
    low, high = np.quantile(draws, TAILS)
    return Interval(float(low), float(high), float(draws.std()))


def _summaries(results: StudyResults, keys: Sequence[ModelKey]) -> list[RetentionSummary]:
    found = loss_table(results, keys)
    if not found.measures:
        return []
    summaries = []
    for key, losses, left_out in zip(keys, found.losses, found.left_out, strict=True):
        interval = interval_of_groups(found.measures, losses)
        summaries.append(
            RetentionSummary(
                key=key,
                mean_loss=mean_of_groups(found.measures, losses),
                low=interval.low,
                high=interval.high,
                groups=by_group(found.measures, losses),
                num_measures=len(found.measures),
                num_seeds=len(found.seeds),
                left_out=left_out,
            )
        )
    return summaries
