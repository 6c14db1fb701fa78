"""Values of a study's settings that cannot be, or not together: every one of them at once.

The other sections of a recipe are checked as they are built, one error after the other. A study is
long and its recipe too, so its own section is checked as a whole, with tasks and model (check.py).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from manyicl.config.regimes import REGIMES as PRESETS
from manyicl.config.schema import Config, EvaluationConfig
from manyicl.errors import ConfigError
from manyicl.study.regimes import regime_of
from manyicl.study.settings import BUDGETS, DedicatedConfig, StudyConfig, StudySection

LENGTH, RATE = "study.tokens and study.targets", "study.search.learning_rates"
DECIDED = {  # what a study sets for every model itself, and by which of its own settings
    "training.steps": LENGTH,
    "training.epochs": LENGTH,
    "training.tokens": LENGTH,
    "training.answers": LENGTH,
    "training.learning_rate": RATE,
    "training.seed": "study.seeds",
    "episodes.seed": "study.seeds",
    "episodes.shots": "study.regimes",
    "episodes.selection": "study.regimes",
    "episodes.similar_share": "study.regimes",
    "episodes.symbols": "study.regimes",
    "objective.supervise": "study.regimes",
    "evaluation.selection": "study.similar_shots",
}


def settings_problems(config: StudyConfig) -> list[str]:
    """Return what is wrong with the values alone; neither tasks nor model are looked at."""
    return [
        *_decided(config),
        *_section(config.study),
        *_rates(RATE, config.study.search.learning_rates),
        *_too_small("study.search.tokens", config.study.search.tokens, 0),
        *_dedicated(config.study.dedicated),
        *_shots(config),
    ]


def _decided(config: StudyConfig) -> Iterator[str]:
    """What a regime or a cell sets itself cannot be set for all of them."""
    if config.regime != Config.regime:
        yield (
            f"regime: is {config.regime!r}, but a study has several (study.regimes). Leave it out."
        )
    defaults = Config()
    for key, source in DECIDED.items():
        section, _, name = key.partition(".")
        value = getattr(getattr(config, section), name)
        preset: dict[str, Any] = PRESETS[config.regime].get(section, {})
        if value != preset.get(name, getattr(getattr(defaults, section), name)):
            yield f"{key}: is {value!r}, but in a study {source} decides it. Leave it out."
    if config.training.report_to:
        yield (
            f"training.report_to: is {config.training.report_to}, but a study has a report of its "
            "own and no tracker. Leave it out."
        )
    if config.evaluation.seeds not in (EvaluationConfig().seeds, config.study.seeds):
        yield (
            f"evaluation.seeds: is {config.evaluation.seeds}, but a study evaluates with "
            "study.seeds. Leave it out."
        )


def _section(study: StudySection) -> Iterator[str]:
    for key in ("regimes", "left_out_regimes"):
        for name in getattr(study, key):
            try:
                regime_of(name, f"study.{key}")
            except ConfigError as error:
                yield str(error)
    for name in study.budgets:
        if name not in BUDGETS:
            yield f"study.budgets: names {name!r}; a budget is one of {', '.join(BUDGETS)}."
    for key in ("regimes", "budgets", "seeds"):
        if not getattr(study, key):
            yield f"study.{key}: is empty. Name at least one."
    for key in ("regimes", "budgets", "seeds", "left_out", "left_out_regimes"):
        yield from _twice(f"study.{key}", getattr(study, key))
    if study.left_out and not study.left_out_regimes:
        yield (
            "study.left_out_regimes: is empty, so nothing would be trained without "
            f"{', '.join(study.left_out)}. Name regimes, or leave study.left_out empty."
        )
    for seed in study.seeds:
        yield from _too_small("study.seeds", seed, 0)
    least = {"tokens": 1, "targets": 1, "orders": 0, "order_shots": 2, "workers": 1, "threads": 0}
    for key, value in least.items():
        yield from _too_small(f"study.{key}", getattr(study, key), value)
    if any(k < 1 for k in study.similar_shots):
        yield f"study.similar_shots: is {study.similar_shots}; list numbers above 0."


def _dedicated(dedicated: DedicatedConfig) -> Iterator[str]:
    place = "study.dedicated"
    yield from _rates(f"{place}.learning_rates", dedicated.learning_rates)
    if not dedicated.steps or min(dedicated.steps) < 1:
        yield f"{place}.steps: is {dedicated.steps}; list numbers above 0."
    if not dedicated.pool_sizes or min(dedicated.pool_sizes) < 4:
        yield (
            f"{place}.pool_sizes: is {dedicated.pool_sizes}; list numbers of at least 4, as a "
            "smaller pool cannot be parted for a search."
        )
    yield from _twice(f"{place}.pool_sizes", dedicated.pool_sizes)
    yield from _too_small(f"{place}.answers_per_step", dedicated.answers_per_step, 1)
    if not 0 < dedicated.validation <= 0.5:
        yield (
            f"{place}.validation: is {dedicated.validation}; it must be above 0 and at most 0.5."
        )


def _shots(config: StudyConfig) -> Iterator[str]:
    study, sweep = config.study, config.evaluation.num_shots
    if 0 not in sweep:
        yield (
            f"evaluation.num_shots: is {sweep}; a study needs 0 among them, which zero-shot "
            "fine-tuning is meant for."
        )
    asked = {"study.similar_shots": max(study.similar_shots, default=0)}
    if study.orders > 1:
        asked["study.order_shots"] = study.order_shots
    for key, shots in asked.items():
        if shots > max(sweep):
            yield (
                f"{key}: asks for {shots} shots, more than the largest of evaluation.num_shots, "
                f"{max(sweep)}. Lower it, or raise that."
            )


def _rates(key: str, rates: list[float]) -> Iterator[str]:
    if not rates or not all(0 < rate < math.inf for rate in rates):
        yield f"{key}: is {rates}; list numbers above 0."
    yield from _twice(key, [f"{rate:g}" for rate in rates])  # as cells are named by it


def _twice(key: str, values: Sequence[Any]) -> Iterator[str]:
    twice = [str(value) for value, count in Counter(values).items() if count > 1]
    if twice:
        yield f"{key}: names {', '.join(twice)} more than once. Name each once."


def _too_small(key: str, value: int, least: int) -> Iterator[str]:
    if value < least:
        yield f"{key}: is {value}; it must be at least {least}."
