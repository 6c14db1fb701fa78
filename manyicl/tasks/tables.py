"""Tables: rows of named columns read from a file, with the row numbers messages name.

JSON Lines, JSON lists, CSV/TSV (delimited.py), Parquet, Arrow and `save_to_disk` folders. What the
columns mean is not decided here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyicl.errors import TaskError, first_line, listing
from manyicl.tasks.columns import Row

if TYPE_CHECKING:
    from datasets import Dataset

MAX_PROBLEMS = 20
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".arrow")


@dataclass(frozen=True)
class Table:
    """Rows of one split, by position.

    `numbers` are the row numbers of the file (empty: position + 1); `class_names` the names that a
    column of class numbers declares; `notes` what was detected while reading.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Row] | Dataset
    numbers: Sequence[int] = ()
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    not_header: str = ""
    """Where a first row was judged to be data: the row, the reason, and how to say otherwise."""

    def columns_found(self) -> str:
        """Return the columns in words, with the first row where that was not taken as names."""
        found = f"Columns found: {listing(list(self.columns), 40)}."
        return f"{self.not_header} {found}" if self.not_header else found

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> Row:
        return self.rows[index]  # pyright: ignore[reportReturnType]

    def number(self, index: int) -> int:
        return self.numbers[index] if self.numbers else index + 1

    def place(self, index: int) -> str:
        return f"{self.name} row {self.number(index)}"


@dataclass(frozen=True)
class Reading:
    """How text files are read; None or "" means found out from the file."""

    suffix: str = ""
    """Read the file as if its name ended so, e.g. ".csv"."""
    encoding: str = ""
    delimiter: str = ""
    header: bool | None = None
    wanted: tuple[str, ...] = ()
    """Columns the user names: a first row that holds one of them, or nearly, is a header."""
    usual: tuple[str, ...] = ()
    """Columns that may be there: a first row that holds one of them as it stands is a header."""


def read_table(path: str | Path, reading: Reading | None = None) -> Table:
    """Read one file (or `save_to_disk` folder) by its suffix. Raises `TaskError`."""
    from manyicl.tasks.delimited import read_delimited

    path = Path(path).expanduser()
    reading = reading or Reading()
    if path.is_dir():
        return _read_saved_dataset(path)
    if not path.is_file():
        raise TaskError(f"{path}: no such file. Give the path of your data.")
    suffix = reading.suffix or path.suffix.lower()
    if suffix not in SUFFIXES:
        raise TaskError(
            f"{path}: files of type '{suffix or path.name}' cannot be read; known types: "
            f"{', '.join(SUFFIXES)}. Convert it, or say what it is with --from csv or --from jsonl."
        )
    if suffix == ".parquet":
        return _read_parquet(path)
    if suffix == ".arrow":
        return _read_arrow(path)
    text, notes = read_text(path, reading.encoding)
    if suffix in (".jsonl", ".ndjson"):
        table = _read_json_lines(path, text)
    elif suffix == ".json":
        table = _read_json(path, text)
    else:
        table = read_delimited(path, text, reading)
    if not len(table):
        raise TaskError(f"{path}: holds no rows. Add examples to it.")
    return Table(**{**vars(table), "notes": (*notes, *table.notes)})


def read_text(path: Path, encoding: str = "") -> tuple[str, tuple[str, ...]]:
    """Return a file's text and notes; UTF-8, or UTF-16 where the file begins with its mark."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror}).") from None
    notes: tuple[str, ...] = ()
    if not encoding and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding, notes = "utf-16", ("read as UTF-16 (from the mark at its start)",)
    try:
        return data.decode(encoding or "utf-8-sig").removeprefix("\ufeff"), notes
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise TaskError(
            f"{path} line {row}: byte {error.start} (0x{data[error.start]:02x}) is not valid "
            f"{encoding or 'UTF-8'}. Re-save the file as UTF-8, or name its encoding "
            "(--encoding cp1252 for many Windows files)."
        ) from None
    except LookupError:
        raise TaskError(
            f"--encoding: '{encoding}' is not an encoding Python knows; try utf-8, utf-16, cp1252."
        ) from None


def _why_no_json(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return str(error)
    # Python refuses numbers of thousands of digits with a plain ValueError.
    return (
        "nested too deeply" if isinstance(error, RecursionError) else str(error).partition(";")[0]
    )


def _read_json_lines(path: Path, text: str) -> Table:
    rows: list[Row] = []
    numbers: list[int] = []
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            why = getattr(error, "msg", "") or _why_no_json(error)
            problems.append(f"{path} row {number}: not valid JSON ({why}).")
        else:
            if isinstance(found, dict):
                rows.append(found)
                numbers.append(number)
            else:
                kind = type(found).__name__
                problems.append(
                    f"{path} row {number}: holds a JSON {kind}; a row must be an object."
                )
        if len(problems) >= MAX_PROBLEMS:
            problems.append(f"(stopped after {MAX_PROBLEMS} faulty rows)")
            break
    if problems:
        if len(problems) > 1 and text.lstrip().startswith("["):
            raise TaskError(f"{path}: holds one JSON list, not JSON Lines. Rename it to .json.")
        problems.append(
            'Write each row as one JSON object on one line, {"input": "...", "output": "..."}, '
            "or remove these rows; faulty rows are never skipped."
        )
        raise TaskError("\n".join(problems))
    return Table(str(path), _columns(rows), rows, numbers)


def _read_json(path: Path, text: str) -> Table:
    """Read a list of objects, or an object with one such list in it, or JSON Lines."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        if getattr(error, "msg", "") == "Extra data":
            return _read_json_lines(path, text)
        raise TaskError(f"{path}: not valid JSON ({_why_no_json(error)}).") from None
    notes: tuple[str, ...] = ()
    if isinstance(found, dict):
        lists = [key for key, value in found.items() if _is_rows(value)]
        if len(lists) != 1:
            raise TaskError(
                f"{path}: holds an object without one list of rows in it (fields: "
                f"{listing(list(found))}). Write a list of objects, or JSON Lines."
            )
        notes = (f"rows taken from its field '{lists[0]}'",)
        found = found[lists[0]]
    if not _is_rows(found):
        raise TaskError(f"{path}: must hold a list of objects, one for each row.")
    return Table(str(path), _columns(found), found, notes=notes)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(v, dict) for v in value)


def _columns(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for row in rows for column in row))


def dataset_table(name: str, data: Dataset) -> Table:
    """Return a Hugging Face dataset as a table; its rows are decoded one at a time."""
    from datasets import ClassLabel

    class_names = {
        column: tuple(feature.names)
        for column, feature in data.features.items()
        if isinstance(feature, ClassLabel)
    }
    if not len(data):
        raise TaskError(f"{name}: holds no rows.")
    return Table(name, tuple(data.column_names), data, class_names=class_names)


def join_tables(tables: Sequence[Table]) -> Table:
    """Return the rows of several files of one split as one table, numbered through."""
    if len(tables) == 1:
        return tables[0]
    rows = [table.row(index) for table in tables for index in range(len(table))]
    columns = tuple(dict.fromkeys(column for table in tables for column in table.columns))
    names = listing([Path(table.name).name for table in tables], 3)
    return Table(
        f"files {names} together",
        columns,
        rows,
        class_names=tables[0].class_names,
        notes=tuple(note for table in tables for note in table.notes),
    )


def _read_parquet(path: Path) -> Table:
    import pyarrow
    import pyarrow.parquet
    from datasets import Dataset
    from datasets.table import InMemoryTable

    try:
        found = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise TaskError(f"{path}: cannot be read as Parquet ({first_line(error)}).") from None
    return dataset_table(str(path), Dataset(InMemoryTable(found)))


def _read_arrow(path: Path) -> Table:
    import pyarrow
    from datasets import Dataset

    try:
        return dataset_table(str(path), Dataset.from_file(str(path)))
    except (pyarrow.ArrowException, OSError) as error:
        raise TaskError(f"{path}: cannot be read as Arrow ({first_line(error)}).") from None


def _read_saved_dataset(path: Path) -> Table:
    from datasets import Dataset, load_from_disk

    if not (path / "state.json").is_file():
        raise TaskError(
            f"{path}: is a folder, but not a dataset written by save_to_disk. Name its files: "
            "--files train=PATH test=PATH."
        )
    data = load_from_disk(str(path))
    assert isinstance(data, Dataset)  # a DatasetDict has no state.json of its own
    return dataset_table(str(path), data)
