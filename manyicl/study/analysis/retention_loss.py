"""How much of what the base could do a model lost: relative losses and their mean over measures.

The mean weighs the groups of measures (text, raw in-context ability, families left out) equally: a
group does not count for more because it has more probes. A group that gained counts as no loss:
nothing that was learned makes up for what was forgotten elsewhere. Measures that nobody can judge
are no part of it (`retention_change.NOT_JUDGED`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from manyicl.evaluation.resampling import over_seeds, tails
from manyicl.evaluation.statistics import NUM_RESAMPLES, Interval
from manyicl.study.analysis.points import BASE_MODEL, Floats, ModelKey
from manyicl.study.analysis.retention_change import group_of, is_judged, measures_of
from manyicl.study.records import StudyResults


@dataclass(frozen=True)
class RetentionSummary:
    """A model's mean relative loss, with its 95 % interval (`GroupMeans.interval`)."""

    key: ModelKey
    mean_loss: float
    """The mean of `groups`, where a gain counts as 0."""
    low: float
    high: float
    groups: tuple[tuple[str, float], ...]
    """Mean loss by what stands before the slash: `text_bits_per_byte`, `icl`, ... Negative: a
    gain."""
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
    once: tuple[str, ...]
    """Measures that have fewer seeds than `seeds`."""


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
    arrays, once = [], set()
    for found in of_key:
        rows = []
        for name in names:
            measure, values = found[name]
            by_seed = dict(zip(measure.seeds, values, strict=True))
            if set(seeds) - set(by_seed):
                once.add(name)
            rows.append([by_seed.get(seed, float(np.mean(values))) for seed in seeds])
        arrays.append(np.array(rows, dtype=float).reshape(len(names), len(seeds)))
    left_out = [
        tuple(sorted({*found, *names_unknown} - set(names)))
        for found, names_unknown in zip(of_key, unknown, strict=True)
    ]
    return LossTable(names, seeds, tuple(arrays), tuple(left_out), tuple(sorted(once)))


@dataclass(frozen=True, eq=False)
class GroupMeans:
    """Mean losses by group of measures, with draws of them.

    Seeds are resampled, and measures within each group (a stratified bootstrap): a group keeps its
    weight in every draw, and one of a single measure varies with the seeds alone. Models on the
    same measures and seeds get the same draws.
    """

    groups: tuple[str, ...]
    means: Floats
    """One for each group."""
    draws: Floats
    """B x groups."""
    num_measures: int
    clear: tuple[bool, ...]
    """Whether a group's loss is clearly above 0, by its own 95 % interval."""

    @classmethod
    def of(cls, measures: Sequence[str], losses: Floats, seed: int = 0) -> GroupMeans:
        """Take `losses`, measures x seeds."""
        random = np.random.default_rng([seed, *b"retention"])
        num_seeds = losses.shape[1]
        seeds = random.multinomial(num_seeds, [1 / num_seeds] * num_seeds, size=NUM_RESAMPLES)
        names = [group_of(measure) for measure in measures]
        groups = tuple(dict.fromkeys(names))
        means, draws, clear = [], [], []
        for group in groups:
            members = losses[[at for at, name in enumerate(names) if name == group]]
            size = len(members)
            drawn = random.multinomial(size, [1 / size] * size, size=NUM_RESAMPLES)
            means.append(members.mean())
            draws.append(np.einsum("bs,bs->b", drawn @ members, seeds) / (size * num_seeds))
            low = np.quantile(draws[-1], tails(size)[0]) if size > 1 else over_seeds(members[0]).low
            clear.append(num_seeds > 1 and bool(low > 0))
        return cls(groups, np.array(means), np.array(draws).T, len(measures), tuple(clear))

    def lost(self) -> tuple[float, Floats]:
        """Return the mean loss, gains counting as 0, and its draws."""
        return float(self.means.clip(min=0).mean()), self.draws.clip(min=0).mean(axis=1)

    def ends(self, draws: Floats) -> Interval:
        """Return the 95 % interval of a statistic by its draws."""
        low, high = np.quantile(draws, tails(self.num_measures))
        return Interval(float(low), float(high), float(draws.std()))


def _summaries(results: StudyResults, keys: Sequence[ModelKey]) -> list[RetentionSummary]:
    found = loss_table(results, keys)
    if not found.measures:
        return []
    summaries = []
    for key, losses, left_out in zip(keys, found.losses, found.left_out, strict=True):
        means = GroupMeans.of(found.measures, losses)
        lost, draws = means.lost()
        interval = means.ends(draws)
        summaries.append(
            RetentionSummary(
                key=key,
                mean_loss=lost,
                low=interval.low,
                high=interval.high,
                groups=tuple(zip(means.groups, map(float, means.means), strict=True)),
                num_measures=len(found.measures),
                num_seeds=len(found.seeds),
                left_out=left_out,
            )
        )
    return summaries
