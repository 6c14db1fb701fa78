"""The settings of a study: those of a run, and a section of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from manyicl.config import Config
from manyicl.config.schema import EvaluationConfig, TrainingConfig
from manyicl.errors import ConfigError
from manyicl.study.regimes import REGIMES, regime_of
from manyicl.study.retention.measures import RetentionSettings

BUDGETS = ("tokens", "targets")
DECIDED = {  # by a regime; here with their values before it
    "episodes.shots": "fill",
    "episodes.selection": "random",
    "episodes.symbols": 0.0,
    "objective.supervise": "every_answer",
    "evaluation.selection": "random",
}


@dataclass
class SearchConfig:
    learning_rates: list[float] = field(default_factory=lambda: [1e-4, 3e-4, 1e-3])
    """Peak learning rates tried for every regime, each once, with the first seed."""
    tokens: int = 0
    """Training tokens of a trial; 0 takes study.tokens."""
    validation: list[str] = field(default_factory=list)
    """Held-in tasks that trials do not train on and are scored with, whole groups: names,
    wildcards, family:x, group:x. Empty: a seeded sixth of the groups of every family."""

    def __post_init__(self) -> None:
        _check_rates("study.search.learning_rates", self.learning_rates)
        _at_least(0, "study.search.tokens", self.tokens)


@dataclass
class DedicatedConfig:
    tasks: list[str] = field(default_factory=list)
    """Tasks with models of their own, in the notation of tasks.held_in. Empty: all that are
    evaluated. [none]: no dedicated models."""
    pool_sizes: list[int] = field(default_factory=lambda: [16, 64, 256, 1000])
    """Examples a model is trained on. Sizes that a task has not enough rows for are left out."""
    learning_rates: list[float] = field(default_factory=lambda: [3e-4, 1e-3])
    """Learning rates tried for every task and pool size."""
    steps: list[int] = field(default_factory=lambda: [8, 16, 32, 64, 128])
    """Numbers of optimizer steps tried (checkpoints of one training per learning rate)."""
    answers_per_step: int = 8
    """Examples in one optimizer step."""
    validation: float = 0.25
    """Share of a pool that the search is scored on and not trained on; the final training takes
    the whole pool."""

    def __post_init__(self) -> None:
        _check_rates("study.dedicated.learning_rates", self.learning_rates)
        for key in ("pool_sizes", "steps"):
            values = getattr(self, key)
            if not values or min(values) < 1:
                raise ConfigError(f"study.dedicated.{key}: is {values}; list numbers above 0.")
        if min(self.pool_sizes) < 4:
            raise ConfigError(
                f"study.dedicated.pool_sizes: is {self.pool_sizes}; a pool of fewer than 4 cannot "
                "be parted for a search."
            )
        _at_least(1, "study.dedicated.answers_per_step", self.answers_per_step)
        if not 0 < self.validation <= 0.5:
            raise ConfigError(
                f"study.dedicated.validation: is {self.validation}; it must be above 0, at most "
                "0.5."
            )


@dataclass
class StudySection:
    regimes: list[str] = field(default_factory=lambda: list(REGIMES))
    """The ways to fine-tune once on all held-in tasks: zero_shot, few_shot, many_shot_last,
    many_shot, many_shot_symbols, many_shot_mixed."""
    budgets: list[str] = field(default_factory=lambda: list(BUDGETS))
    """What regimes are made equal in: tokens (training tokens), targets (supervised answers)."""
    tokens: int = 400_000
    """Training tokens of every model with the budget `tokens`."""
    targets: int = 1_000
    """Supervised answers of every model with the budget `targets`."""
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    """Seeds: of the training's draw, and of the demonstrations in the evaluation."""
    search: SearchConfig = field(default_factory=SearchConfig)
    dedicated: DedicatedConfig = field(default_factory=DedicatedConfig)
    similar_shots: list[int] = field(default_factory=lambda: [8])
    """Numbers of shots that are also evaluated with the demonstrations most similar to the query,
    with the first seed. Empty: none."""
    orders: int = 4
    """Orders of the same demonstrations, for order sensitivity; below 2: not measured."""
    order_shots: int = 16
    """Demonstrations that are put in several orders."""
    left_out: list[str] = field(default_factory=list)
    """Families that are left out of training in turn, to be tested on alone. Empty: none."""
    left_out_regimes: list[str] = field(
        default_factory=lambda: ["zero_shot", "few_shot", "many_shot"]
    )
    """Regimes trained without those families, with the first seed and the budget `tokens`."""
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    workers: int = 1
    """Cells computed at once, each in a process of its own."""
    threads: int = 0
    """Threads of a worker; 0 shares the cores among the workers."""

    def __post_init__(self) -> None:
        for name in (*self.regimes, *self.left_out_regimes):
            regime_of(name)
        for name in self.budgets:
            if name not in BUDGETS:
                raise ConfigError(
                    f"study.budgets: names {name!r}; a budget is one of {', '.join(BUDGETS)}."
                )
        for key in ("regimes", "budgets", "seeds"):
            values = getattr(self, key)
            if not values:
                raise ConfigError(f"study.{key}: is empty. Name at least one.")
            if len(set(values)) < len(values):
                raise ConfigError(f"study.{key}: is {values}. Name each once.")
        for key, least in (("tokens", 1), ("targets", 1), ("orders", 0), ("order_shots", 2)):
            _at_least(least, f"study.{key}", getattr(self, key))
        _at_least(1, "study.workers", self.workers)
        _at_least(0, "study.threads", self.threads)
        if any(k < 1 for k in self.similar_shots):
            raise ConfigError(
                f"study.similar_shots: is {self.similar_shots}; list numbers above 0."
            )


@dataclass
class StudyConfig(Config):
    study: StudySection = field(default_factory=StudySection)

    def __post_init__(self) -> None:
        """What a regime or a cell sets itself cannot be set for all of them."""
        defaults = TrainingConfig()
        for key in ("steps", "epochs", "tokens", "answers", "learning_rate", "seed", "report_to"):
            value = getattr(self.training, key)
            if value != getattr(defaults, key):
                raise ConfigError(
                    f"training.{key}: is {value}, but a study sets it for every model itself "
                    "(study.tokens, study.targets, study.search.learning_rates, study.seeds). "
                    "Leave it out."
                )
        for key, value in DECIDED.items():
            section, _, name = key.partition(".")
            if getattr(getattr(self, section), name) != value:
                raise ConfigError(
                    f"{key}: is {getattr(getattr(self, section), name)!r}, but in a study the "
                    "regimes decide it (study.regimes). Leave it out."
                )
        if self.regime != "many_shot":
            raise ConfigError("regime: a study has several (study.regimes). Leave it out.")
        if self.evaluation.seeds not in (EvaluationConfig().seeds, self.study.seeds):
            raise ConfigError(
                f"evaluation.seeds: is {self.evaluation.seeds}, but a study evaluates with "
                "study.seeds. Leave it out."
            )


def _at_least(least: int, key: str, value: int) -> None:
    if value < least:
        raise ConfigError(f"{key}: is {value}; it must be at least {least}.")


def _check_rates(key: str, rates: list[float]) -> None:
    if not rates or not all(0 < rate < math.inf for rate in rates):
        raise ConfigError(f"{key}: is {rates}; list numbers above 0.")
