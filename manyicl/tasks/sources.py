"""Import: tables in, one task folder out. The one path that every importer takes.

Everything is read, checked and counted before anything is written; the folder appears whole, by
one rename, or not at all. Reading files is in tables.py and hub.py, the catalogue in catalogue.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from manyicl.errors import RunError, TaskError, listing
from manyicl.files import folder_beside
from manyicl.tasks.folder import read_task, write_task
from manyicl.tasks.guess import guess_columns, guess_family, guess_kind, guess_metric
from manyicl.tasks.import_report import ImportReport, SplitCounts
from manyicl.tasks.mapping import ColumnMapping, RowMapper
from manyicl.tasks.sampling import Limits, draw, split_off_test
from manyicl.tasks.tables import Reading, Table, read_table
from manyicl.tasks.task import SPLITS, Example, Family, Kind, Metric, Task

CLOSED_KINDS = ("classification", "multiple_choice")


@dataclass(frozen=True)
class TaskFields:
    """What task.json will say; empty fields are guessed from the rows, and the guess is noted."""

    name: str
    family: Family | None = None
    kind: Kind | None = None
    metric: Metric | None = None
    instruction: str = ""
    group: str = ""
    note: str = ""
    source: dict[str, Any] = field(default_factory=dict)


def import_files(
    train: Path | str,
    out: Path | str,
    fields: TaskFields,
    mapping: ColumnMapping | None = None,
    *,
    test: Path | str | None = None,
    reading: Reading | None = None,
    limits: Limits | None = None,
    strict: bool = True,
) -> ImportReport:
    """Import one's own files (JSONL, JSON, CSV, TSV, Parquet, Arrow) into `out`/NAME.

    Columns a mapping leaves empty are guessed. Without `test` a part of `train` is split off. A row
    that cannot be used is an error if `strict` and is counted otherwise. Raises `TaskError`.
    """
    tables = {"train": read_table(train, reading)}
    if test is not None:
        tables["test"] = read_table(test, reading)
    names = [Path(path).name for path in (train, test) if path is not None]
    if not fields.source:
        fields = replace(fields, source={"files": names})
    return import_tables(tables, out, fields, mapping, limits=limits, strict=strict)


def import_tables(
    tables: dict[str, Table],
    out: Path | str,
    fields: TaskFields,
    mapping: ColumnMapping | None = None,
    *,
    limits: Limits | None = None,
    strict: bool = True,
) -> ImportReport:
    """Write the task that `tables` ("train", and "test" where there is one) hold into `out`/NAME.

    Columns, kind, labels, metric and family that are not given are guessed and the guesses noted
    in the report. Raises `TaskError` for faulty rows, `RunError` if the folder cannot be written.
    """
    check_name(fields.name)
    folder = Path(out).expanduser() / fields.name
    _check_free(folder)
    limits = limits or Limits()
    notes = [f"{table.name}: {note}" for table in tables.values() for note in table.notes]
    mapping, guesses = guess_columns(tables["train"], mapping)
    notes += guesses
    examples, counts, labels, kind = _take_examples(
        tables, mapping, fields.kind, limits, strict, notes
    )
    task = _build(fields, kind, labels, examples, notes)
    write_task_folder(task, folder)
    return ImportReport(
        task=task.name,
        folder=folder,
        family=task.family,
        kind=task.kind,
        metric=task.metric,
        instruction=task.instruction,
        labels=task.labels,
        num_train=len(examples["train"]),
        num_test=len(examples["test"]),
        counts=counts,
        notes=notes,
    )


def check_name(name: str) -> None:
    """Raise `TaskError` unless `name` can be a task name: no wildcard, colon, slash or space."""
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise TaskError(
            f"--name: {name!r} cannot be a task name. Use letters, digits, '_', '-', '.' and '+', "
            "e.g. --name support_tickets."
        )


def _check_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TaskError(
            f"{folder}: exists and is not empty. Remove it, or choose another --name or --out."
        )


def _take_examples(
    tables: dict[str, Table],
    mapping: ColumnMapping,
    kind: Kind | None,
    limits: Limits,
    strict: bool,
    notes: list[str],
) -> tuple[dict[str, list[Example]], list[SplitCounts], tuple[str, ...], Kind]:
    """Return the examples of both splits, the counts, the declared labels and the kind."""
    mappers = {
        split: RowMapper(mapping, table.columns, table.name, table.class_names)
        for split, table in tables.items()
    }
    labels = tuple(dict.fromkeys(mappers["train"].labels.values()))
    if kind is None and (mapping.options or labels):
        kind = "multiple_choice" if mapping.options else "classification"
    num_train = limits.max_train + (0 if "test" in tables else limits.max_test)
    test_draw, test = None, []
    if "test" in tables:
        test_draw = draw(tables["test"], mappers["test"], limits.max_test, limits, strict=strict)
    queries = test_draw.examples if test_draw else ()
    train_draw = draw(
        tables["train"], mappers["train"], num_train, limits, test_queries=queries, strict=strict
    )
    if kind is None:
        drawn = [*train_draw.examples.values(), *(test_draw.examples.values() if test_draw else ())]
        kind, why = guess_kind(drawn)
        notes.append(f"kind is {kind} ({why})")
    closed = kind in CLOSED_KINDS
    train = train_draw.settle(closed, num_train)
    counts = [train_draw.counts]
    if test_draw:
        test = test_draw.settle(closed, limits.max_test)
        counts.append(test_draw.counts)
        test_draw.counts.kept = len(test)
    else:
        taken = len(train)
        train, test, note = split_off_test(train, limits, closed=closed)
        notes.append(note)
        train_draw.counts.moved = len(test)
        train_draw.counts.looked_at -= taken - len(train) - len(test)
    train_draw.counts.kept = len(train)
    return {"train": train, "test": test}, counts, labels, kind


def _build(
    fields: TaskFields,
    kind: Kind,
    labels: tuple[str, ...],
    examples: dict[str, list[Example]],
    notes: list[str],
) -> Task:
    """Return the task, with what `fields` leaves open guessed and noted."""
    rows = [*examples["train"], *examples["test"]]
    for split in SPLITS:
        if not examples[split]:
            raise TaskError(f"task '{fields.name}': no {split} example is left after filtering.")
    if kind == "multiple_choice" and not all(example.options for example in rows):
        raise TaskError(
            f"task '{fields.name}': kind is multiple_choice, but rows have no options. Name their "
            "columns with --options, or choose another --kind."
        )
    if kind != "multiple_choice" and any(example.options for example in rows):
        # They have named the target and stand in the input; answers are not chosen among them.
        examples = {
            split: [replace(example, options=()) for example in examples[split]] for split in SPLITS
        }
        notes.append(f"options are no field of the rows (kind is {kind})")
    if kind != "classification":
        labels = ()
    elif not labels:
        labels = tuple(sorted({example.target for example in rows}))
        notes.append(f"labels are {listing([repr(label) for label in labels])}")
    if kind == "classification" and len(labels) < 2:
        raise TaskError(
            f"task '{fields.name}': all targets are {rows[0].target!r}; a classification task "
            "needs two labels. Is --target the right column? Else use --kind generation."
        )
    metric, family = fields.metric, fields.family
    if metric is None:
        metric, why = guess_metric(kind, rows)
        notes.append(f"metric is {metric} ({why})")
    if family is None:
        family, why = guess_family(kind, metric)
        notes.append(f"family is {family} ({why})")
    return Task(
        name=fields.name,
        family=family,
        kind=kind,
        metric=metric,
        group=fields.group or fields.name,
        load=lambda split: examples[split],
        instruction=fields.instruction,
        labels=labels,
        source=fields.source,
        note=fields.note,
    )


def write_task_folder(task: Task, folder: Path, readme: str = "") -> None:
    """Write the task beside its place, read it back, and move it there in one step.

    A `readme` is written beside the rows as README.md; readers of tasks pass it by.
    Raises `TaskError` if the place is taken, `RunError` if it cannot be written.
    """
    _check_free(folder)
    try:
        with folder_beside(folder) as part:
            write_task(task, part)
            if readme:
                (part / "README.md").write_text(readme, encoding="utf-8", newline="\n")
            written = read_task(part)
            for split in SPLITS:
                if written.fingerprint(split) != task.fingerprint(split):
                    raise RunError(f"{folder}: what was written does not read back the same.")
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error.strerror}).") from None
