"""Guesses for data of one's own: which columns are input and target, and what kind of task it is.

Every guess is returned with its reason, so that the importer can print it; what cannot be guessed
is an error that lists the columns.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from manyicl.errors import TaskError
from manyicl.tasks.columns import is_list
from manyicl.tasks.mapping import ColumnMapping
from manyicl.tasks.tables import Table
from manyicl.tasks.task import Example, Family, Kind, Metric

INPUT_NAMES = (
    "input", "text", "sentence", "question", "prompt", "query", "utterance", "review", "message",
    "tweet", "content", "document", "article", "dialogue", "problem", "source", "title",
)  # fmt: skip
TARGET_NAMES = (
    "output", "target", "label", "answer", "class", "category", "intent", "completion", "response",
    "summary", "tag", "sentiment", "topic", "solution",
)  # fmt: skip
OTHER_NAMES = ("options", "choices", "references", "id", "index", "idx")
OPTION_NAMES = ("options", "choices")

MAX_LABELS = 200
MAX_LABEL_CHARS = 60
MAX_NUMBER_LABELS = 11  # grades from 0 to 10 are labels; more numbers than that are answers
LOOKED_AT = 1000
ROWS_PER_LABEL = 3  # fewer rows than this for each distinct target: not a closed set of labels
SHORT_ANSWER_WORDS = 5


def guess_columns(
    table: Table, given: ColumnMapping | None = None
) -> tuple[ColumnMapping, list[str]]:
    """Return `given` with its empty input and target filled in, and what was guessed.

    Raises `TaskError` listing the columns if one of the two cannot be told.
    """
    mapping = given or ColumnMapping("", "")
    input, target = mapping.input, mapping.target
    if input and target:
        return mapping, []
    notes: list[str] = []
    by_name = {column.casefold(): column for column in table.columns}
    if not input and not target and len(table.columns) == 2:
        input, target, why = _of_two(table, by_name)
        return replace(mapping, input=input, target=target), [
            f"input is column '{input}', target is column '{target}' ({why})"
        ]
    if not input:
        input = _usual(by_name, INPUT_NAMES, (target,)) or _only_other(table, target)
        if not input:
            raise _cannot_guess(table, "input", "--input")
        notes.append(f"input is column '{input}'")
    if not target:
        target = _usual(by_name, TARGET_NAMES, (input,)) or _only_other(table, input)
        if not target:
            raise _cannot_guess(table, "target", "--target")
        notes.append(f"target is column '{target}'")
    options, references = mapping.options, mapping.references
    if not options and (column := _list_column(table, by_name, OPTION_NAMES)):
        options = (column,)
        notes.append(f"options are column '{column}'")
    if not references and (column := _list_column(table, by_name, ("references",))):
        references = column
        notes.append(f"references are column '{column}'")
    mapping = replace(mapping, input=input, target=target, options=options, references=references)
    return mapping, notes


def _list_column(table: Table, by_name: dict[str, str], names: Sequence[str]) -> str:
    """Return the first of the named columns whose first filled cell is a list."""
    for column in (by_name[name] for name in names if name in by_name):
        cells = (table.row(index).get(column) for index in range(min(len(table), LOOKED_AT)))
        if is_list(next((cell for cell in cells if cell), None)):
            return column
    return ""


def _of_two(table: Table, by_name: dict[str, str]) -> tuple[str, str, str]:
    """Return (input, target, reason) for a table of two columns: by name, else by length."""
    one, two = table.columns
    for names, is_input in ((INPUT_NAMES, True), (TARGET_NAMES, False)):
        named = [column for name, column in by_name.items() if name in names]
        if len(named) == 1:
            other = two if named[0] == one else one
            return (*((named[0], other) if is_input else (other, named[0])), "by their names")
    rows = [table.row(index) for index in range(min(len(table), LOOKED_AT))]
    chars = {column: sum(len(str(row.get(column))) for row in rows) for column in table.columns}
    if chars[one] >= chars[two]:
        return one, two, "the longer column is the input"
    return two, one, "the longer column is the input"


def _usual(by_name: dict[str, str], names: Sequence[str], taken: Sequence[str]) -> str:
    found = [by_name[name] for name in names if name in by_name and by_name[name] not in taken]
    return found[0] if found else ""


def _only_other(table: Table, taken: str) -> str:
    """Return the other one of two columns."""
    others = [column for column in table.columns if column != taken]
    return others[0] if taken and len(table.columns) == 2 and len(others) == 1 else ""


def _cannot_guess(table: Table, what: str, flag: str) -> TaskError:
    return TaskError(
        f"{table.name}: cannot tell which column is the {what}. {table.columns_found()} "
        f"Name it with {flag} COLUMN."
    )


def guess_kind(examples: Sequence[Example]) -> tuple[Kind, str]:
    """Return the kind of task the examples make, and the reason in words."""
    if any(example.options for example in examples):
        return "multiple_choice", "rows have options"
    if any(len(example.references) > 1 for example in examples):
        return "generation", "rows have several accepted answers"
    targets = [example.target for example in examples]
    labels = set(targets)
    if len(labels) > MAX_NUMBER_LABELS and all(map(_is_number, labels)):
        return "generation", f"{len(labels)} different numbers"
    short = max(map(len, labels)) <= MAX_LABEL_CHARS
    few = 2 <= len(labels) <= MAX_LABELS and len(labels) * ROWS_PER_LABEL <= len(targets)
    if few and short:
        return "classification", f"{len(labels)} short targets over {len(targets)} rows"
    why = f"{len(labels)} different targets over {len(targets)} rows"
    return "generation", why if short else f"{why}, the longest {max(map(len, labels))} characters"


def guess_metric(kind: Kind, examples: Sequence[Example]) -> tuple[Metric, str]:
    """Return the metric that fits the targets, and the reason in words."""
    if kind != "generation":
        return "accuracy", "answers are chosen from a closed set"
    targets = [example.target for example in examples]
    if all(_is_number(target) for target in targets):
        return "numeric", "all targets are numbers"
    words = statistics.median(len(target.split()) for target in targets)
    if any(len(example.references) > 1 for example in examples):
        return "f1", "rows have several accepted answers"
    if words <= SHORT_ANSWER_WORDS:
        return "exact_match", f"targets are short (median {words:.0f} words)"
    return "rouge_l", f"targets are long (median {words:.0f} words)"


def guess_family(kind: Kind, metric: Metric) -> tuple[Family, str]:
    """Return the family, from kind and metric alone: a hint for grouping results, not a fact."""
    if kind == "classification":
        return "classification", "kind is classification"
    if kind == "multiple_choice":
        return "qa", "kind is multiple_choice"
    if metric == "numeric":
        return "math", "all targets are numbers"
    return "other", "nothing says more"


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True
