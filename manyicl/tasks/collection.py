"""Collections: finding task folders, naming tasks by patterns, and the held-in / held-out split.

Tasks of one group share source text, so a group never stands on both sides of the split.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from manyicl.errors import TaskError, did_you_mean, listing
from manyicl.tasks.folder import read_task
from manyicl.tasks.task import Task

BUILTIN = "builtin"  # the word that stands for the generated tasks wherever a folder may be named


@dataclass(frozen=True)
class TaskCollection:
    """Tasks by name, in a fixed order (by family, then name)."""

    tasks: tuple[Task, ...]

    def __post_init__(self) -> None:
        seen: dict[str, Task] = {}
        for task in self.tasks:
            if task.name in seen:
                raise TaskError(
                    f"task '{task.name}' is named twice: {seen[task.name].folder or BUILTIN} and "
                    f"{task.folder or BUILTIN}. Change 'name' in one task.json."
                )
            seen[task.name] = task

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, name: str) -> Task:
        for task in self.tasks:
            if task.name == name:
                return task
        names = [task.name for task in self.tasks]
        raise TaskError(
            f"no task is named '{name}'.{did_you_mean(name, names)} Known: {listing(names)}."
        )

    def matching(
        self, patterns: Sequence[str], key: str = "tasks", *, besides: Sequence[Task] = ()
    ) -> TaskCollection:
        """Keep the tasks that match any pattern: a name with wildcards, `family:x`, `group:x`, or
        a side of the fixed split of the generated tasks, `builtin:held_in` or `builtin:held_out`.

        A pattern that matches nothing, not even one of the tasks `besides`, is an error; `key` is
        the config key the message names.
        """
        from manyicl.tasks.builtin.split import SIDES, is_builtin

        sides = [f"{BUILTIN}:{side}" for side in SIDES]
        kept: list[Task] = []
        for pattern in patterns:
            found = [task for task in self.tasks if _matches(task, pattern)]
            if not found and not any(_matches(task, pattern) for task in besides):
                names = [task.name for task in self.tasks]
                hint = ""
                if pattern.startswith(f"{BUILTIN}:") and not any(map(is_builtin, self.tasks)):
                    hint = f" There are no built-in tasks here: '{BUILTIN}' is none of the paths."
                if key in ("tasks.held_in", "tasks.held_out"):
                    hint += f" If it comes from the recipe, override it: {key}=[...] (or =[] for "
                    hint += "none)." if key == "tasks.held_out" else "all)."
                raise TaskError(
                    f"{key}: '{pattern}' matches no task.{did_you_mean(pattern, names + sides)} "
                    "Use a name (wildcards allowed), family:NAME or group:NAME; "
                    f"{' and '.join(sides)} are the sides of the built-in tasks. "
                    f"Known: {listing(names)}."
                    f"{hint}"
                )
            kept += [task for task in found if task not in kept]
        return TaskCollection(tuple(task for task in self.tasks if task in kept))

    def split_held_out(
        self, held_in: Sequence[str], held_out: Sequence[str]
    ) -> tuple[TaskCollection, TaskCollection]:
        """Return (held-in, held-out) by patterns; no row of any task is opened.

        Empty `held_in` means every task that is not held out. Raises `TaskError` if a task or a
        group stands on both sides.
        """
        out = self.matching(held_out, "tasks.held_out") if held_out else TaskCollection(())
        chosen = self.matching(held_in, "tasks.held_in") if held_in else self
        if held_in:
            both = [task.name for task in chosen if task in out.tasks]
            if both:
                raise TaskError(f"tasks.held_in and tasks.held_out both name {listing(both)}.")
        kept = TaskCollection(tuple(task for task in chosen if task not in out.tasks))
        group_of = {task.group: task.name for task in out}
        for task in kept:
            if task.group in group_of:
                raise TaskError(
                    f"group '{task.group}' stands on both sides: '{task.name}' is held in and "
                    f"'{group_of[task.group]}' is held out. Tasks of one group share source text; "
                    f"hold out 'group:{task.group}' as a whole."
                )
        if not kept.tasks:
            raise TaskError("no task is held in: tasks.held_out covers all of them.")
        return kept, out


def load_tasks(paths: Sequence[str | Path]) -> TaskCollection:
    """Read every task folder below the given folders; the word `builtin` adds the generated tasks.

    Only task.json files are read here; rows are read when a task's `train` or `test` is asked for.
    """
    tasks: list[Task] = []
    for path in paths:
        if str(path) == BUILTIN:
            from manyicl.tasks.builtin import builtin_tasks

            tasks += builtin_tasks()
            continue
        folder = Path(path).expanduser()
        if not folder.is_dir():
            raise TaskError(
                f"{folder}: no such folder. Name a task folder, a folder of task folders, "
                f"or '{BUILTIN}'."
            )
        files = sorted(folder.rglob("task.json"))
        if not files:
            raise TaskError(
                f"{folder}: holds no task (no task.json in it or below it). "
                "'manyicl tasks import' writes one from your data."
            )
        tasks += [read_task(file.parent) for file in files]
    return TaskCollection(tuple(sorted(tasks, key=lambda task: (task.family, task.name))))


def _matches(task: Task, pattern: str) -> bool:
    kind, colon, value = pattern.partition(":")
    if colon and kind == "family":
        return fnmatchcase(task.family, value)
    if colon and kind == "group":
        return fnmatchcase(task.group, value)
    if colon and kind == BUILTIN:
        from manyicl.tasks.builtin.split import side_of

        return side_of(task) == value
    return fnmatchcase(task.name, pattern)
