"""What a study lets expect of a dedicated fine-tune on another task of the same family."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from manyicl.study.advice.rules import Estimate, Verdict, judge, mean_over_few
from manyicl.study.analysis.claims import own_point
from manyicl.study.analysis.points import ModelKey
from manyicl.study.records import BASE, Dedicated, StudyResults
from manyicl.tasks import Task

MIN_TASKS = 3  # an interval over fewer tasks says nothing
NEARLY = 0.8  # a pool of so many of the user's rows counts as as many
MANY_SHOT = "many_shot"


@dataclass(frozen=True)
class PoolGain:
    """Dedicated fine-tuning on pools of one size, against the reference on the same tasks."""

    pool_size: int
    num_tasks: int
    gain: Estimate
    """Over the reference at its own number of shots; interval over tasks."""
    score: Estimate
    """Of the dedicated models themselves."""
    tokens: float
    """Median of search and training of one model."""
    seconds: float
    """Median of search and training, on the study's machine."""


@dataclass(frozen=True)
class Outlook:
    """What to expect of a dedicated fine-tune, by tasks like the user's."""

    verdict: Verdict
    curve: tuple[PoolGain, ...] = ()
    """By pool size. Empty where nothing can be said."""
    nearest: PoolGain | None = None
    """The pool size that the verdict rests on; else the one nearest to the rows the user has."""
    among: str = ""
    """Which tasks these are: `family qa`, or `kind generation` where a family has too few."""
    reference: str = ""
    """Regime of the study that the gain is over."""
    reference_shots: int = 0
    same_model: bool | None = None
    """Whether the study began with the model the user's run began with; None: it does not say."""
    study_model: str = ""
    missing: int = 0
    """Cells of the study that have not run or failed."""
    reason: str = ""
    """Why nothing can be said."""


def outlook(
    study: StudyResults,
    task: Task,
    num_rows: int,
    *,
    regime: str = MANY_SHOT,
    same_model: bool | None = None,
    study_model: str = "",
) -> Outlook:
    """Return what the study's dedicated models gain over its `regime` on tasks like this one.

    Counted are held-out tasks alone: the user's task is one the model was not trained on.
    """
    reference, shots, scores = _reference(study, regime)
    said: dict[str, Any] = {
        "same_model": same_model,
        "study_model": study_model,
        "missing": study.missing + len(study.failures),
    }
    if not scores:
        return Outlook("cannot_tell", **said, reason="the study has no scores of fine-tuned models")
    found = _by_pool(study.dedicated)
    tasks = {info.task: info for info in study.tasks if info.held_out and info.task != task.name}
    for among, names in (
        (f"family {task.family}", {n for n, i in tasks.items() if i.family == task.family}),
        (f"kind {task.kind}", {n for n, i in tasks.items() if i.kind == task.kind}),
    ):
        curve = _curve(found, names, scores)
        if not curve:
            continue
        verdict, nearest = _verdict(curve, num_rows)
        return Outlook(verdict, curve, nearest, among, reference, shots, **said)
    reason = (
        f"the study has dedicated models of fewer than {MIN_TASKS} held-out tasks of family "
        f"{task.family}, and of kind {task.kind}"
    )
    return Outlook("cannot_tell", **said, reason=reason)


def _verdict(curve: Sequence[PoolGain], num_rows: int) -> tuple[Verdict, PoolGain]:
    """Judge by what was measured on the safe side: more rows do not make a model worse.

    A gain counts from pools that are (nearly) no larger than the user's rows, "no gain" from such
    as are (nearly) no smaller.
    """
    smaller = [gain for gain in curve if gain.pool_size * NEARLY <= num_rows]
    larger = [gain for gain in curve if gain.pool_size >= NEARLY * num_rows]
    if smaller and judge(smaller[-1].gain) == "yes":
        return "yes", smaller[-1]
    if larger and judge(larger[0].gain) == "no":
        return "no", larger[0]
    nearest = min(curve, key=lambda gain: abs(math.log(gain.pool_size / num_rows)))
    return "cannot_tell", nearest


def _curve(
    found: Mapping[int, Sequence[Dedicated]],
    names: Collection[str],
    scores: Mapping[tuple[str, int], float],
) -> tuple[PoolGain, ...]:
    """Return the gain at every pool size that at least three of the tasks have."""
    gains = (
        _gain(size, [record for record in records if record.task in names], scores)
        for size, records in sorted(found.items())
    )
    return tuple(gain for gain in gains if gain)


def _reference(study: StudyResults, regime: str) -> tuple[str, int, dict[tuple[str, int], float]]:
    """Return a regime, the number of shots it is meant for, and its score there by task and seed.

    Matched on training tokens, where the study did that; ManyICL if the regime was not studied.
    """
    for name in (regime, MANY_SHOT):
        scores = [s for s in study.scores if s.regime == name and s.selection == "random"]
        budgets = {s.budget for s in scores}
        if scores:
            budget = "tokens" if "tokens" in budgets else min(budgets)
            point = own_point(study, ModelKey(name, budget))
            shots = max(s.num_shots for s in scores) if point is None else point.num_shots
            return name, shots, {
                (s.task, s.seed): s.score
                for s in scores
                if s.budget == budget and s.num_shots == shots
            }  # fmt: skip
    return "", 0, {}


def _by_pool(records: Iterable[Dedicated]) -> dict[int, list[Dedicated]]:
    found: dict[int, list[Dedicated]] = {}
    for record in records:
        found.setdefault(record.pool_size, []).append(record)
    return found


def _gain(
    size: int, records: Sequence[Dedicated], scores: Mapping[tuple[str, int], float]
) -> PoolGain | None:
    """Pair by task and seed; None for fewer than three tasks."""
    paired = [record for record in records if (record.task, record.seed) in scores]
    by_task: dict[str, list[Dedicated]] = {}
    for record in paired:
        by_task.setdefault(record.task, []).append(record)
    if len(by_task) < MIN_TASKS:
        return None
    gains = [
        mean(record.score - scores[record.task, record.seed] for record in of_task)
        for of_task in by_task.values()
    ]
    return PoolGain(
        pool_size=size,
        num_tasks=len(by_task),
        gain=mean_over_few(gains),
        score=mean_over_few([mean(r.score for r in of_task) for of_task in by_task.values()]),
        tokens=median(record.search_tokens + record.tokens for record in paired),
        seconds=median(record.seconds for record in paired),
    )


def regime_of_run(description: dict | None) -> str:
    """Return the study's regime that a model corresponds to: the base, or how it was tuned."""
    if description is None:
        return BASE
    regime = str(description.get("config", {}).get("regime", MANY_SHOT))
    return MANY_SHOT if regime == "dedicated" else regime
