"""Before and after: what fine-tuning did to what the base model could do besides the tasks.

A difference is oriented so that negative is a loss, whatever the measure. A relative loss is
positive for a loss: of a score, (base - after) / base, where a base below `FLOOR` counts as
`FLOOR`, or a task that the base cannot do would outweigh all others; of bits per byte,
(after - base) / base. Means of them over measures: `retention_loss.py`.

Free text (`generation/...`) is shown and not judged: a model that stops at once has many different
word pairs, and one that repeats itself surprises little. Its difference is after - base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from manyicl.evaluation.resampling import interval_of, over_seeds
from manyicl.evaluation.statistics import Floats
from manyicl.study.analysis.points import BASE_MODEL, ModelKey
from manyicl.study.records import StudyError, StudyResults

GROUPS = ("icl", "family")  # measures of one unit, which have a mean
FLOOR = 0.1  # of the base's score, in a relative loss
NOT_JUDGED = ("generation",)  # groups of which nobody can say which way is good


@dataclass(frozen=True)
class RetentionChange:
    """A measure, or the mean of a group of measures, before and after."""

    measure: str
    """A measure (`icl/flipped_labels`) or a group (`icl`)."""
    base: float
    after: float
    difference: float
    """Negative: a loss; after - base where it is not judged."""
    low: float
    """The 95 % interval of the difference: of a measure a t interval over seeds, of a group a
    bootstrap over measures and seeds."""
    high: float
    relative_loss: float | None
    """Positive: a loss; of a group the mean of its measures. None if it is not judged, or bits of a
    base of 0."""
    num_measures: int
    num_seeds: int

    @property
    def judged(self) -> bool:
        """Whether it is known which way is good."""
        return is_judged(self.measure)


@dataclass(frozen=True)
class Measure:
    """One measure by seed, all of the same length; `sign` is 1 if higher is better, else -1."""

    seeds: tuple[int, ...]
    base: tuple[float, ...]
    after: tuple[float, ...]
    sign: int

    @property
    def differences(self) -> Floats:
        return self.sign * (np.array(self.after) - np.array(self.base))

    @property
    def scale(self) -> float:
        """What a loss is a share of: the mean base, of a score at least `FLOOR`."""
        base = float(np.mean(self.base))
        return max(base, FLOOR) if self.sign > 0 else base

    @property
    def relative_losses(self) -> Floats | None:
        return (0.0 - self.differences) / self.scale if self.scale else None


def is_judged(measure: str) -> bool:
    """Whether it is known which way is good for a measure, or a group of them."""
    return group_of(measure) not in NOT_JUDGED


def retention_change(results: StudyResults, key: ModelKey) -> list[RetentionChange]:
    """Return one change for each measure that has a base value, by name, then one for each group.

    The base's value is `Retention.base` where given, else that of the base's record of the same
    seed, else the mean of the base's records. `measures_of` names what is left out.
    Raises `StudyError` for two records of one measurement.
    """
    measures, _ = measures_of(results, key)
    changes = [_change(name, [measure]) for name, measure in measures.items()]
    for group in GROUPS:
        members = [measure for name, measure in measures.items() if group_of(name) == group]
        if members:
            changes.append(_change(group, members))
    return changes


def _change(name: str, members: Sequence[Measure]) -> RetentionChange:
    seeds = sorted({seed for member in members for seed in member.seeds})
    rows = []
    for member in members:
        by_seed = dict(zip(member.seeds, member.differences, strict=True))
        rows.append([by_seed.get(seed, member.differences.mean()) for seed in seeds])
    differences = np.array(rows)
    names = [str(number) for number in range(len(members))]
    alone = len(members) == 1
    interval = over_seeds(differences[0]) if alone else interval_of(differences, names)
    losses = [member.relative_losses for member in members]
    known = [float(one.mean()) for one in losses if one is not None]
    return RetentionChange(
        measure=name,
        base=float(np.mean([np.mean(member.base) for member in members])),
        after=float(np.mean([np.mean(member.after) for member in members])),
        difference=float(differences.mean()),
        low=interval.low,
        high=interval.high,
        relative_loss=float(np.mean(known)) if known and is_judged(name) else None,
        num_measures=len(members),
        num_seeds=len(seeds),
    )


def measures_of(results: StudyResults, key: ModelKey) -> tuple[dict[str, Measure], list[str]]:
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
        sign = 1 if directions[0] or not is_judged(name) else -1
        measures[name] = Measure(seeds, befores, afters, sign)
    return measures, without_base


def group_of(measure: str) -> str:
    """Return what stands before the slash: `text_bits_per_byte`, `icl`, ..."""
    return measure.split("/")[0]
