"""Pages one looks things up in: glossaries, phrase books, directories, contents, references."""

from __future__ import annotations

import random

from manyicl.pretraining.patterns.draws import (
    Draw,
    Recurring,
    add_title,
    code,
    distinct,
    fresh,
    full_name,
    name,
    number,
    phrase,
    sentence_draw,
)
from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense

# before the term, between term and definition, after it; then the same for definition to term
_ENTRIES = (
    ("", ":", "\n"), ("", " -", "\n"), ("**", "**:", "\n"), ("- ", ":", "\n"), ("", " (n.)", ".\n"),
    ("", "\n  ", "\n"), ("* ", " =", ";\n"), ("", " means", ".\n"), ("'", "':", "\n"),
    ("", "\t", "\n"),
)  # fmt: skip
_TURNED = (
    ("Word for '", "':", "\n"), ("", "? See", "\n"), ("The term for ", " is", ".\n"),
    ("<- ", ":", "\n"),
    ("", ", in short:", "\n"), ("What we call ", ":", "\n"),
)  # fmt: skip
_MENTIONS = (
    "see {}:",
    "(again) {}:",
    "on {}:",
    "{}, as above:",
    "cf. {}:",
    "> {}:",
    "{}?",
    "{}, that is,",
)


def glossary(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Terms and their definitions; both ways they come back, and terms define later terms."""
    page = Page()
    add_title(page, rng, vocabulary)
    before, tie, after = rng.choice(_ENTRIES)
    turned, turned_tie, turned_after = rng.choice(_TURNED)
    mention = rng.choice((*_MENTIONS, before + "{}" + tie))
    share_turned = rng.choice((0.0, 0.0, 0.3, 0.6))
    least, most = rng.choice(((1, 2), (2, 4), (3, 7)))
    terms = Recurring(rng, fresh(lambda: vocabulary.word(rng)), size)
    meaning_of: dict[str, str] = {}

    def meaning() -> str:
        words = phrase(rng, vocabulary, least, most)
        earlier = rng.choice(terms.seen)
        return f"{words} {earlier}" if rng.random() < 0.2 and earlier in meaning_of else words

    new_meaning = fresh(meaning)
    for _ in range(size):
        term = terms.draw()
        if term not in meaning_of:
            meaning_of[term] = new_meaning()
            page.learn(("term", meaning_of[term]), term)
            page.add(before + term + tie)
            page.recall(term, meaning_of[term])
            page.add(after)
        elif rng.random() < share_turned:
            page.add(turned + meaning_of[term] + turned_tie)
            page.recall(("term", meaning_of[term]), term)
            page.add(turned_after)
        else:
            page.add(mention.format(term))
            page.recall(term, meaning_of[term])
            page.add(after)
    return page.pieces()


def phrase_book(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Rows of words and their translation word by word into an invented language."""
    page = Page()
    add_title(page, rng, vocabulary)
    before, tie, after = rng.choice(
        (
            ("", " =", "\n"),
            ("", ":", "\n"),
            ("- ", " -", "\n"),
            ("'", "' is", ".\n"),
            ("| ", " |", " |\n"),
        )
    )
    words = Recurring(rng, fresh(lambda: rng.choice(vocabulary.words)), 2 * size)
    invented = fresh(lambda: nonsense(rng))
    ending = rng.choice(("", "", nonsense(rng)[:2]))
    longest = rng.choice((1, 2, 3, 4))
    translation_of: dict[str, str] = {}
    for _ in range(size):
        row = [words.draw() for _ in range(rng.randint(1, longest))]
        page.add(before + " ".join(row) + tie)
        for word in row:
            if word not in translation_of:
                translation_of[word] = invented() + ending
            page.recall(word, translation_of[word])
        page.add(after)
    return page.pieces()


def directory(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Names and their numbers, looked up from either side."""
    page = Page()
    add_title(page, rng, vocabulary)
    makes: tuple[Draw, ...] = (
        lambda: f"{rng.randrange(100, 1000)} {rng.randrange(1000, 10000)}",
        lambda: number(rng, 5),
        lambda: code(rng),
        lambda: f"{name(rng, vocabulary)} {rng.randint(1, 99)}",
    )
    new_number = fresh(rng.choice(makes))
    entry = rng.choice(("{},", "{} ..........", "{}:", "{}  ", "{} -", "| {} |"))
    later = rng.choice((entry, "for {} use", "{} again,", "{}, still", "call {}:", "to {} via"))
    back = rng.choice(("{} is", "{}?", "Whose is {}?", "{} ->", "{} belongs to", "from {}:"))
    share_back = rng.choice((0.0, 0.3, 0.5))
    people = Recurring(rng, fresh(lambda: full_name(rng, vocabulary)), size)
    number_of: dict[str, str] = {}
    for _ in range(size):
        person = people.draw()
        if person not in number_of:
            number_of[person] = new_number()
            page.learn(("whose", number_of[person]), person)
            page.add(entry.format(person))
            page.recall(person, number_of[person])
        elif rng.random() < share_back:
            page.add(back.format(number_of[person]))
            page.recall(("whose", number_of[person]), person)
        else:
            page.add(later.format(person))
            page.recall(person, number_of[person])
        page.add("\n")
    return page.pieces()


def contents(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """A table of contents, then its titles and page numbers come back in any order."""
    page = Page()
    add_title(page, rng, vocabulary)
    entry = rng.choice(("{}", "- {}", "Chapter: {}", "  {}")) + rng.choice(
        (" .....", ",", "\t", " - p.")
    )
    to_title = rng.choice(("page {}:", "p. {} -", "[{}]", "({})", "{}\n", "At {}:"))
    to_page = rng.choice(("{}, see page", "{}, p.", "({}, page", "{} ->", "{} is on"))
    after = rng.choice(("\n", ")\n" if to_page.startswith("(") else "\n"))
    new_title = fresh(lambda: phrase(rng, vocabulary, 1, 3).capitalize())
    left = size
    next_page = rng.randint(1, 9)
    listed: list[tuple[str, str]] = []
    while left > 0:
        for _ in range(min(left, rng.choice((3, 5, 8, 12)), max(2, size // 3))):
            title, where = new_title(), str(next_page)
            next_page += rng.randint(1, 30)
            page.add(entry.format(title))
            page.recall(title, where)
            page.learn(("on", where), title)
            page.add("\n")
            listed.append((title, where))
            left -= 1
        page.add("\n")
        for _ in range(min(left, rng.choice((6, 12, 24)))):
            title, where = rng.choice(listed)
            if rng.random() < 0.5:
                page.add(to_title.format(where))
                page.recall(("on", where), title, lead="" if to_title.endswith("\n") else " ")
                page.add("\n")
            else:
                page.add(to_page.format(title))
                page.recall(title, where)
                page.add(after)
            left -= 1
        page.add("\n")
    return page.pieces()


def cross_references(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Numbered sections of a sentence each that point back to earlier ones by number and title."""
    page = Page()
    add_title(page, rng, vocabulary)
    head = rng.choice(("{}.", "§ {}", "Section {}:", "## {}", "({})"))
    step = rng.choice((1, 1, 1, 5, 10))
    sentence = sentence_draw(rng, vocabulary)
    new_title = fresh(lambda: phrase(rng, vocabulary, 1, 2).capitalize())
    by_title = rng.random() < 0.5
    share = rng.choice((0.5, 0.8, 1.0))
    titles: list[tuple[str, str]] = []
    for i in range(size):
        title, where = new_title(), str((i + 1) * step)
        page.add(head.format(where))
        page.recall(("title", where), title)
        page.learn(title, where)
        page.add(f"\n{sentence()}")
        for _ in range(rng.choice((1, 1, 2)) if titles and rng.random() < share else 0):
            earlier, number_there = rng.choice(titles[-12:])
            if by_title:
                page.add(f" See '{earlier}' under")
                page.recall(earlier, number_there)
                page.add(".")
            else:
                page.add(f" (See {number_there}.")
                page.recall(("title", number_there), earlier)
                page.add(")")
        titles.append((title, where))
        page.add(rng.choice(("\n", "\n\n")))
    return page.pieces()


def rota(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Names that take turns in a fixed order, line by line."""
    page = Page()
    add_title(page, rng, vocabulary)
    turns = distinct(lambda: name(rng, vocabulary), rng.choice((2, 3, 4, 5, 7, 9)))
    unit = rng.choice(("Week {}:", "{}.", "Day {} -", "{})", "{}\t", "No. {},"))
    per_line = rng.choice((1, 1, 2, 3))
    start = rng.randint(1, 40)
    for i in range(size):
        page.add(unit.format(start + i))
        for j in range(per_line):
            turn = i * per_line + j
            page.recall(turn % len(turns), turns[turn % len(turns)])
            page.add("," if j < per_line - 1 else "\n")
    return page.pieces()


REFERENCE: dict[str, Pattern] = {
    "glossary": glossary,
    "phrase_book": phrase_book,
    "directory": directory,
    "contents": contents,
    "cross_references": cross_references,
    "rota": rota,
}
