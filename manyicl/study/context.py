"""What every cell of a study shares: its tasks, its base model, and the settings of its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from manyicl.config import Config
from manyicl.config.regimes import REGIMES as PRESETS
from manyicl.evaluation.kshot import engine_limits
from manyicl.inference import Engine
from manyicl.models import load_tokenizer
from manyicl.study.regimes import REGIMES
from manyicl.study.retention.plain_text import PlainText, load_texts
from manyicl.study.settings import StudyConfig
from manyicl.tasks import Task, TaskCollection, load_tasks
from manyicl.tasks.task import Split

VALIDATION_SHARE = 1 / 6  # of the groups of a family, at least one


@dataclass(frozen=True)
class Study:
    """A study's settings with what follows from them. `base` is the path or id of its model."""

    config: StudyConfig
    base: str
    base_identity: str

    @property
    def run_dir(self) -> Path:
        return Path(self.config.run_dir)

    @cached_property
    def sides(self) -> tuple[TaskCollection, TaskCollection]:
        """Held-in and held-out tasks."""
        return split_tasks(self.config)

    @cached_property
    def evaluated(self) -> list[tuple[Task, bool]]:
        """(task, whether it is held out), held-out ones first."""
        return evaluated_tasks(self.config, *self.sides)

    @cached_property
    def validation(self) -> TaskCollection:
        """Held-in tasks that learning rates are chosen with."""
        return validation_tasks(self.config, self.sides[0])

    @cached_property
    def text(self) -> PlainText:
        """Text that no task comes from."""
        return load_texts(self.config.study.retention.text)

    @cached_property
    def tokenizer(self) -> Any:
        return load_tokenizer(self.base, trust_remote_code=self.config.model.trust_remote_code)

    def task(self, name: str) -> Task:
        for side in self.sides:
            for task in side:
                if task.name == name:
                    return task
        raise KeyError(name)

    def fingerprints(self, tasks: Sequence[Task], *splits: Split) -> dict[str, list[str]]:
        """Return hashes of the tasks' splits by name; each is computed once."""
        known = self._fingerprints
        for task in tasks:
            for split in splits:
                if (task.name, split) not in known:
                    known[task.name, split] = task.fingerprint(split)
        return {task.name: [known[task.name, split] for split in splits] for task in tasks}

    @cached_property
    def _fingerprints(self) -> dict[tuple[str, Split], str]:
        return {}

    def engine(self, folder: str | None = None) -> Engine:
        """Return the engine of a trained model's folder, or of the base."""
        limits, model = engine_limits(self.config.evaluation), self.config.model
        if folder is None:
            return Engine.load(self.base, model, self.config.template, **limits)
        return Engine.load(folder, model, **limits)

    def run_config(
        self,
        regime: str,
        *,
        seed: int,
        held_in: Sequence[str],
        learning_rate: float = 0.0,
        tokens: int = 0,
        answers: int = 0,
        run_dir: str = "",
    ) -> Config:
        """Return the configuration of one training run of the study."""
        chosen = REGIMES[regime]
        shared: Changes = {
            "model": {"path": self.base, "config": {}, "tokenizer": ""},
            # Only these tasks are opened; what is held out stays out of reach.
            "tasks": {"held_in": list(held_in), "held_out": []},
            "training": {
                "seed": seed,
                "tokens": tokens,
                "answers": answers,
                "learning_rate": learning_rate or self.config.training.learning_rate,
                "keep_checkpoints": 1,
            },
            "episodes": {"seed": seed},
        }
        found = _changed(self.config, shared, PRESETS[chosen.preset], chosen.settings)
        return replace(found, regime=chosen.preset, run_dir=run_dir or "unset")

    def evaluation_config(
        self, seed: int, num_shots: Sequence[int], selection: str = "random"
    ) -> Config:
        """Return the configuration of an evaluation with one seed."""
        asked = {"seeds": [seed], "num_shots": list(num_shots), "selection": selection}
        return _changed(self.config, {"evaluation": asked | {"samples": True}})


Changes = Mapping[str, Mapping[str, Any]]
"""New values by section and key."""


def _changed(config: StudyConfig, *changes: Changes) -> Config:
    """Return a study's settings without its own section, changed; later changes go over earlier."""
    found = Config(**{part.name: deepcopy(getattr(config, part.name)) for part in fields(Config)})
    for sections in changes:
        new = {name: replace(getattr(found, name), **keys) for name, keys in sections.items()}
        found = replace(found, **new)
    return found


def split_tasks(config: Config) -> tuple[TaskCollection, TaskCollection]:
    return load_tasks(config.tasks.path).split_held_out(config.tasks.held_in, config.tasks.held_out)


def evaluated_tasks(
    config: StudyConfig, held_in: TaskCollection, held_out: TaskCollection
) -> list[tuple[Task, bool]]:
    """Return the held-out tasks and the held-in ones of `evaluation.held_in` (empty: all)."""
    patterns = config.evaluation.held_in or ["*"]
    chosen = held_in.matching(patterns, "evaluation.held_in", besides=held_out.tasks)
    return [(task, True) for task in held_out] + [(task, False) for task in chosen]


def validation_tasks(config: StudyConfig, held_in: TaskCollection) -> TaskCollection:
    """Return the tasks set aside in the search: those named, or a seeded part of every family."""
    if config.study.search.validation:
        return held_in.matching(config.study.search.validation, "study.search.validation")
    chosen: list[Task] = []
    for number, family in enumerate(sorted({task.family for task in held_in})):
        groups = sorted({task.group for task in held_in if task.family == family})
        if len(groups) < 2:
            continue
        rng = np.random.default_rng([0x5EA2C, number])
        wanted = max(1, round(VALIDATION_SHARE * len(groups)))
        names = {groups[at] for at in rng.permutation(len(groups))[:wanted]}
        # Whole groups: some hold tasks of several families.
        chosen += [task for task in held_in if task.group in names and task not in chosen]
    return TaskCollection(tuple(chosen))
