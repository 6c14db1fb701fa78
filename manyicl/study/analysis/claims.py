"""The claims of many-shot in-context fine-tuning, and what a study says of each.

One rule for all: a claim is that some quantity lies above a line. It holds where the whole 95 %
interval does, fails where none of it does, and otherwise the study cannot tell. Nor can it with one
seed, whatever the interval: how another training would come out is no part of it then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from manyicl.evaluation.curves import FEWEST_TASKS
from manyicl.evaluation.resampling import FEWEST_SEEDS
from manyicl.study.analysis.paired import paired
from manyicl.study.analysis.points import (
    DedicatedPoint,
    ModelKey,
    Point,
    fit_words,
    pool_sizes,
    shots_of,
)
from manyicl.study.analysis.retention_change import group_of
from manyicl.study.analysis.retention_loss import GroupMeans, loss_table
from manyicl.study.analysis.worth import share_of_dedicated
from manyicl.study.records import BUDGETS, StudyResults
from manyicl.study.regimes import TITLES, own_shots

Verdict = Literal["holds", "fails", "cannot tell"]
SHARE = 0.9  # of dedicated fine-tuning's score
PART = 0.5  # of zero-shot fine-tuning's loss of retention
_GROUPS = "tasks of fewer than {} groups cannot show it"
_MEASURES = "fewer than {} measures cannot show it"


@dataclass(frozen=True)
class Claim:
    """One claim at one budget: what was measured, and what that says."""

    name: str
    budget: str
    wording: str
    verdict: Verdict
    why: str
    """What the verdict rests on, without the numbers below."""
    line: float
    """What `value` must be above."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[tuple[str, float], ...] = ()
    """What went into `value`, by name."""
    count: int = 0
    """Tasks behind it; measures for `retention`."""
    num_seeds: int = 0


def claims(results: StudyResults) -> list[Claim]:
    """Return the four claims for each budget of the study (for both, if it has no models)."""
    budgets = [b for b in BUDGETS if any(model.budget == b for model in results.models)]
    return [
        claim
        for budget in budgets or BUDGETS
        for claim in (
            _above(results, budget, "many_shot", "few_shot"),
            _above(results, budget, "few_shot", "zero_shot"),
            _near_dedicated(results, budget),
            _forgets_less(results, budget),
        )
    ]


def _above(results: StudyResults, budget: str, better: str, worse: str) -> Claim:
    name = f"{better}_above_{worse}"
    wording = f"On held-out tasks, {TITLES[better]} is above {TITLES[worse]}."
    points = [own_point(results, ModelKey(regime, budget)) for regime in (better, worse)]
    for regime, point in zip((better, worse), points, strict=True):
        if point is None:
            return _unmeasured(name, budget, wording, f"{TITLES[regime]} has no scores", 0.0)
    a, b = points
    assert a is not None
    assert b is not None
    found = paired(results, a, b, held_out=True)
    if found is None:
        return _unmeasured(name, budget, wording, "the two have no task and seed in common", 0.0)
    verdict, why = _judge(
        found.low, found.high, 0.0, count=found.num_groups, few=_GROUPS, num_seeds=found.num_seeds
    )
    return Claim(
        name=name,
        budget=budget,
        wording=wording,
        verdict=verdict,
        why=f"{why}; at {_shots(a, found.fitted_a)} against {_shots(b, found.fitted_b)} shots"
        + _basis(found.num_tasks, found.num_seeds, found.missing_tasks, found.missing_seeds),
        line=0.0,
        value=found.mean,
        low=found.low,
        high=found.high,
        values=(
            (better, found.mean_a),
            (worse, found.mean_b),
            (f"{better}_shots", a.num_shots),
            (f"{worse}_shots", b.num_shots),
            (f"{better}_fitted", found.fitted_a),
            (f"{worse}_fitted", found.fitted_b),
        ),
        count=found.num_tasks,
        num_seeds=found.num_seeds,
    )


def _near_dedicated(results: StudyResults, budget: str) -> Claim:
    name = "near_dedicated"
    wording = (
        f"On held-out tasks, {TITLES['many_shot']} has at least {SHARE:.0%} of the score of "
        f"{TITLES['dedicated']} with the same pool."
    )
    point = own_point(results, ModelKey("many_shot", budget))
    sizes = pool_sizes(results, held_out=True)
    if point is None or not sizes:
        lacking = TITLES["dedicated"] if point else TITLES["many_shot"]
        return _unmeasured(name, budget, wording, f"{lacking} has no scores", SHARE)
    enough = [size for size in sizes if size >= point.num_shots]
    pool = min(enough) if enough else max(sizes)
    found = share_of_dedicated(results, point, DedicatedPoint(pool), held_out=True)
    if found.value is None or found.low is None or found.high is None:
        return _unmeasured(name, budget, wording, found.reason, SHARE)
    verdict, why = _judge(
        found.low, found.high, SHARE, count=found.num_groups, few=_GROUPS, num_seeds=found.num_seeds
    )
    why += f"; {_shots(point, found.fitted)} shots against a pool of {pool}"
    if not enough:
        why += ", the largest one: ManyICL was shown more than dedicated fine-tuning had"
        verdict = "cannot tell" if verdict == "holds" else verdict
    return Claim(
        name=name,
        budget=budget,
        wording=wording,
        verdict=verdict,
        why=why
        + _basis(found.num_tasks, found.num_seeds, found.missing_tasks, found.missing_seeds),
        line=SHARE,
        value=found.value,
        low=found.low,
        high=found.high,
        values=(
            ("many_shot", found.numerator or 0.0),
            ("dedicated", found.denominator or 0.0),
            ("many_shot_shots", point.num_shots),
            ("many_shot_fitted", found.fitted),
            ("pool_size", pool),
        ),
        count=found.num_tasks,
        num_seeds=found.num_seeds,
    )


def _forgets_less(results: StudyResults, budget: str) -> Claim:
    """The quantity is half of zero-shot's mean loss less ManyICL's: linear, so no ratio.

    A group of measures that gained counts as no loss on either side. It does not hold where ManyICL
    loses more than half as much on any group. Free text is no part of it
    (`retention_change.NOT_JUDGED`).
    """
    name = "retention"
    wording = (
        f"{TITLES['many_shot']} loses at most half of what {TITLES['zero_shot']} loses of what the "
        "base model could do."
    )
    keys = [ModelKey("many_shot", budget), ModelKey("zero_shot", budget)]
    found = loss_table(results, keys)
    if not found.measures:
        return _unmeasured(name, budget, wording, "the two have no measure in common", 0.0)
    many, zero = (GroupMeans.of(found.measures, losses) for losses in found.losses)
    (lost, draws), (other, other_draws) = many.lost(), zero.lost()
    value = PART * other - lost
    low, high, _ = many.ends(PART * other_draws - draws)
    num_seeds, count = len(found.seeds), len(found.measures)
    verdict, why = _judge(low, high, 0.0, count=count, few=_MEASURES, num_seeds=num_seeds)
    if not any(zero.clear) and not (verdict == "fails" and any(many.clear)):
        verdict = "cannot tell"
        why += f"; {TITLES['zero_shot']} itself has no clear loss to halve"
    pairs = list(zip(many.groups, map(float, many.means), map(float, zero.means), strict=True))
    beyond = [group for group, one, two in pairs if one > max(PART * two, 0.0)]
    if beyond:
        verdict = "cannot tell" if verdict == "holds" else verdict
        why += f"; loses more than half of it on {', '.join(beyond)}"
    once = list(dict.fromkeys(map(group_of, found.once)))
    if once:
        why += f"; measured with fewer seeds: {', '.join(once)}"
    left_out = sorted({name for names in found.left_out for name in names})
    if left_out:
        why += f"; not compared: {', '.join(left_out)}"
    return Claim(
        name=name,
        budget=budget,
        wording=wording,
        verdict=verdict,
        why=f"{why} ({count} measures, {_seeds(num_seeds)})",
        line=0.0,
        value=value,
        low=low,
        high=high,
        values=(
            ("many_shot", lost),
            ("zero_shot", other),
            *((f"many_shot/{group}", one) for group, one, _ in pairs),
            *((f"zero_shot/{group}", two) for group, _, two in pairs),
        ),
        count=count,
        num_seeds=num_seeds,
    )


def own_point(results: StudyResults, key: ModelKey) -> Point | None:
    """Return a model at the shots it is meant for (`regimes.own_shots`), of those it was scored at.

    None if it has no scores on held-out tasks at so few shots.
    """
    sweep = shots_of(results, key, held_out=True)
    try:
        return Point(key, own_shots(key.regime, sweep))
    except ValueError:  # nothing at or below its own shots
        return None


def _shots(point: Point, fitted: float) -> str:
    fit = fit_words(point.num_shots, fitted)
    return f"{point.num_shots} ({fit})" if fit else str(point.num_shots)


def _judge(
    low: float, high: float, line: float, *, count: int, few: str, num_seeds: int
) -> tuple[Verdict, str]:
    """Judge an interval by the rule above; `few` says what too small a `count` is of."""
    if count < FEWEST_TASKS:
        return "cannot tell", few.format(FEWEST_TASKS)
    if num_seeds < FEWEST_SEEDS:
        return "cannot tell", "one seed cannot show it"
    if low > line:
        return "holds", f"above {line:g}"
    if high <= line:
        return "fails", f"not above {line:g}"
    return "cannot tell", f"which includes {line:g}"


def _basis(num_tasks: int, num_seeds: int, missing_tasks: int, missing_seeds: int) -> str:
    text = f" ({num_tasks} tasks, {_seeds(num_seeds)}"
    if missing_tasks or missing_seeds:
        text += f"; not measured: {missing_tasks} tasks, {_seeds(missing_seeds)}"
    return text + ")"


def _seeds(count: int) -> str:
    return f"{count} seed" if count == 1 else f"{count} seeds"


def _unmeasured(name: str, budget: str, wording: str, why: str, line: float) -> Claim:
    return Claim(name, budget, wording, "cannot tell", why, line)
