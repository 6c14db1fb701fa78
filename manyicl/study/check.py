"""Everything that would stop a study later, found before anything runs and said all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from manyicl.errors import ConfigError, ManyICLError
from manyicl.models import load_tokenizer, stored_context_length
from manyicl.study.context import evaluated_tasks, split_tasks, validation_tasks
from manyicl.study.plan import NONE
from manyicl.study.retention.plain_text import load_texts
from manyicl.study.settings import StudyConfig
from manyicl.tasks import TaskCollection
from manyicl.training.arguments import check_trackers

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
    problems.of(lambda: check_trackers(config.training.report_to))
    problems.of(lambda: load_texts(config.study.retention.text))
    sides = problems.of(lambda: split_tasks(config))
    if sides is not None:
        _check_tasks(config, *sides, problems)
    _check_model(config, problems)
    for k in (config.study.order_shots, *config.study.similar_shots):
        if k > max(config.evaluation.num_shots):
            problems.texts.append(
                f"study: {k} shots are asked for in order_shots or similar_shots, more than the "
                f"largest of evaluation.num_shots, {max(config.evaluation.num_shots)}."
            )
    if 0 not in config.evaluation.num_shots:
        problems.texts.append(
            f"evaluation.num_shots: is {config.evaluation.num_shots}; a study needs 0 among them, "
            "which zero-shot fine-tuning is meant for."
        )
    if problems.texts:
        raise ConfigError("\n".join(dict.fromkeys(problems.texts)))


def _check_tasks(
    config: StudyConfig, held_in: TaskCollection, held_out: TaskCollection, problems: _Problems
) -> None:
    section = config.study
    if not len(held_out):
        problems.texts.append(
            "tasks.held_out: is empty, but a study is about tasks that were never trained on. "
            "Hold some out, e.g. tasks.held_out=[builtin:held_out]."
        )
    validation = problems.of(lambda: validation_tasks(config, held_in))
    if validation is not None:
        _check_validation(held_in, validation, problems)
    families = {task.family for task in held_in} | {task.family for task in held_out}
    for name in section.left_out:
        if name not in families:
            problems.texts.append(
                f"study.left_out: names {name!r}, which is no family of the tasks. Known: "
                f"{', '.join(sorted(families))}."
            )
        elif all(task.family == name for task in held_in):
            problems.texts.append(
                f"study.left_out: without {name!r} no task would be left to train on."
            )
    evaluated = problems.of(lambda: evaluated_tasks(config, held_in, held_out))
    if evaluated is None:
        return
    tasks = TaskCollection(tuple(task for task, _ in evaluated))
    if section.dedicated.tasks not in ([], NONE):
        problems.of(lambda: tasks.matching(section.dedicated.tasks, "study.dedicated.tasks"))
    most = max(config.evaluation.num_shots)
    for task in tasks:
        rows = problems.of(lambda task=task: len(task.train))
        problems.of(lambda task=task: task.test)
        if rows is not None and rows < most:
            problems.texts.append(
                f"evaluation.num_shots: asks for {most} shots, but task '{task.name}' has a pool "
                f"of {rows} train rows. Lower it, or leave the task out."
            )
    for task in held_in:
        problems.of(lambda task=task: task.train)


def _check_validation(
    held_in: TaskCollection, validation: TaskCollection, problems: _Problems
) -> None:
    if not len(validation):
        problems.texts.append(
            "study.search: every family of the held-in tasks has one group, so none can be set "
            "aside to choose learning rates. Name some in study.search.validation, or add tasks."
        )
    kept = [task for task in held_in if task not in validation.tasks]
    if not kept:
        problems.texts.append(
            "study.search.validation: names all held-in tasks, so the search has none to train on."
        )
    groups = {task.group: task.name for task in validation}
    for task in kept:
        if task.group in groups:
            problems.texts.append(
                f"study.search.validation: holds '{groups[task.group]}' but not '{task.name}' of "
                f"the same group '{task.group}'. Name the whole group: group:{task.group}."
            )


def _check_model(config: StudyConfig, problems: _Problems) -> None:
    model = config.model
    if model.config:
        limit = model.config.get("max_position_embeddings")
    else:
        path, trust = model.path, model.trust_remote_code
        problems.of(lambda: load_tokenizer(path, trust_remote_code=trust, key="model.path"))
        limit = problems.of(lambda: stored_context_length(path, trust_remote_code=trust))
    if isinstance(limit, int) and config.episodes.max_tokens > limit:
        problems.texts.append(
            f"episodes.max_tokens: is {config.episodes.max_tokens}, but the model takes at most "
            f"{limit} tokens. Lower it, or choose a model with a longer context."
        )
