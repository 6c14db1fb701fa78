"""The settings of a study: those of a run, and a section of its own.

Values are checked in check_settings.py, together with tasks and model (`check_study`), so that all
problems of a recipe are said at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from manyicl.config import Config
from manyicl.study.records import BUDGETS
from manyicl.study.regimes import REGIMES
from manyicl.study.retention.measures import RetentionSettings


@dataclass
class SearchConfig:
    """The search of every regime's learning rate."""

    learning_rates: list[float] = field(default_factory=lambda: [3e-5, 1e-4, 3e-4, 1e-3, 3e-3])
    """Peak learning rates tried for every regime, each once, with the first seed."""
    tokens: int = 0
    """Training tokens of a trial; 0 takes study.tokens."""
    validation: list[str] = field(default_factory=list)
    """Held-in tasks that trials do not train on and are scored with, whole groups: names,
    wildcards, family:x, group:x. Empty: a seeded sixth of the groups of every family."""


@dataclass
class DedicatedConfig:
    """One model per task: which tasks, pools, rates and steps."""

    tasks: list[str] = field(default_factory=list)
    """Tasks with models of their own, in the notation of tasks.held_in. Empty: all that are
    evaluated. [none]: no dedicated models."""
    pool_sizes: list[int] = field(default_factory=lambda: [16, 64, 256, 1000])
    """Examples a model is trained on. Sizes that a task has not enough rows for are left out."""
    learning_rates: list[float] = field(default_factory=lambda: [3e-4, 1e-3, 3e-3])
    """Learning rates tried for every task and pool size."""
    steps: list[int] = field(default_factory=lambda: [8, 16, 32, 64, 128, 256])
    """Numbers of optimizer steps tried (checkpoints of one training per learning rate)."""
    answers_per_step: int = 8
    """Examples in one optimizer step."""
    validation: float = 0.25
    """Share of a pool that the search is scored on and not trained on; the final training takes
    the whole pool."""


@dataclass
class StudySection:
    """What a study compares, at which budgets and seeds."""

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
    keep_models: bool = True
    """Whether trained models stay in run_dir. false: each is removed once all cells that read it
    are done; at most one model a worker, and the checkpoints of those in training, are kept. One
    that a later setting asks for again is trained again."""
    threads: int = 0
    """Threads of a worker; 0 shares the cores among the workers."""


@dataclass
class StudyConfig(Config):
    """The configuration of a study: that of a run, and `study`."""

    study: StudySection = field(default_factory=StudySection)
