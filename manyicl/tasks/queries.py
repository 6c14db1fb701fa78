"""Queries from a file: inputs to be answered, each with its row, and options where it has them."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyicl.errors import TaskError
from manyicl.tasks.columns import Row, as_text, is_list, template, template_value
from manyicl.tasks.guess import INPUT_NAMES
from manyicl.tasks.mapping import list_options
from manyicl.tasks.tables import MAX_PROBLEMS, Reading, Table, read_table
from manyicl.tasks.task import Example, Task

INPUT, OPTIONS = "input", "options"  # the columns of the task format
LISTED = "\nOptions: "  # how the importer appends options to an input


@dataclass(frozen=True)
class Queries:
    """The rows of a file and the query each one makes (its target is empty), in the same order."""

    table: Table
    examples: list[Example]
    notes: list[str]


def read_queries(
    path: str | Path,
    task: Task,
    *,
    input: str = "",
    options: Sequence[str] = (),
    usual: str = "",
    encoding: str = "",
) -> Queries:
    """Return the queries for a task in a JSONL, JSON, CSV, TSV, Parquet or Arrow file.

    The input is the column or template `input`, else `usual` (that of the demonstrations) where
    the file has it, else the column "input", the only column, or the only one with a usual name.
    Options come from `options` (one column of lists, or several columns); a multiple-choice task
    takes the column "options".
    Raises `TaskError` naming every faulty row (at most 20), and for `options` of another task.
    """
    if options and task.kind != "multiple_choice":
        raise TaskError(
            f"--query-options: task '{task.name}' is of kind '{task.kind}', and only answers of "
            "multiple_choice tasks are chosen among a query's options. Leave it out, or give "
            "demonstrations that have options."
        )
    reading = Reading(
        encoding=encoding,
        wanted=named_columns(input),
        usual=(*named_columns("" if input else usual), INPUT),
    )
    table = read_table(path, reading)
    column = input or _input_column(table, usual)
    read = template(column, table.columns, "input", table.name)
    options = options or ((OPTIONS,) if task.kind == "multiple_choice" else ())
    readers = [template_value(name, table.columns, "options", table.name) for name in options]
    listed = bool(options) and _lists_options(task)
    examples: list[Example] = []
    problems: list[str] = []
    for index in range(len(table)):
        try:
            query = _query(table.row(index), table.number(index), read, readers, listed)
        except TaskError as error:
            problems.append(f"{table.place(index)}: {error}")
            if len(problems) == MAX_PROBLEMS:
                problems.append(f"(stopped after {MAX_PROBLEMS} faulty rows)")
                break
        else:
            examples.append(query)
    if problems:
        raise TaskError("\n".join(problems))
    notes = [f"{table.name}: {note}" for note in table.notes]
    if column != INPUT:
        notes.append(f"{table.name}: queries are {column!r}")
    return Queries(table, examples, notes)


def named_columns(*templates: str) -> tuple[str, ...]:
    """Return the columns that columns and templates name: a first row with one is a header.

    >>> named_columns("text", "{premise} / {hypothesis}", "")
    ('text', 'premise', 'hypothesis')
    """
    found = [re.findall(r"\{+([^{}]+)\}", text) or [text] for text in templates if text]
    return tuple(name.strip().partition(".")[0] for names in found for name in names)


def _input_column(table: Table, usual: str) -> str:
    if usual:
        try:
            template(usual, table.columns, "input", table.name)
            return usual
        except TaskError:
            pass  # the file of queries has columns of its own
    if INPUT in table.columns:
        return INPUT
    if len(table.columns) == 1:
        return table.columns[0]
    named = [column for column in table.columns if column.casefold() in INPUT_NAMES]
    if len(named) == 1:
        return named[0]
    raise TaskError(
        f"{table.name}: no column '{INPUT}', and more than one column. "
        f"{table.columns_found()} "
        "Name the one to answer with --query-input COLUMN."
    )


def _query(
    row: Row,
    number: int,
    read: Callable[[Row], str],
    readers: Sequence[Callable[[Row], Any]],
    listed: bool,
) -> Example:
    text = read(row)
    if not text:
        raise TaskError("the input is empty. Fill it in, or remove the row.")
    options = _options([reader(row) for reader in readers])
    if readers and len(set(options)) < 2:
        raise TaskError(f"the options are {options!r}; a choice needs two different ones.")
    for part in (text, *options):
        if any("\ud800" <= char <= "\udfff" for char in part):
            raise TaskError("holds half of a character (a lone surrogate). Repair the text.")
    if listed:
        tail = LISTED + list_options(options)
        text = text if text.endswith(tail) else text + tail
    return Example(text, "", tuple(options), row=number)


def _options(values: list[Any]) -> list[str]:
    if len(values) == 1:
        values = _as_list(values[0])
    return [text for value in values if (text := as_text(value).strip())]


def _as_list(value: Any) -> list[Any]:
    """Return a cell of options as a list; a CSV cell holds it as JSON."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if value is None or not is_list(value):
        raise TaskError(
            f"the options are {value!r}, not a list. Write a JSON list, or put each option in a "
            "column of its own and name them all with --query-options."
        )
    return list(value)


def _lists_options(task: Task) -> bool:
    """Tell whether the demonstrations' inputs end in their options, as the importer writes them."""
    return all(
        example.options and example.input.endswith(LISTED + list_options(example.options))
        for example in task.train
    )
