"""Predictions as text of a file: every column of the queries is kept, the answers are added."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manyicl.errors import TaskError
from manyicl.inference.predict import Prediction
from manyicl.tasks.columns import as_text, is_list
from manyicl.tasks.tables import Table

SUFFIXES = (".jsonl", ".csv", ".tsv")
COLUMNS = ("answer", "probability", "scores", "num_shots")
PREFIX = "predicted_"  # of our columns, where the queries have columns of the same names


def check_suffix(path: str | Path) -> str:
    """Return the suffix of a file of predictions. Raises `TaskError` for an unknown one."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise TaskError(
            f"{path}: answers are written as {', '.join(SUFFIXES)}, by the end of the name. "
            f"Found '{suffix}'."
        )
    return suffix


def new_columns(table: Table) -> dict[str, str]:
    """Return the name of each added column: its own, or with a prefix if one is taken.

    Raises `TaskError` if those are taken too.
    """
    for prefix in ("", PREFIX):
        names = {name: prefix + name for name in COLUMNS}
        taken = [name for name in names.values() if name in table.columns]
        if not taken:
            return names
    raise TaskError(
        f"{table.name}: has a column '{taken[0]}' already, from an earlier prediction. Rename it, "
        "or leave it out."
    )


def as_file(table: Table, predictions: Sequence[Prediction], suffix: str) -> str:
    """Return the content of a JSONL, CSV or TSV file: the table's rows with their predictions.

    Probabilities and scores are added where answers were chosen among options; `scores` in JSONL
    only.
    """
    names = new_columns(table)
    chosen = any(prediction.scores is not None for prediction in predictions)
    rows = [
        {column: table.row(index).get(column) for column in table.row(index)}
        | _added(prediction, names, chosen)
        for index, prediction in enumerate(predictions)
    ]
    if suffix == ".jsonl":
        return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    added = [names[name] for name in COLUMNS if name != "scores"]
    if not chosen:
        added.remove(names["probability"])
    columns = [*table.columns, *added]
    text = io.StringIO()
    probability = names["probability"]
    for row in rows:
        if row.get(probability) is not None:
            row[probability] = f"{row[probability]:.6g}"
    cells = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    # csv quotes a lone carriage return, which readers take for the end of a row, only on request.
    returns = any("\r" in cell for row in cells for cell in row)
    writer = csv.writer(
        text,
        delimiter="\t" if suffix == ".tsv" else ",",
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL,
    )
    writer.writerows(cells)
    return text.getvalue()


def _added(prediction: Prediction, names: Mapping[str, str], chosen: bool) -> dict[str, Any]:
    added: dict[str, Any] = {names["answer"]: prediction.answer}
    if chosen:
        added[names["probability"]] = prediction.probability
        added[names["scores"]] = prediction.scores
    return added | {names["num_shots"]: prediction.num_shots}


def _cell(value: Any) -> str:
    """Return a cell's text; lists and objects as JSON."""
    if isinstance(value, Mapping) or is_list(value):
        return json.dumps(value, ensure_ascii=False, default=str)
    return as_text(value)
