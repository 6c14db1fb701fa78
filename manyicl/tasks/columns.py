"""Columns of foreign tables: values as text, dotted paths, and templates over columns.

A template is a column (`text`), a path into one (`choices.text`), text with columns in braces
(`{premise}\\nHypothesis: {hypothesis}`), or, where `{{` or `{%` occurs, Jinja. Nothing here knows
what an input or a target is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from manyicl.errors import TaskError, did_you_mean, listing

Row: TypeAlias = Mapping[str, Any]
Reader: TypeAlias = Callable[[Row], Any]

_BRACES = re.compile(r"\{([^{}\n]+)\}")


def as_text(value: Any) -> str:
    """Return a cell as text: None and NaN are "", True is "true", 2.0 is "2", a list has a line an
    item. (pandas and json.dumps write NaN where a cell is empty.)

    Raises `TaskError` for an object, which has no one text; a path (`column.field`) names a part.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isnan(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if is_list(value):
        return "\n".join(as_text(item) for item in value)
    if isinstance(value, Mapping):
        fields = listing([repr(key) for key in value])
        raise TaskError(f"is an object with the fields {fields}; name one of them (COLUMN.FIELD).")
    return str(value)


def is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def resolve_column(name: str, columns: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return (column, fields below it) for a column or dotted path, or None if there is none."""
    if name in columns:
        return name, ()
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        if (head := ".".join(parts[:end])) in columns:
            return head, tuple(parts[end:])
    return None


def column_reader(name: str, columns: Sequence[str], what: str, place: str) -> Reader:
    """Return a function from a row to the value of a column or dotted path.

    `what` says whose setting it is, `place` whose columns they are, for the message.
    """
    found = resolve_column(name, columns)
    if found is None:
        raise missing_column(name, columns, what, place)
    column, fields = found

    def read(row: Row) -> Any:
        if column not in row:
            raise TaskError(f"column '{column}' is missing in this row.")
        value = row[column]
        for field in fields:
            value = _field(value, field, name)
        return value

    return read


def _field(value: Any, field: str, path: str) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        if field in value:
            return value[field]
        raise TaskError(
            f"'{path}': no field '{field}'; found {listing([repr(key) for key in value])}."
        )
    if is_list(value):
        return [_field(item, field, path) for item in value]
    raise TaskError(f"'{path}': {value!r} has no fields; it is not an object.")


def missing_column(name: str, columns: Sequence[str], what: str, place: str) -> TaskError:
    """Return the error for a column that is not there: the columns found and the closest name."""
    unnamed = "''"  # a header may have one empty cell
    near = did_you_mean(name, list(columns)) or _same_but_case(name, columns)
    return TaskError(
        f"{place}: no column '{name}' (wanted as {what}).{near} "
        f"Columns found: {listing([column or unnamed for column in columns], 40)}."
    )


def _same_but_case(name: str, columns: Sequence[str]) -> str:
    wanted = name.strip().casefold()
    same = [column for column in columns if column.strip().casefold() == wanted]
    same += [column for column in columns if wanted in re.split(r"[\W_]+", column.casefold())]
    return f" Did you mean {same[0]!r}?" if same else ""


def template(text: str, columns: Sequence[str], what: str, place: str) -> Callable[[Row], str]:
    """Return a function from a row to the text of a template; unknown columns are errors now."""
    read = template_value(text, columns, what, place)

    def render(row: Row) -> str:
        try:
            return as_text(read(row)).strip()
        except TaskError as error:
            raise TaskError(f"{what} '{text}' {error}") from None

    return render


def template_value(text: str, columns: Sequence[str], what: str, place: str) -> Reader:
    """Like `template`, but a plain column or path keeps its value (a number, a list)."""
    if resolve_column(text, columns) is not None:
        return column_reader(text, columns, what, place)
    if "{{" in text or "{%" in text:
        return _jinja(text, columns, what, place)
    if _BRACES.search(text):
        return _braces(text, columns, what, place)
    raise missing_column(text, columns, what, place)


def _braces(text: str, columns: Sequence[str], what: str, place: str) -> Callable[[Row], str]:
    # re.split with one group alternates literal text and names; values are never expanded again.
    parts = _BRACES.split(text)
    readers = [column_reader(name.strip(), columns, what, place) for name in parts[1::2]]

    def render(row: Row) -> str:
        values = [as_text(read(row)) for read in readers]
        return "".join(a + b for a, b in zip(parts[::2], [*values, ""], strict=True))

    return render


def _jinja(text: str, columns: Sequence[str], what: str, place: str) -> Callable[[Row], str]:
    from jinja2 import StrictUndefined, TemplateError, meta
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    try:
        names = meta.find_undeclared_variables(environment.parse(text))
        compiled = environment.from_string(text)
    except TemplateError as error:
        raise TaskError(f"{place}: {what} is not a Jinja template: {error}.") from None
    for name in sorted(names - {"row"}):
        if name not in columns:
            raise missing_column(name, columns, what, place)

    def render(row: Row) -> str:
        try:
            return compiled.render({**row, "row": row})
        except Exception as error:  # an expression may raise anything its values do
            raise TaskError(f"cannot be rendered ({type(error).__name__}: {error}).") from None

    return render
