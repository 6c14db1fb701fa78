"""The task to be answered: a task folder, a generated task, or a file of solved examples.

A file of demonstrations becomes a task in memory; writing a task folder is sources.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from manyicl.errors import TaskError, did_you_mean, listing
from manyicl.tasks.collection import BUILTIN, load_tasks
from manyicl.tasks.folder import read_task
from manyicl.tasks.guess import guess_columns, guess_family, guess_kind, guess_metric
from manyicl.tasks.mapping import ColumnMapping, RowMapper
from manyicl.tasks.queries import named_columns
from manyicl.tasks.tables import MAX_PROBLEMS, Reading, Table, read_table
from manyicl.tasks.task import Example, Kind, Task

SHOWN_ROWS = 5


@dataclass(frozen=True)
class FileTask:
    """A task made of a file, the column or template of its inputs, and what was guessed."""

    task: Task
    input: str
    notes: list[str]


def find_task(name: str, key: str = "--task") -> Task:
    """Return the task a word names: a task folder, a folder of one, or a generated task.

    `key` is the option the message names. Raises `TaskError` if there is none or more than one.
    """
    folder = Path(name).expanduser()
    if (folder / "task.json").is_file():
        return read_task(folder)
    if folder.is_dir():
        found = load_tasks([folder])
        if len(found) > 1:
            names = listing([task.name for task in found])
            raise TaskError(f"{folder}: holds {len(found)} tasks ({names}). Name one's folder.")
        return found.tasks[0]
    if folder.parent.is_dir() and folder.parent.name:
        near = sorted(str(file.parent) for file in folder.parent.glob("*/task.json"))
        if near:
            raise TaskError(
                f"{key}: {name!r} is no task folder.{did_you_mean(str(folder), near)} There: "
                f"{listing(near)}."
            )
    tasks = load_tasks([BUILTIN])
    names = [task.name for task in tasks]
    if name not in names:
        raise TaskError(
            f"{key}: {name!r} is neither a task folder nor a built-in task."
            f"{did_you_mean(name, names)} 'manyicl tasks list' shows the built-in ones; "
            "'manyicl tasks import' writes a folder from your data."
        )
    return tasks[name]


def task_from_file(
    path: str | Path,
    *,
    input: str = "",
    target: str = "",
    labels: Sequence[str] = (),
    instruction: str = "",
    encoding: str = "",
) -> FileTask:
    """Return the task whose pool is a file of solved examples (types as in tables.py).

    Columns that are not named are guessed. With `labels`, answers are chosen among them; without,
    a small closed set of short targets makes labels, and anything else is answered in words.
    Raises `TaskError` naming every faulty row (at most 20).
    """
    _check_labels(labels)
    table = read_table(path, Reading(encoding=encoding, wanted=named_columns(input, target)))
    mapping, guesses = guess_columns(table, ColumnMapping(input, target))
    if mapping.options and _lists_options(table, mapping):
        mapping = replace(mapping, list_options=False)
    mapper = RowMapper(mapping, table.columns, table.name, table.class_names)
    examples = _examples(table, mapper, labels)
    notes = [f"{table.name}: {note}" for note in (*table.notes, *guesses)]
    kind, found, why = _kind(examples, mapper, labels)
    if why:
        said = f"answers are one of {listing([repr(label) for label in found])}"
        if not found:
            said = "answers have options" if kind == "multiple_choice" else "answers are written"
        notes.append(f"{table.name}: {said} ({why}); --labels a,b,c would say otherwise")
    metric, _ = guess_metric(kind, examples)
    task = Task(
        name=Path(path).stem,
        family=guess_family(kind, metric)[0],
        kind=kind,
        metric=metric,
        group=Path(path).stem,
        load=lambda split: examples if split == "train" else [],
        instruction=instruction,
        labels=found,
    )
    return FileTask(task, mapping.input, notes)


def _check_labels(labels: Sequence[str]) -> None:
    if labels and (len(labels) < 2 or len(set(labels)) < len(labels) or not all(labels)):
        raise TaskError(
            f"--labels: is {','.join(labels)!r}; list two or more different labels: --labels a,b,c"
        )


def _examples(table: Table, mapper: RowMapper, labels: Sequence[str]) -> list[Example]:
    examples: list[Example] = []
    problems: list[str] = []
    unlisted: dict[str, list[int]] = {}
    for index in range(len(table)):
        try:
            example = mapper.example(table.row(index), table.number(index))
            if labels and example.target not in labels:
                unlisted.setdefault(example.target, []).append(table.number(index))
            examples.append(example)
        except TaskError as error:
            problems.append(f"{table.place(index)}: {error}")
            if len(problems) == MAX_PROBLEMS:
                problems.append(f"(stopped after {MAX_PROBLEMS} faulty rows)")
                break
    if unlisted:
        problems.append(f"{table.name}: {_not_listed(unlisted, examples, labels)}")
    if problems:
        raise TaskError("\n".join(problems))
    return examples


def _not_listed(
    unlisted: dict[str, list[int]], examples: list[Example], labels: Sequence[str]
) -> str:
    """Say once which answers are no label, and which labels are no answer."""
    found = [
        f"{target!r} (row{'s' * (len(rows) > 1)} {listing(list(map(str, rows)), SHOWN_ROWS)})"
        for target, rows in unlisted.items()
    ]
    said = f"answers that are not one of --labels: {listing(found)}."
    present = {example.target for example in examples}
    absent = [repr(label) for label in labels if label not in present]
    if absent:
        said += f" {listing(absent)} of --labels occurs nowhere."
    return said + f" --labels are {listing(list(labels))}; name every answer as the file has it."


def _kind(
    examples: Sequence[Example], mapper: RowMapper, labels: Sequence[str]
) -> tuple[Kind, tuple[str, ...], str]:
    """Return kind, labels, and why, where it was guessed."""
    declared = tuple(dict.fromkeys(mapper.labels.values()))
    if labels or declared:
        return "classification", tuple(labels) or declared, ""
    kind, why = guess_kind(examples)
    found = sorted({example.target for example in examples}) if kind == "classification" else ()
    return kind, tuple(found), why


def _lists_options(table: Table, mapping: ColumnMapping) -> bool:
    """Tell whether the inputs hold their options already, as the rows of a task folder do."""
    unlisted = replace(mapping, list_options=False)
    mapper = RowMapper(unlisted, table.columns, table.name, table.class_names)
    try:
        example = mapper.example(table.row(0), table.number(0))
    except TaskError:
        return False  # reported with all the other faulty rows
    return all(option in example.input for option in example.options)
