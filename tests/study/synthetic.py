"""A made-up study of known shape: every kind of record, no model, the same numbers every time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

from manyicl.study.records import (
    BASE,
    NO_BUDGET,
    Dedicated,
    Failure,
    Model,
    OrderScore,
    Retention,
    Score,
    SearchPoint,
    StudyResults,
    TaskInfo,
)
from manyicl.study.regimes import REGIMES

FAMILIES = ("classification", "summarization", "qa", "nli", "math", "symbolic")
METRICS = {"summarization": "rouge_l", "math": "numeric", "qa": "f1"}
HELD_OUT_TASKS, HELD_IN_TASKS = 4, 3  # of each family
BUDGETS = ("tokens", "targets")
SEEDS = (0, 1, 2)
KS = (0, 1, 2, 4, 5, 8, 16, 32, 64)
POOLS = (16, 64, 256, 1000)
RATES = (1e-4, 3e-4, 1e-3)
LOSS_BY_RATE = (2.5, 1.9, 1.7, 1.8)  # of the untuned base, then of each rate
ORDERS, ORDER_SHOTS = 4, 16
SIMILAR_SHOTS = (4, 16, 64)

# What a regime is worth: at no shots, and what it gains for each doubling of shots + 1.
EFFECTS: Mapping[str, tuple[float, float]] = {
    BASE: (0.28, 0.006),
    "zero_shot": (0.42, -0.002),
    "few_shot": (0.40, 0.022),
    "many_shot_last": (0.39, 0.030),
    "many_shot": (0.38, 0.045),
    "many_shot_symbols": (0.36, 0.047),
    "many_shot_mixed": (0.38, 0.044),
}
# Share of what could be lost that a regime loses.
LOSSES: Mapping[str, float] = {
    "zero_shot": 0.30,
    "few_shot": 0.16,
    "many_shot_last": 0.12,
    "many_shot": 0.10,
    "many_shot_symbols": 0.06,
    "many_shot_mixed": 0.10,
}
MEASURES: Mapping[str, tuple[float, bool]] = {  # the base's value; whether more is better
    "text_bits_per_byte": (1.20, False),
    "icl/flipped_labels": (0.55, True),
    "icl/fresh_symbols": (0.62, True),
    "icl/linear_classification": (0.66, True),
    "icl/sequential_parity": (0.53, True),
    "icl/list_functions": (0.35, True),
    "generation/bits_per_byte_under_base": (1.10, False),
    "generation/distinct_2": (0.80, True),
    "generation/task_markup": (0.0, False),
    "generation/early_end": (0.0625, False),
}


def synthetic_study(
    *,
    families: Sequence[str] = FAMILIES,
    regimes: Sequence[str] = tuple(REGIMES),
    budgets: Sequence[str] = BUDGETS,
    seeds: Sequence[int] = SEEDS,
    num_shots: Sequence[int] = KS,
    pools: Sequence[int] = POOLS,
    effects: Mapping[str, tuple[float, float]] = EFFECTS,
    losses: Mapping[str, float] = LOSSES,
    dedicated_effect: tuple[float, float] = (0.40, 0.045),
    noise: float = 0.03,
) -> StudyResults:
    """Return a study in which ManyICL does what it promises; change `effects` for another end.

    A family has 4 held-out and 3 held-in tasks. The last held-out task of each has no pool above
    256, and one dedicated cell (first held-out task, pool 16, seed 2) is missing and listed as
    failed.
    """
    tasks = _tasks(families)
    held_out = [task for task in tasks if task.held_out]
    keys = [(BASE, NO_BUDGET), *((r, budget) for budget in budgets for r in regimes)]
    models, scores, retention, orders = [], [], [], []
    for regime, budget in keys:
        for seed in seeds:
            models.append(_model(regime, budget, seed, num_shots))
            retention += _retention(regime, budget, seed, families, losses)
            for task in tasks:
                for k in num_shots:
                    for selection in ("random", "similar"):
                        if selection == "random" or k in SIMILAR_SHOTS:
                            scores.append(
                                _score(regime, budget, seed, task, k, selection, effects, noise)
                            )
            for task in held_out:
                middle = _value(regime, task, ORDER_SHOTS, effects)
                for order in range(ORDERS):
                    change = _noise("order", regime, budget, seed, task.task, order)
                    orders.append(
                        OrderScore(
                            regime,
                            budget,
                            seed,
                            task.task,
                            ORDER_SHOTS,
                            order,
                            _share(middle + noise * change),
                        )
                    )
    failed_task = held_out[0].task
    dedicated = [
        _dedicated(task, pool, seed, dedicated_effect, noise)
        for task in tasks
        for pool in pools
        for seed in seeds
        if (task.task, pool, seed) != (failed_task, 16, 2)
        if pool <= 256 or not task.task.endswith("held_out_4")
    ]
    return StudyResults(
        name="synthetic",
        tasks=tuple(tasks),
        models=tuple(models),
        scores=tuple(scores),
        dedicated=tuple(dedicated),
        retention=tuple(retention),
        orders=tuple(orders),
        search=tuple(
            SearchPoint(regime, rate, value, _own(regime, num_shots), rate == RATES[1])
            for regime in regimes
            for rate, value in zip((0.0, *RATES), LOSS_BY_RATE, strict=True)
        ),
        failures=(
            Failure(f"dedicated/{failed_task}/pool16/seed2", "loss is not finite at step 12."),
        ),
        config={"study": {"seeds": list(seeds), "num_shots": list(num_shots)}},
        environment={"torch": "2.13.0", "device": "cpu", "threads": 2},
    )


def _tasks(families: Sequence[str]) -> list[TaskInfo]:
    found = []
    for family in families:
        metric = METRICS.get(family, "accuracy")
        generated = family in METRICS
        for held_out, count in ((True, HELD_OUT_TASKS), (False, HELD_IN_TASKS)):
            side = "held_out" if held_out else "held_in"
            for number in range(1, count + 1):
                found.append(
                    TaskInfo(
                        task=f"{family}/{side}_{number}",
                        family=family,
                        group=f"{family}_{side}_{number}",
                        held_out=held_out,
                        metric=metric,
                        kind="generation" if generated else "classification",
                        num_labels=0 if generated else 2 + number % 3,
                    )
                )
    return found


def _model(regime: str, budget: str, seed: int, num_shots: Sequence[int]) -> Model:
    losses = tuple((k, round(2.4 - 0.15 * math.log2(k + 1), 4)) for k in num_shots)
    if regime == BASE:
        return Model(regime, budget, seed, loss_by_shot=losses)
    targets_per_1000 = {"zero_shot": 12, "few_shot": 3, "many_shot_last": 1}.get(regime, 14)
    if budget == "tokens":
        tokens, answers = 2_000_000, 2000 * targets_per_1000
    else:
        tokens, answers = 10_000_000 // targets_per_1000, 10_000
    return Model(
        regime=regime,
        budget=budget,
        seed=seed,
        learning_rate=RATES[1],
        tokens=tokens,
        supervised_answers=answers,
        supervised_tokens=answers * 3,
        steps=tokens // 4000,
        seconds=round(tokens / 9000, 1),
        flops=6.0 * 10e6 * tokens,
        loss_by_shot=losses,
    )


def _score(
    regime: str,
    budget: str,
    seed: int,
    task: TaskInfo,
    k: int,
    selection: str,
    effects: Mapping[str, tuple[float, float]],
    noise: float,
) -> Score:
    value = _value(regime, task, k, effects) + (0.02 if selection == "similar" else 0.0)
    # The seed's draw of demonstrations is shared by all models, so pairing has something to take.
    value += noise * _noise("draw", seed, task.task, k)
    value += 0.5 * noise * _noise("score", regime, budget, seed, task.task, k, selection)
    closed = task.kind == "classification"
    return Score(
        regime=regime,
        budget=budget,
        seed=seed,
        task=task.task,
        num_shots=k,
        effective_shots=float(min(k, 40)) if task.family == "summarization" else float(k),
        score=_share(value),
        selection=selection,
        ece=_share(0.12 + 0.05 * _noise("ece", regime, seed, task.task, k)) if closed else None,
    )


def _value(
    regime: str, task: TaskInfo, k: int, effects: Mapping[str, tuple[float, float]]
) -> float:
    level, gain = effects[regime]
    known = 0.08 if regime != BASE and not task.held_out else 0.0
    return level + gain * math.log2(k + 1) + known + 0.1 * _noise("task", task.task)


def _dedicated(
    task: TaskInfo, pool: int, seed: int, effect: tuple[float, float], noise: float
) -> Dedicated:
    level, gain = effect
    value = level + gain * math.log2(pool + 1) + 0.1 * _noise("task", task.task)
    steps = 20 + pool // 4
    return Dedicated(
        task=task.task,
        pool_size=pool,
        seed=seed,
        score=_share(value + noise * _noise("dedicated", task.task, pool, seed)),
        learning_rate=RATES[1],
        steps=steps,
        tokens=steps * 600,
        search_tokens=steps * 1800,
        supervised_answers=steps * 8,
        seconds=round(steps * 0.3, 1),
        flops=6.0 * 10e6 * steps * 2400,
        ece=0.1 if task.kind == "classification" else None,
    )


def _retention(
    regime: str, budget: str, seed: int, families: Sequence[str], losses: Mapping[str, float]
) -> list[Retention]:
    found = []
    lost = 0.0 if regime == BASE else losses[regime]
    for measure, (value, higher) in MEASURES.items():
        change = (-0.3 if higher else 0.3) * lost * (1 + 0.1 * _noise(measure, regime, seed))
        after = value * (1 + (0.0 if regime == BASE else change))
        found.append(Retention(regime, budget, seed, measure, round(after, 6), higher))
    if regime != BASE and budget == "tokens":
        for family in families[:5]:
            after = 0.40 - 0.1 * lost + 0.01 * _noise("family", family, regime, seed)
            found.append(
                Retention(regime, budget, seed, f"family/{family}", round(after, 6), True, 0.38)
            )
    return found


def _own(regime: str, num_shots: Sequence[int]) -> int:
    own = REGIMES[regime].own_shots
    return max(num_shots) if own is None else max(k for k in num_shots if k <= own)


def _noise(*key: object) -> float:
    """A number in [-1, 1) that depends on the key alone."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**31 - 1


def _share(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 6)
