"""Pattern pages for tests: generated, and their settled answers taken out."""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Iterator

from hypothesis import strategies as st

from manyicl.pretraining.patterns import (
    log_pages,
    question_pages,
    record_pages,
    record_styles,
    reference_pages,
    rule_pages,
    table_pages,
)
from manyicl.pretraining.patterns.pages import PAGES
from manyicl.pretraining.patterns.piece import Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense


def make_vocabulary() -> Vocabulary:
    rng = random.Random(7)
    words = list(dict.fromkeys(nonsense(rng) + nonsense(rng) for _ in range(900)))
    sources = tuple(
        tuple(
            " ".join(rng.choices(words, k=rng.randint(4, 9))).capitalize() + "." for _ in range(40)
        )
        for _ in range(8)
    )
    return Vocabulary(tuple(words[:20]), tuple(words[20:]), sources)


VOCABULARY = make_vocabulary()
MODULES = (
    log_pages,
    question_pages,
    record_pages,
    record_styles,
    reference_pages,
    rule_pages,
    table_pages,
)
# Words of the fixed text of pages, which say nothing about what is asked for.
FIXED = {
    word
    for module in MODULES
    for word in re.findall(r"[a-z]+", inspect.getsource(module).replace("\\n", " ").lower())
}
seeds = st.integers(0, 2**32)
sizes = st.integers(1, 60)


def page_of(name: str, seed: int, size: int) -> list[Piece]:
    return PAGES[name](random.Random(seed), VOCABULARY, size)


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def answers(pieces: list[Piece]) -> Iterator[tuple[str, str, str]]:
    """Yield (text before, answer, text after up to the end of the line) of each settled piece."""
    text, start = text_of(pieces), 0
    for piece in pieces:
        end = start + len(piece.text)
        if piece.settled:
            yield text[:start], piece.text.strip(' "'), text[end:].split("\n", 1)[0]
        start = end


def keys(text: str) -> set[str]:
    """Return the words and numbers that are not fixed text."""
    return set(re.findall(r"\w+", text.lower())) - FIXED
