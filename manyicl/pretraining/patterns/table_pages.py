"""Tables, price lists and timetables: rows recur, cells are looked up, columns keep a step."""

from __future__ import annotations

import random

from manyicl.pretraining.patterns.draws import (
    Recurring,
    add_title,
    distinct,
    fresh,
    name,
    phrase,
    price,
)
from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.record_styles import (
    ROWS,
    Style,
    draw_fields,
    look_up,
    write_record,
)
from manyicl.pretraining.patterns.vocabulary import Vocabulary

LOOK_UPS = ("{key}, {field}:", "{field} of {key}:", "{key} / {field} ->", "The {field} of {key} is",
             "{field} ({key}) =", "{key}: {field}?")  # fmt: skip


def table(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Tables with bars or separators; rows recur in later tables, and notes look up cells."""
    page = Page()
    add_title(page, rng, vocabulary)
    draws = draw_fields(rng, vocabulary, rng.choice((2, 3, 3, 4, 5)))
    fields = list(draws)
    key = fields[0]
    free = {fields[-1]} if len(fields) > 2 and rng.random() < 0.4 else set()  # new in each row
    style, form = rng.choice(ROWS), rng.choice(LOOK_UPS)
    records = Recurring(rng, lambda: {field: draws[field]() for field in fields}, size)
    longest_notes = rng.choice((0, 4, 10))
    left = size
    while left > 0:
        _head(page, style, fields)
        for _ in range(min(left, rng.choice((4, 8, 16, 30)), max(2, size // 2))):
            record = records.draw()
            row = {f: draws[f]() if f in free else value for f, value in record.items()}
            write_record(page, style, row, key, lambda field: field not in free)
            left -= 1
        page.add("\n")
        for _ in range(min(left, rng.randint(0, longest_notes))):
            asked = rng.choice([field for field in fields[1:] if field not in free])
            look_up(page, form, rng.choice(records.seen), key, asked)
            left -= 1
    return page.pieces()


def _head(page: Page, style: Style, fields: list[str]) -> None:
    page.add(style.opening + style.between.join(style.lead + field for field in fields))
    page.add(style.closing)
    if style.opening == "|":
        page.add("|" + "---|" * len(fields) + "\n")


def aligned_columns(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Columns padded with blanks, the key on the left; rows come back, also with other columns."""
    page = Page()
    add_title(page, rng, vocabulary)
    draws = draw_fields(rng, vocabulary, rng.choice((2, 3, 4)))
    key, *others = draws
    widths = {field: rng.choice((10, 12, 14, 18)) for field in draws}
    records = Recurring(rng, lambda: {field: draw() for field, draw in draws.items()}, size)
    two_tables = len(others) > 1 and rng.random() < 0.5  # of which each shows some columns
    left = size
    while left > 0:
        shown = [f for f in others if not two_tables or rng.random() < 0.6] or others[:1]
        page.add("  ".join(field.ljust(widths[field]) for field in (key, *shown)).rstrip() + "\n")
        for _ in range(min(left, rng.choice((5, 10, 20)))):
            record = records.draw()
            page.add(record[key].ljust(widths[key] + 1))
            for field in shown:
                page.recall((record[key], field), record[field])
                if field != shown[-1]:
                    page.add(" " * max(1, widths[field] + 1 - len(record[field])))
            page.add("\n")
            left -= 1
        page.add("\n")
    return page.pieces()


def price_list(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Articles and prices; later notices repeat the price, or name the article that has it."""
    page = Page()
    add_title(page, rng, vocabulary)
    entry = rng.choice(("{} ....", "{}:", "{} -", "* {}", "{}  "))
    unit = rng.choice(("", " EUR", "", " p.", "/kg"))
    again = rng.choice(
        ("{} as before:", "{}, unchanged,", "{} is still", "{} at", "{} (reprint) ....")
    )
    back = rng.choice(("At {} we have", "{} buys", "{} is the price of", "{}:", "Which is {}?"))
    share_back = rng.choice((0.0, 0.3))
    articles = Recurring(rng, fresh(lambda: phrase(rng, vocabulary, 1, 3)), size)
    new_price = fresh(lambda: price(rng))
    price_of: dict[str, str] = {}
    for _ in range(size):
        article = articles.draw()
        if article not in price_of:
            price_of[article] = new_price()
            page.learn(("article", price_of[article]), article)
            page.add(entry.format(article))
            page.recall(article, price_of[article])
            page.add(unit)
        elif rng.random() < share_back:
            page.add(back.format(price_of[article] + unit))
            page.recall(("article", price_of[article]), article)
        else:
            page.add(again.format(article))
            page.recall(article, price_of[article])
            page.add(unit)
        page.add("\n")
    return page.pieces()


def timetable(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Departures at even intervals; the first row of a line gives the times between its stops."""
    page = Page()
    add_title(page, rng, vocabulary)
    form = rng.choice(("{:02d}:{:02d}", "{}:{:02d}", "{:02d}.{:02d}", "{:02d}h{:02d}"))
    gap = rng.choice(("", " |", ",", " "))
    step = rng.choice((10, 15, 20, 30, 60, 60, 60))
    longest = rng.choice((4, 8, 12))
    left = size
    while left > 0:
        stops = distinct(lambda: name(rng, vocabulary), rng.choice((1, 2, 3, 4, 6)))
        minutes = [rng.randrange(4 * 60, 12 * 60)]
        for _ in stops[1:]:
            minutes.append(minutes[-1] + rng.randint(2, 25))
        page.add(rng.choice(("Line {}: ", "{}: ", "Route {}, ")).format(rng.randint(1, 99)))
        page.add(" - ".join(stops) + "\n")
        for row in range(min(left, longest)):
            for column, minute in enumerate(minutes):
                time = form.format(*divmod((minute + row * step) % (24 * 60), 60))
                lead = "" if column == 0 else " "
                if row > 1 or (row == 1 and column > 0):  # the second row tells the interval
                    page.settle(lead + time)
                else:
                    page.add(lead + time)
                page.add("\n" if column == len(minutes) - 1 else gap)
            left -= 1
        page.add("\n")
    return page.pieces()


TABLES: dict[str, Pattern] = {
    "table": table,
    "aligned_columns": aligned_columns,
    "price_list": price_list,
    "timetable": timetable,
}
