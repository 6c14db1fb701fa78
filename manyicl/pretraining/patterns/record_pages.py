"""Records in JSON, YAML and other forms, forms filled in again, records written in two ways."""

from __future__ import annotations

import random

from manyicl.pretraining.patterns.draws import (
    Recurring,
    add_title,
    fresh,
    full_name,
)
from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.record_styles import (
    FORMS,
    RECORDS,
    ROWS,
    draw_fields,
    look_up,
    write_record,
)
from manyicl.pretraining.patterns.vocabulary import Vocabulary


def records(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """JSON, YAML, key=value and other records with a field that is new, one that never changes."""
    page = Page()
    add_title(page, rng, vocabulary)
    draws = draw_fields(rng, vocabulary, rng.choice((3, 4, 5, 6)))
    fields = list(draws)
    key, free, constant = fields[0], fields[1], fields[2] if len(fields) > 3 else ""
    order = rng.sample(fields, len(fields))
    if rng.random() < 0.7:  # else some fields come before the key, and their values tell it
        order.sort(key=lambda field: field != key)
    position = order.index(key)
    style = rng.choice(RECORDS)
    fixed = draws[constant]() if constant else ""
    known = Recurring(rng, lambda: {field: draws[field]() for field in order}, size)
    for _ in range(size):
        record = known.draw()
        row = record | {free: draws[free]()}
        page.add(style.opening)
        for i, field in enumerate(order):
            page.add((style.between if i else "") + style.field.replace("{}", field))
            if field == constant:
                page.recall((None, field), fixed, style.lead)
            elif field in (key, free) or i < position:
                page.add(style.lead + row[field])
                if field not in (key, free):
                    page.learn((row[key], field), row[field])
            else:
                page.recall((row[key], field), row[field], style.lead)
            page.add(style.tail)
        page.add(style.closing)
    return page.pieces()


def forms(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Forms that the same people fill in again, and slips that confirm a field of them."""
    page = Page()
    add_title(page, rng, vocabulary)
    draws = draw_fields(rng, vocabulary, rng.choice((3, 4, 5)))
    key, *others = draws
    draws[key] = fresh(lambda: full_name(rng, vocabulary))
    style = rng.choice(FORMS)
    slip = rng.choice(("Received from {key}, {field}", "To {key}: we noted as {field}",
                       "Copy for {key} ({field}):", "{key} confirms {field}"))  # fmt: skip
    share_slips = rng.choice((0.0, 0.3, 0.6))
    known = Recurring(rng, lambda: {field: draw() for field, draw in draws.items()}, size)
    for _ in range(size):
        if known.seen and rng.random() < share_slips:
            look_up(page, slip, rng.choice(known.seen), key, rng.choice(others))
        else:
            write_record(page, style, known.draw(), key, lambda field: True)
    return page.pieces()


def converted_records(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Records in one form, each followed by itself in another; only the first copy is new."""
    page = Page()
    add_title(page, rng, vocabulary)
    fields = draw_fields(rng, vocabulary, rng.choice((2, 3, 4)))
    first, second = rng.sample((*ROWS, *RECORDS), 2)
    if not (first.shows_fields or second.shows_fields):
        second = rng.choice(RECORDS)
    order = (
        rng.sample(list(fields), len(fields))
        if first.shows_fields and second.shows_fields
        else list(fields)
    )
    several = rng.choice((1, 1, 2, 4))  # records in a row before their copies
    arrow = rng.choice(("", "=>\n", "\n", "converted:\n"))
    end = rng.choice(("\n", "---\n"))
    done = 0
    while done < size:
        batch = [{field: draw() for field, draw in fields.items()} for _ in range(several)]
        for record in batch:
            write_record(page, first, record, "", lambda field: False)
        page.add(arrow)
        for record in batch:
            page.add(second.opening)
            for i, field in enumerate(order):
                page.add((second.between if i else "") + second.field.replace("{}", field))
                page.settle(second.lead + record[field])
                page.add(second.tail)
            page.add(second.closing)
        page.add(end)
        done += several
    return page.pieces()


RECORD_PAGES: dict[str, Pattern] = {
    "records": records,
    "forms": forms,
    "converted_records": converted_records,
}
