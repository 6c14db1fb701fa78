"""Everything that would stop a study later, found before anything runs and said all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from manyicl.errors import ConfigError, ManyICLError
from manyicl.models import (
    built_context_length,
    load_tokenizer,
    model_without_weights,
    stored_context_length,
)
from manyicl.study.check_settings import settings_problems
from manyicl.study.context import evaluated_tasks, validation_tasks
from manyicl.study.plan import NONE, without_family
from manyicl.study.retention.plain_text import load_texts
from manyicl.study.settings import StudyConfig
from manyicl.tasks import TaskCollection, load_tasks
from manyicl.training.base import check_base
from manyicl.training.freezing import freeze

T = TypeVar("T")


class _Problems:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def of(self, call: Callable[[], T]) -> T | None:
        """Return what `call` returns; an error of the user's is noted, and None returned."""
        try:
            return call()
        except ManyICLError as error:
            self.texts.append(str(error))
            return None


def check_study(config: StudyConfig) -> None:
    """Raise one `ConfigError` that names every problem found; nothing is computed or written."""
    problems = _Problems()
    problems.texts += settings_problems(config)
    problems.of(lambda: load_texts(config.study.retention.text))
    sides = _sides(config, problems)
    if sides is not None:
        _check_tasks(config, *sides, problems)
    _check_model(config, problems)
    if problems.texts:
        raise ConfigError("\n".join(dict.fromkeys(problems.texts)))


# --- tasks ---------------------------------------------------------------------------------------


def _sides(
    config: StudyConfig, problems: _Problems
) -> tuple[TaskCollection, TaskCollection] | None:
    """Return held-in and held-out tasks as far as they can be told; what is wrong is noted."""
    tasks = problems.of(lambda: load_tasks(config.tasks.path))
    if tasks is None:
        return None
    named_in, named_out = (
        _known(tasks, getattr(config.tasks, key), f"tasks.{key}", problems)
        for key in ("held_in", "held_out")
    )
    if config.tasks.held_in and not named_in:
        return None
    out = tasks.matching(named_out) if named_out else TaskCollection(())
    chosen = tasks.matching(named_in) if named_in else _without(tasks, out)
    for group in sorted({task.group for task in chosen} & {task.group for task in out}):
        members = TaskCollection(tuple(task for task in tasks if task.group == group))
        inside, outside = ([t.name for t in members if t in side.tasks] for side in (chosen, out))
        problems.of(lambda m=members, i=inside, o=outside: m.split_held_out(i, o))
    held_in = _without(chosen, out)
    if not len(held_in):
        problems.of(lambda: tasks.split_held_out(named_in, named_out))
        return None
    return held_in, out


def _known(
    tasks: TaskCollection,
    patterns: Sequence[str],
    key: str,
    problems: _Problems,
    besides: TaskCollection | None = None,
) -> list[str]:
    """Return the patterns that match something, if only `besides`; the others are noted."""
    others = besides.tasks if besides else ()

    def found(pattern: str) -> bool:
        match = problems.of(lambda: tasks.matching([pattern], key, besides=others))
        return match is not None

    return [pattern for pattern in patterns if found(pattern)]


def _without(tasks: TaskCollection, others: TaskCollection) -> TaskCollection:
    return TaskCollection(tuple(task for task in tasks if task not in others.tasks))


def _check_tasks(
    config: StudyConfig, held_in: TaskCollection, held_out: TaskCollection, problems: _Problems
) -> None:
    if not len(held_out) and not config.tasks.held_out:
        problems.texts.append(
            "tasks.held_out: is empty, but a study is about tasks that were never trained on. "
            "Hold some out, e.g. tasks.held_out=[builtin:held_out]."
        )
    _known(held_in, config.study.search.validation, "study.search.validation", problems)
    _known(held_in, config.evaluation.held_in, "evaluation.held_in", problems, held_out)
    validation = problems.of(lambda: validation_tasks(config, held_in))
    if validation is not None:
        _check_validation(held_in, validation, problems)
    evaluated = problems.of(lambda: evaluated_tasks(config, held_in, held_out))
    if evaluated is None:
        return
    tasks = TaskCollection(tuple(task for task, _ in evaluated))
    _check_left_out(config, held_in, held_out, tasks, problems)
    _check_pools(config, tasks, problems)
    for task in held_in:
        problems.of(lambda task=task: task.train)
    _check_dedicated(config, tasks, problems)


def _check_validation(
    held_in: TaskCollection, validation: TaskCollection, problems: _Problems
) -> None:
    if not len(validation):
        problems.texts.append(
            "study.search: every family of the held-in tasks has one group, so none can be set "
            "aside to choose learning rates. Name some in study.search.validation, or add tasks."
        )
    kept = _without(held_in, validation)
    if not len(kept):
        problems.texts.append(
            "study.search.validation: names all held-in tasks, so the search has none to train on. "
            "Name fewer."
        )
    groups = {task.group: task.name for task in validation}
    for task in kept:
        if task.group in groups:
            problems.texts.append(
                f"study.search.validation: holds '{groups[task.group]}' but not '{task.name}' of "
                f"the same group '{task.group}'. Name the whole group: group:{task.group}."
            )


def _check_left_out(
    config: StudyConfig,
    held_in: TaskCollection,
    held_out: TaskCollection,
    evaluated: TaskCollection,
    problems: _Problems,
) -> None:
    families = {task.family for task in held_in} | {task.family for task in held_out}
    for name in config.study.left_out:
        if name not in families:
            problems.texts.append(
                f"study.left_out: names {name!r}, which is no family of the tasks. Known: "
                f"{', '.join(sorted(families))}."
            )
        elif not without_family(held_in, name):
            problems.texts.append(
                f"study.left_out: without {name!r} no task would be left to train on. Leave it "
                "out of the list, or add tasks of other families."
            )
        elif all(task.family != name for task in evaluated):
            problems.texts.append(
                f"study.left_out: names {name!r}, but no task of that family is evaluated. Hold "
                "one out, or name one in evaluation.held_in."
            )


def _check_pools(config: StudyConfig, evaluated: TaskCollection, problems: _Problems) -> None:
    most = max(config.evaluation.num_shots)
    for task in evaluated:
        rows = problems.of(lambda task=task: len(task.train))
        problems.of(lambda task=task: task.test)
        if rows is not None and rows < most:
            problems.texts.append(
                f"evaluation.num_shots: asks for {most} shots, but task '{task.name}' has a pool "
                f"of {rows} train rows. Lower it, or leave the task out."
            )


def _check_dedicated(config: StudyConfig, evaluated: TaskCollection, problems: _Problems) -> None:
    asked = config.study.dedicated
    if asked.tasks == NONE or not asked.pool_sizes:
        return
    named = _known(evaluated, asked.tasks, "study.dedicated.tasks", problems)
    tasks = evaluated.matching(named) if named else evaluated
    rows = [problems.of(lambda task=task: len(task.train)) or 0 for task in tasks]
    if max(rows, default=0) < min(asked.pool_sizes) and (named or not asked.tasks):
        problems.texts.append(
            f"study.dedicated.pool_sizes: is {asked.pool_sizes}, but no task has more than "
            f"{max(rows, default=0)} train rows. Name smaller ones, or study.dedicated.tasks=[none]"
            "."
        )


# --- the model -----------------------------------------------------------------------------------


def _check_model(config: StudyConfig, problems: _Problems) -> None:
    model, limit = config.model, None
    problems.of(lambda: check_base(config))
    if model.config:
        limit = problems.of(lambda: built_context_length(model))
    elif model.path:
        trust = model.trust_remote_code
        problems.of(lambda: load_tokenizer(model.path, trust_remote_code=trust, key="model.path"))
        limit = problems.of(lambda: stored_context_length(model.path, trust_remote_code=trust))
        if config.training.freeze and limit is not None:
            problems.of(
                lambda: freeze(model_without_weights(model.path, model), config.training.freeze)
            )
        if model.tokenizer not in ("", "train"):
            problems.texts.append(
                f"model.tokenizer: is {model.tokenizer!r}, but a study uses the tokenizer of "
                "model.path. Leave it out."
            )
    if limit is not None and config.episodes.max_tokens > limit:
        problems.texts.append(
            f"episodes.max_tokens: is {config.episodes.max_tokens}, but the model takes at most "
            f"{limit} tokens. Lower it, or choose a model with a longer context."
        )
