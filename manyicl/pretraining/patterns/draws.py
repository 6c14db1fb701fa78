"""Names, phrases, values and titles of pattern pages, and keys that come back."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense
from manyicl.tasks.builtin.registry import task_generators

T = TypeVar("T")
Draw = Callable[[], str]
MAX_TRIES = 20  # for a text that is not taken yet, before a number makes it one
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def name(rng: random.Random, vocabulary: Vocabulary) -> str:
    """Return one capitalised word, invented or of the corpus."""
    return (nonsense(rng) if rng.random() < 0.5 else rng.choice(vocabulary.words)).capitalize()


def full_name(rng: random.Random, vocabulary: Vocabulary) -> str:
    """Return two capitalised words."""
    return f"{name(rng, vocabulary)} {name(rng, vocabulary)}"


def phrase(rng: random.Random, vocabulary: Vocabulary, least: int, most: int) -> str:
    """Return `least` to `most` words, about a quarter of them very common ones; the last is not."""
    count = rng.randint(least, most)
    words = [
        rng.choice(vocabulary.common) if rng.random() < 0.25 else rng.choice(vocabulary.words)
        for _ in range(count - 1)
    ]
    return " ".join([*words, vocabulary.word(rng)])


def number(rng: random.Random, digits: int = 4) -> str:
    """Return a number of two digits or more."""
    return str(rng.randrange(10, 10 ** rng.randint(2, digits)))


def price(rng: random.Random) -> str:
    """Return an amount with two decimals."""
    return (
        f"{rng.randrange(1, 10 ** rng.randint(1, 3))}.{rng.choice((0, 5, 25, 40, 50, 75, 90)):02d}"
    )


def code(rng: random.Random) -> str:
    """Return two or three capitals and a number."""
    letters = "".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=rng.choice((2, 2, 3))))
    return f"{letters}{rng.choice(('-', '', '/'))}{rng.randrange(10, 1000)}"


def date(rng: random.Random) -> str:
    """Return a day and a month."""
    return f"{rng.randint(1, 28)} {rng.choice(MONTHS)}"


def value_draw(rng: random.Random, vocabulary: Vocabulary) -> Draw:
    """Return a draw of values of one kind: words, names, numbers, prices, codes, dates."""
    draws: tuple[Draw, ...] = (
        lambda: rng.choice(vocabulary.words),
        lambda: rng.choice(vocabulary.words),
        lambda: nonsense(rng),
        lambda: name(rng, vocabulary),
        lambda: f"{rng.choice(vocabulary.words)} {rng.choice(vocabulary.words)}",
        lambda: number(rng),
        lambda: price(rng),
        lambda: code(rng),
        lambda: date(rng),
    )
    return rng.choice(draws)


def fresh(make: Draw, taken: set[str] | None = None) -> Draw:
    """Return a draw that never gives a text twice, nor one of `taken`."""
    given = set() if taken is None else taken

    def draw() -> str:
        for _ in range(MAX_TRIES):
            text = make()
            if text not in given:
                break
        else:
            text = f"{make()} {len(given)}"
        given.add(text)
        return text

    return draw


def distinct(make: Draw, count: int) -> list[str]:
    """Return `count` different texts."""
    draw = fresh(make)
    return [draw() for _ in range(count)]


def marks(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    """Return different arbitrary words, none of them a label of a built-in task."""
    make = rng.choice((lambda: rng.choice(vocabulary.words), lambda: nonsense(rng)))
    draw = fresh(make, set(task_labels()))
    return [draw() for _ in range(count)]


@cache
def task_labels() -> frozenset[str]:
    """Return the labels of all built-in tasks in lower case: pages must not sort by these."""
    return frozenset(label.lower() for task in task_generators() for label in task.labels or ())


class Recurring(Generic[T]):
    """Keys that come back: a document first lists a few, or meets new ones all the way."""

    def __init__(self, rng: random.Random, make: Callable[[], T], size: int) -> None:
        self._rng, self._make = rng, make
        self.seen: list[T] = []
        if rng.random() < 0.5:
            self._first = min(rng.choice((3, 4, 6, 8, 12, 20, 30)), max(1, size // 2))
            self._share_new = rng.choice((0.0, 0.0, 0.05))
        else:
            self._first = rng.choice((1, 2, 3))
            self._share_new = rng.choice((0.1, 0.2, 0.3, 0.5))

    def draw(self) -> T:
        """Return a new key (then last in `seen`) or one of the seen ones."""
        if len(self.seen) < self._first or self._rng.random() < self._share_new:
            self.seen.append(self._make())
            return self.seen[-1]
        return self._rng.choice(self.seen)


def add_title(page: Page, rng: random.Random, vocabulary: Vocabulary) -> None:
    """Half of all pages have a title of one to four words, in one of several forms."""
    if rng.random() < 0.5:
        return
    title = phrase(rng, vocabulary, 1, 4)
    form = rng.choice(
        (
            "# {}\n\n",
            "{}\n\n",
            "{}:\n",
            "== {} ==\n",
            "*** {} ***\n\n",
            "{}\n-----\n",
            "<h1>{}</h1>\n",
        )
    )
    page.add(form.format(rng.choice((title, title.upper(), title.title()))))


def sentence_draw(rng: random.Random, vocabulary: Vocabulary) -> Draw:
    """Return a draw of sentences from one source of the corpus; made of words if there is none."""
    if not vocabulary.sources:
        return lambda: phrase(rng, vocabulary, 5, 12).capitalize() + "."
    source = rng.choice(vocabulary.sources)
    return lambda: rng.choice(source)
