"""How records are written: rows, JSON, YAML, forms; the key of a record settles the rest of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from manyicl.pretraining.patterns.draws import (
    Draw,
    code,
    distinct,
    fresh,
    full_name,
    number,
    value_draw,
)
from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.vocabulary import Vocabulary


@dataclass(frozen=True)
class Style:
    """How a record is written; `field` holds the name of the field, if the style shows it."""

    opening: str
    field: str
    lead: str
    tail: str
    between: str
    closing: str

    @property
    def shows_fields(self) -> bool:
        return "{}" in self.field


ROWS = (
    Style("|", "", " ", "", " |", " |\n"),
    Style("", "", "", "", ",", "\n"),
    Style("", "", "", "", ";", "\n"),
    Style("", "", "", "", "\t", "\n"),
    Style("", "", "", "", " | ", "\n"),
    Style("- ", "", "", "", " / ", "\n"),
)
RECORDS = (
    Style("{", '"{}":', ' "', '"', ", ", "}\n"),
    Style("  {\n", '    "{}":', ' "', '"', ",\n", "\n  },\n"),
    Style("- ", "{}:", " ", "", "\n  ", "\n"),
    Style("", "{}:", " ", "", "\n", "\n\n"),
    Style("", "{}=", "", "", " ", "\n"),
    Style("[entry]\n", "{} =", " ", "", "\n", "\n\n"),
    Style("<row>", "<{}>", "", "", "</> ", "</></row>\n"),
    Style("(", "{}", " ", "", ", ", ")\n"),
    Style("", "the {} is", " ", "", ", ", ".\n"),
)
FORMS = (
    Style("", "{} ......", " ", "", "\n", "\n\n"),
    Style("-----\n", "{}:", " ", "", "\n", "\n"),
    Style("", "[{}]", " ", "", "\n", "\n\n"),
    Style("Form\n", " {} :", " ", "", "\n", "\nend\n"),
    Style("", "{}: __", "", "__", "\n", "\n\n"),
)
Record = dict[str, str]


def write_record(
    page: Page, style: Style, record: Record, key: str, settled: Callable[[str], bool]
) -> None:
    """Write a record; the key's value settles the fields for which `settled` is true."""
    page.add(style.opening)
    for i, (field, value) in enumerate(record.items()):
        page.add((style.between if i else "") + style.field.replace("{}", field))
        if field != key and settled(field):
            page.recall((record[key], field), value, style.lead)
        else:
            page.add(style.lead + value)
        page.add(style.tail)
    page.add(style.closing)


def draw_fields(rng: random.Random, vocabulary: Vocabulary, count: int) -> dict[str, Draw]:
    """Return field names, the first one the key's, and what draws their values."""
    names = distinct(lambda: rng.choice(vocabulary.words), count)
    form = rng.choice((str, str, str.capitalize, str.upper))
    keys: tuple[Draw, ...] = (
        lambda: vocabulary.word(rng),
        lambda: full_name(rng, vocabulary),
        lambda: code(rng),
        lambda: number(rng, 6),
    )
    draws = {form(field): value_draw(rng, vocabulary) for field in names}
    draws[form(names[0])] = fresh(rng.choice(keys))
    return draws


def look_up(page: Page, form: str, record: Record, key: str, field: str) -> None:
    """Write a line that asks for a field of a record the page has shown."""
    page.add(form.format(key=record[key], field=field))
    page.recall((record[key], field), record[field])
    page.add("\n")
