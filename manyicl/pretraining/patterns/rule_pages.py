"""Lines that follow one rule: number sequences, pairs marked as equal or not, sorted sentences."""

from __future__ import annotations

import random
from collections.abc import Callable

from manyicl.pretraining.patterns.draws import (
    Recurring,
    add_title,
    code,
    fresh,
    full_name,
    marks,
    number,
    phrase,
    sentence_draw,
)
from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense

MAX_DOUBLED = 100_000  # a line of doublings stops before its numbers grow beyond this


def number_lines(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Lines of numbers, each from its own start, all with the same step or factor."""
    page = Page()
    add_title(page, rng, vocabulary)
    factor = rng.choice((1, 1, 1, 2, 2, 3, 10))
    step = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 20, 25, 50, 100, -1, -2, -5, -10))
    between = rng.choice((" ", ", ", " -> ", "; ", " < " if step > 0 else " > ", "\t", " / "))
    before = rng.choice(("", "", "- ", "from {}: ", "{}) "))
    length = rng.choice((3, 4, 6, 9))
    for line in range(size):
        value = rng.randint(1, 99) if factor == 1 and step > 0 else rng.randint(1, 12)
        if factor == 1 and step < 0:
            value = rng.randint(length * -step, 100 + length * -step)
        page.add(before.format(line + 1 if before.startswith("{}") else value))
        for place in range(length):
            if place == 0:
                page.add(str(value))
            else:
                value = value * factor if factor > 1 else value + step
                if value > MAX_DOUBLED:
                    break
                page.add(between.rstrip(" "))
                lead = " " if between.endswith(" ") else ""
                if line > 0 or place > 2:  # 3, 6 may go on with 9 or with 12
                    page.settle(f"{lead}{value}")
                else:
                    page.add(f"{lead}{value}")
        page.add("\n")
    return page.pieces()


def same_or_different(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Two texts of a line, equal or not, and one of two arbitrary marks that tells which."""
    page = Page()
    add_title(page, rng, vocabulary)
    sentence = sentence_draw(rng, vocabulary)
    make: Callable[[], str] = rng.choice(
        (
            lambda: vocabulary.word(rng),
            lambda: phrase(rng, vocabulary, 2, 3),
            lambda: code(rng),
            lambda: number(rng),
            lambda: full_name(rng, vocabulary),
            lambda: nonsense(rng),
            sentence,
        )
    )
    equal, unequal = marks(rng, vocabulary, 2)
    between = rng.choice((" / ", "\n", " | ", " ~ ", " and ", "; "))
    tie, after = rng.choice(
        ((":", "\n"), (" ->", "\n"), ("\n", "\n\n"), (" =>", "\n"), (" (", ")\n"))
    )
    lead = "" if tie in ("\n", " (") else " "
    share_near = rng.choice((0.0, 0.5))
    cases = rng.choice((lambda text: text, lambda text: text, str.upper, str.title))
    for _ in range(size):
        first = make()
        second = first
        alike = rng.random() < 0.5
        while not alike and second.lower() == first.lower():
            near = len(first.split(" ")) > 1 and rng.random() < share_near
            second = _one_word_changed(rng, vocabulary, first) if near else make()
        page.add(first + between + cases(second) + tie)
        page.recall(alike, equal if alike else unequal, lead)
        page.add(after)
    return page.pieces()


def _one_word_changed(rng: random.Random, vocabulary: Vocabulary, text: str) -> str:
    words = text.split(" ")
    words[rng.randrange(len(words))] = vocabulary.word(rng)
    return " ".join(words)


def headings(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Sentences of several sources under headings; later lines name the heading of a sentence."""
    page = Page()
    add_title(page, rng, vocabulary)
    count = rng.choice((2, 3, 4, 6))
    names = marks(rng, vocabulary, count)
    sentences = [fresh(sentence_draw(rng, vocabulary)) for _ in range(count)]
    heading, item = rng.choice(
        (
            ("## {}", "- {}"),
            ("{}:", "  {}"),
            ("[{}]", "* {}"),
            ("{}\n---", "{}"),
            ("Under {}", "> {}"),
        )
    )
    filed = rng.choice(("{} ->", "{} (", "'{}' is under", "{}\nHeading:", "{} |"))
    end = ")\n" if filed.endswith("(") else "\n"
    shortest = rng.choice((3, 5, 100))  # words of a sentence that later lines give
    given = Recurring(rng, lambda: rng.randrange(count), size)
    listed: dict[str, int] = {}
    left = size
    while left > 0:
        for _ in range(rng.choice((1, count))):
            place = given.draw()
            page.add(heading.format(names[place]) + "\n")
            for _ in range(min(max(left, 0), rng.choice((1, 2, 4)))):
                sentence = sentences[place]()
                if listed.setdefault(sentence, place) == place:
                    page.add(item.format(sentence) + "\n")
                left -= 1
            page.add("\n")
        known = list(listed)[-24:]
        for _ in range(min(max(left, 0), rng.choice((2, 6, 12)))):
            sentence = rng.choice(known)
            shown = " ".join(sentence.split(" ")[:shortest])
            page.add(filed.format(shown))
            places = {where for other, where in listed.items() if other.startswith(shown)}
            lead = "" if filed.endswith("(") else " "
            if len(places) == 1:
                page.settle(lead + names[listed[sentence]])
            else:  # the words shown begin sentences under several headings
                page.add(lead + names[listed[sentence]])
            page.add(end)
            left -= 1
        page.add("\n")
    return page.pieces()


RULES: dict[str, Pattern] = {
    "number_lines": number_lines,
    "same_or_different": same_or_different,
    "headings": headings,
}
