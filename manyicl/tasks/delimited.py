"""Delimited text (CSV, TSV): the delimiter and the header found out, every row of one width.

The quoting is that of Python's csv module in strict mode. Row numbers are those a spreadsheet
shows: the header, where there is one, is row 1.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import sys
from collections import Counter
from pathlib import Path

from manyicl.errors import TaskError, listing
from manyicl.tasks.guess import INPUT_NAMES, OTHER_NAMES, TARGET_NAMES
from manyicl.tasks.tables import MAX_PROBLEMS, Reading, Table

DELIMITERS = (",", "\t", ";", "|")
DELIMITER_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
LOOKED_AT = 200  # rows that decide the delimiter and the header
HEADER_CHARS = 60
HEADER_WORDS = 4  # a cell of more words holds a wanted name by chance
NEAR = 0.75  # similarity of a misspelt column name to the one in the file


def read_delimited(path: Path, text: str, reading: Reading) -> Table:
    """Read CSV or TSV text. Raises `TaskError` naming the rows that are too short or too long."""
    notes: list[str] = []
    delimiter = reading.delimiter or ("\t" if path.suffix.lower() == ".tsv" else "")
    if not delimiter:
        delimiter = guess_delimiter(text)
        if delimiter != ",":
            notes.append(f"cells divided by {DELIMITER_NAMES[delimiter]}")
    records = _records(path, text, delimiter)
    if not records:
        raise TaskError(f"{path}: holds no rows. Add examples to it.")
    header, first, not_header = reading.header, records[0][1], ""
    if header is None:
        header, why = guess_header([record for _, record in records], reading.wanted, reading.usual)
        notes.append(f"first row {'is' if header else 'is not'} a header ({why})")
        not_header = "" if header else _not_header(first, why)
    if header:
        columns = tuple(cell.strip() for cell in records.pop(0)[1])
        _check_header(path, columns)
    else:
        columns = tuple(f"column{i + 1}" for i in range(len(first)))
        if not_header:
            _check_wanted(path, columns, reading.wanted, not_header)
    _check_widths(path, records, len(columns), delimiter)
    rows = [dict(zip(columns, record, strict=True)) for _, record in records]
    return Table(
        str(path),
        columns,
        rows,
        [number for number, _ in records],
        notes=tuple(notes),
        not_header=not_header,
    )


def _records(path: Path, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Return (row number, cells) of every row that is not blank."""
    limit = csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[tuple[int, list[str]]] = []
    number = 0
    try:
        for number, record in enumerate(reader, start=1):
            if any(cell.strip() for cell in record):
                records.append((number, record))
    except csv.Error as error:
        raise TaskError(
            f"{path} row {number + 1} (line {reader.line_num}): not valid CSV ({error}). A cell "
            'with quotes is written "like ""this"""; a quote may be left open further up.'
        ) from None
    finally:
        csv.field_size_limit(limit)
    return records


def guess_delimiter(text: str) -> str:
    """Return the delimiter under which most rows have the same width of two or more cells."""
    best, best_score = ",", 0
    for delimiter in DELIMITERS:
        widths: Counter[int] = Counter()
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            for record, _ in zip(reader, range(LOOKED_AT), strict=False):
                widths[len(record)] += 1
        except csv.Error:
            continue
        score = max((number for width, number in widths.items() if width > 1), default=0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def guess_header(
    records: list[list[str]], wanted: tuple[str, ...], usual_here: tuple[str, ...] = ()
) -> tuple[bool, str]:
    """Return whether the first row names the columns, and the reason in words.

    A cell that is nearly a name of `wanted` decides too; one of `usual_here` must be the same.
    """
    first = [cell.strip() for cell in records[0]]
    names = {cell.casefold() for cell in first}
    named = [cell for cell in first if cell in (*wanted, *usual_here)]
    if named:
        return True, f"it names {listing([repr(name) for name in named])}"
    near = [(name, cell) for name in wanted for cell in first if _is_near(name, cell)]
    if near:
        return True, f"its {near[0][1]!r} is like the column {near[0][0]!r} that is asked for"
    usual = [name for name in (*INPUT_NAMES, *TARGET_NAMES, *OTHER_NAMES) if name in names]
    if usual:
        return True, f"'{usual[0]}' is a usual column name"
    if any(not cell or len(cell) > HEADER_CHARS for cell in first):
        return False, "it has an empty or long cell"
    if len(names) < len(first):
        return False, "it has the same cell twice"
    if any(_is_number(cell) for cell in first):
        return False, "it has a number"
    for column, cell in enumerate(first):
        if any(record[column : column + 1] == [cell] for record in records[1 : LOOKED_AT + 1]):
            return False, f"{cell!r} stands in a later row too"
    if len(records) > 1 and all(" " in cell for cell in first):
        return False, "its cells are several words each"
    return True, "its cells are short, different and occur in no later row"


def _is_near(name: str, cell: str) -> bool:
    """Tell whether a short cell is a wanted name in another case, misspelt, or with more words."""
    name, cell = name.strip().casefold(), cell.casefold()
    if not name or not cell or len(cell) > HEADER_CHARS:
        return False
    words = re.split(r"[\W_]+", cell)
    return (
        name == cell
        or (len(words) <= HEADER_WORDS and name in words)
        or difflib.SequenceMatcher(None, name, cell).ratio() >= NEAR
    )


def _not_header(first: list[str], why: str) -> str:
    cells = [cell.strip() for cell in first]
    shown = [repr(cell if len(cell) <= HEADER_CHARS else cell[:HEADER_CHARS] + "…")
             for cell in first]  # fmt: skip
    named = next((cell for cell in cells if 0 < len(cell) <= HEADER_CHARS), "")
    said = f"The first row was judged to be data, since {why}; first row: {listing(shown, 40)}."
    if not named:
        return said
    return said + f" If it is a header, name columns as they stand in it, e.g. {named!r}."


def _check_wanted(
    path: Path, columns: tuple[str, ...], wanted: tuple[str, ...], not_header: str
) -> None:
    """Raise if a plain column that the user names is not there, showing the first row."""
    missing = [name for name in wanted if name not in columns]
    if missing and all(re.fullmatch(r"[\w .:/-]+", name) for name in wanted):
        raise TaskError(
            f"{path}: no column '{missing[0]}'. {not_header} If it is data, the columns are "
            f"{listing(list(columns), 40)}."
        )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _check_header(path: Path, columns: tuple[str, ...]) -> None:
    twice = [name for name, number in Counter(columns).items() if number > 1]
    if twice:
        what = "is unnamed more than once" if twice[0] == "" else f"names '{twice[0]}' twice"
        raise TaskError(
            f"{path} row 1: the header {what} (columns: {listing(list(columns), 40)}). "
            "Rename one of them. If the first row is data, give the file a header, or import it "
            "as a task with 'manyicl tasks import --no-header'."
        )


def _check_widths(
    path: Path, records: list[tuple[int, list[str]]], width: int, delimiter: str
) -> None:
    wrong = [(number, len(record)) for number, record in records if len(record) != width]
    if not wrong:
        return
    lines = [
        f"{path} row {number}: {found} cell{'s' * (found != 1)} where the first row has {width}."
        for number, found in wrong[:MAX_PROBLEMS]
    ]
    if len(wrong) > MAX_PROBLEMS:
        lines.append(f"({len(wrong) - MAX_PROBLEMS} further rows)")
    lines.append(
        f"Cells are divided by a {DELIMITER_NAMES.get(delimiter, repr(delimiter))}. Put quotes "
        'around cells that contain it ("like, this"), or name another with --delimiter of '
        "'manyicl tasks import'. Such rows are not skipped by --skip-bad-rows: their cells may "
        "stand in the wrong columns, and the delimiter or a quote may be wrong for the whole file."
    )
    raise TaskError("\n".join(lines))
