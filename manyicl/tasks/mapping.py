"""Column mappings: how a foreign row becomes the input, target and options of an example.

A mapping is data (a catalogue entry, or command line flags); `RowMapper` binds it to the columns
of one table. Which rows are taken is decided in sources.py.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from manyicl.errors import TaskError, did_you_mean, listing
from manyicl.tasks.columns import Row, as_text, column_reader, is_list, template, template_value
from manyicl.tasks.task import Example

TargetIs = Literal["auto", "text", "index", "index1", "key"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NO_LABEL = "which has no label"
_OPTION_KEY = re.compile(r"^\s*\(?\s*[A-Za-z0-9]\s*[).:]\s*")


@dataclass(frozen=True)
class ColumnMapping:
    """Say which columns make up an example; every text field may be a template (columns.py)."""

    input: str
    """Column or template of the input."""
    target: str
    """Column or template of the target; a list gives the first as target, all as references."""
    options: tuple[str, ...] = ()
    """One column that holds a list (`choices.text`), or several columns of one option each."""
    option_keys: str = ""
    """Column of the options' own keys (`choices.label`), if the target is such a key."""
    option_split: str = ""
    """Regular expression that splits an options column of one text into options."""
    strip_option_keys: bool = False
    """Remove a leading key such as "A)" from every option."""
    shuffle_options: bool = False
    """Order the options by a hash of the input, where the right one has a fixed place."""
    list_options: bool = True
    """Append the options to the input, as "Options: (A) ... (B) ..."."""
    references: str = ""
    """Column with the list of all accepted targets."""
    target_is: TargetIs = "auto"
    """What the target column holds: the text, an index from 0 or from 1, or an option's key."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Raw value of the target column -> readable label; fixes the order of the labels."""
    readable: bool = False
    """Write labels with spaces for underscores."""
    drop: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column -> values; rows that hold one of them are left out."""
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column -> values; rows that hold none of them are left out."""

    @classmethod
    def from_dict(cls, found: Mapping[str, Any], place: str) -> ColumnMapping:
        """Build a mapping from YAML or JSON, strictly; `place` opens every message."""
        known = {entry.name: entry for entry in fields(cls)}
        for key in found:
            if key not in known:
                raise TaskError(
                    f"{place}: unknown field '{key}'.{did_you_mean(key, list(known))} "
                    f"Known fields: {', '.join(known)}."
                )
        values: dict[str, Any] = dict(found)
        for key in ("input", "target"):
            if not isinstance(values.get(key), str) or not values[key]:
                raise TaskError(f"{place}: field '{key}' must name a column or a template.")
        options = values.get("options", ())
        values["options"] = (options,) if isinstance(options, str) else tuple(options)
        values["labels"] = label_names(values.get("labels", {}))
        for key in ("drop", "keep"):
            values[key] = {
                column: tuple(as_text(value) for value in (some if is_list(some) else [some]))
                for column, some in values.get(key, {}).items()
            }
        if values.get("target_is", "auto") not in get_args(TargetIs):
            raise TaskError(
                f"{place}: field 'target_is' is {values['target_is']!r}; it must be one of "
                f"{', '.join(get_args(TargetIs))}."
            )
        return cls(**values)


def label_names(labels: Mapping[Any, str] | Sequence[str]) -> dict[str, str]:
    """Return raw value -> label; a plain list numbers its labels from 0.

    >>> label_names(["bad", "good"])
    {'0': 'bad', '1': 'good'}
    """
    items = labels.items() if isinstance(labels, Mapping) else enumerate(labels)
    return {as_text(value): str(label) for value, label in items}


class RowMapper:
    """A mapping bound to the columns of one table.

    `class_names` are the names a table itself declares for a column of class numbers.
    """

    def __init__(
        self,
        mapping: ColumnMapping,
        columns: Sequence[str],
        place: str,
        class_names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.mapping = mapping
        self._input = template(mapping.input, columns, "input", place)
        self._target = template_value(mapping.target, columns, "target", place)
        self._options = [template_value(o, columns, "options", place) for o in mapping.options]
        self._keys = _maybe(mapping.option_keys, columns, "option_keys", place)
        self._references = _maybe(mapping.references, columns, "references", place)
        self._filters = [
            (column, column_reader(column, columns, kind, place), kind == "keep", values)
            for kind, filters in (("drop", mapping.drop), ("keep", mapping.keep))
            for column, values in filters.items()
        ]
        declared = (class_names or {}).get(mapping.target, ())
        self.labels = {} if mapping.options else _labels(mapping, declared, place)

    def filtered(self, row: Row) -> str:
        """Return why a filter leaves the row out, or an empty string."""
        for column, read, keep, values in self._filters:
            value = as_text(read(row))
            if (value in values) != keep:
                rule = f"not {' or '.join(values)}" if keep else value or "empty"
                return f"column '{column}' is {rule}"
        return ""

    def example(self, row: Row, number: int) -> Example:
        """Return the example of a row; raises `TaskError` (without place) if there is none."""
        example = self._example(row, number)
        for text in (example.input, example.target, *example.options, *example.references):
            if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
                raise TaskError("holds half of a character (a lone surrogate). Repair the text.")
        return example

    def _example(self, row: Row, number: int) -> Example:
        text = self._input(row)
        if not text:
            raise TaskError(f"input '{self.mapping.input}' is empty.")
        raw = self._target(row)
        references = self._read_references(row, raw)
        value = (raw[0] if raw else "") if is_list(raw) else raw
        target_text = as_text(value).strip()
        if not target_text:
            raise TaskError(f"target '{self.mapping.target}' is empty.")
        if self.mapping.options:
            options, keys = self._read_options(row)
            target = self._pick(value, target_text, options, keys)
            options = list(filter(None, options))
            if self.mapping.shuffle_options:
                random.Random(text).shuffle(options)
            if self.mapping.list_options:
                text += "\nOptions: " + list_options(options)
            return Example(text, target, tuple(options), row=number)
        target = self._name(target_text)
        if references and target not in references:
            references.insert(0, target)
        return Example(text, target, references=tuple(references), row=number)

    def _read_references(self, row: Row, raw: Any) -> list[str]:
        found = self._references(row) if self._references else raw if is_list(raw) else []
        texts = [as_text(item).strip() for item in (found if is_list(found) else [found])]
        return list(dict.fromkeys(filter(None, texts)))

    def _read_options(self, row: Row) -> tuple[list[str], list[str]]:
        """Return the options, empty ones in their place, and their keys in upper case."""
        values = [read(row) for read in self._options]
        if len(values) == 1:
            values = self._split_options(values[0])
        options = [as_text(value).strip() for value in values]
        if self.mapping.strip_option_keys:
            options = [_OPTION_KEY.sub("", option, count=1).strip() for option in options]
        keys = self._keys(row) if self._keys else list(LETTERS[: len(options)])
        return options, [as_text(key).strip().upper() for key in keys]

    def _split_options(self, value: Any) -> Sequence[Any]:
        if is_list(value):
            return value
        text = as_text(value).strip()
        if self.mapping.option_split:
            return [part for part in re.split(self.mapping.option_split, text) if part.strip()]
        raise TaskError(
            f"options '{self.mapping.options[0]}' is {text!r}, not a list. Name several columns, "
            "or give option_split (a regular expression between two options)."
        )

    def _pick(self, value: Any, text: str, options: list[str], keys: list[str]) -> str:
        """Return the option the target column means."""
        meaning = self.mapping.target_is
        if meaning == "auto":
            meaning = self._guess_meaning(value, text, options)
        if meaning == "text":
            index = options.index(text) if text in options else -1
        elif meaning == "key":
            index = keys.index(text.upper()) if text.upper() in keys else -1
        else:
            index = int(text) - (meaning == "index1") if text.lstrip("-").isdigit() else -1
        if not 0 <= index < len(options) or not options[index]:
            raise TaskError(
                f"target '{self.mapping.target}' is {text!r}, which is no {meaning} of the options "
                f"{options!r}. Correct the row, or set target_is to one of "
                f"{', '.join(get_args(TargetIs))}."
            )
        return options[index]

    def _guess_meaning(self, value: Any, text: str, options: list[str]) -> TargetIs:
        if self._keys:
            return "key"
        if isinstance(value, int) and not isinstance(value, bool):
            return "index"
        if text in options:
            return "text"
        if text.isdigit():
            raise TaskError(
                f"target '{self.mapping.target}' is {text!r}: an index from 0 or from 1? "
                "Set target_is to index or index1."
            )
        return "key" if len(text) == 1 and text.isalpha() else "text"

    def unlabelled(self, rows: Iterable[Row]) -> str:
        """Return in one sentence which values have no label, and which named values never occur."""
        values: Counter[str] = Counter()
        for row in rows:
            value = self._target(row)
            values[as_text((value or [""])[0] if is_list(value) else value).strip()] += 1
        values.pop("", None)
        known = {*self.labels, *self.labels.values()}
        bare = [f"{v!r} ({n})" for v, n in values.most_common() if v not in known]
        absent = [repr(v) for v in self.mapping.labels if v not in values]
        target = self.mapping.target
        said = (
            f"--labels: {listing(absent)} occurs nowhere in column '{target}'. " if absent else ""
        )
        return (
            f"{said}Values of '{target}' without a label (rows): {listing(bare)}. Name each of "
            f"them in the labels, or drop such rows ({target}=VALUE)."
        )

    def _name(self, text: str) -> str:
        if not self.labels:
            return text.replace("_", " ") if self.mapping.readable else text
        if text in self.labels:
            return self.labels[text]
        if text in self.labels.values():
            return text
        known = listing([f"{value} = {label}" for value, label in self.labels.items()])
        raise TaskError(
            f"target '{self.mapping.target}' is {text!r}, {NO_LABEL}; known: {known}. "
            f"Add it to the labels, or drop such rows ({self.mapping.target}={text})."
        )


def list_options(options: Sequence[str]) -> str:
    """Return the options in one line, lettered.

    >>> list_options(["red", "blue"])
    '(A) red (B) blue'
    """
    return " ".join(f"({_letter(i)}) {option}" for i, option in enumerate(options))


def _letter(index: int) -> str:
    return LETTERS[index] if index < len(LETTERS) else str(index + 1)


def _maybe(name: str, columns: Sequence[str], what: str, place: str):
    return column_reader(name, columns, what, place) if name else None


def _labels(mapping: ColumnMapping, declared: Sequence[str], place: str) -> dict[str, str]:
    """Return raw value -> label, from the mapping or else from the table's own class names."""
    labels = dict(mapping.labels)
    numbers = {str(number): name for number, name in enumerate(declared)}
    if declared and labels and (beyond := [v for v in labels if v.isdigit() and v not in numbers]):
        raise TaskError(
            f"{place}: column '{mapping.target}' has {len(declared)} classes "
            f"({listing(list(declared))}); 'labels' names the numbers {listing(beyond)} too. "
            "Name each class by its number or its name."
        )
    if labels:  # where they name classes, the column still holds numbers
        labels |= {number: labels[name] for number, name in numbers.items() if name in labels}
    else:
        labels = numbers
    if mapping.readable:
        labels = {value: label.replace("_", " ") for value, label in labels.items()}
    return labels
