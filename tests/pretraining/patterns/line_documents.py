"""Pattern documents that stand in lines, for tests: generated, bare of layout, taken apart."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
from hypothesis import strategies as st

from manyicl.pretraining.patterns import layout, lookups, sentences
from manyicl.pretraining.patterns.layout import Layout, Line, lay_out
from manyicl.pretraining.patterns.lookups import LOOKUPS
from manyicl.pretraining.patterns.piece import Piece
from manyicl.pretraining.patterns.sentences import SENTENCES
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense

PATTERNS_IN_LINES = {**LOOKUPS, **SENTENCES}
seeds = st.integers(0, 2**32)


class Seen(NamedTuple):
    """A line as a reader sees it, and whether its answer is marked as settled."""

    text: str
    answer: str
    settled: bool


def make_vocabulary() -> Vocabulary:
    """Return 500 invented words in 720 sentences: many stand in eight or more."""
    rng = random.Random(3)
    drawn = (nonsense(rng) for _ in range(2000))
    words = [*dict.fromkeys(word for word in drawn if 3 <= len(word) <= 10)][:520]
    sources = tuple(
        tuple(
            " ".join(rng.choices(words[20:], k=rng.randint(5, 9))).capitalize() + "."
            for _ in range(60)
        )
        for _ in range(12)
    )
    return Vocabulary(tuple(words[:20]), tuple(words[20:]), sources)


VOCABULARY = make_vocabulary()


def document(name: str, seed: int, size: int) -> list[Piece]:
    return PATTERNS_IN_LINES[name](random.Random(seed), VOCABULARY, size)


def lines_of(pieces: list[Piece]) -> list[tuple[str, Piece]]:
    """Return (text with its markup, answer) of each line, the heading left out."""
    pieces = pieces[len(pieces) % 3 :]
    return [(pieces[i].text, pieces[i + 1]) for i in range(0, len(pieces), 3)]


def bare_lines(name: str, seed: int, size: int) -> list[Seen]:
    """Return the lines of a document without their layout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "draw_layout", lambda rng: Layout("", "", "", ""))
        pieces = document(name, seed, size)
    return [Seen(text, *answer) for text, answer in lines_of(pieces)]


def lines_with_cues(name: str, seed: int, size: int) -> list[Line]:
    """Return what a pattern lays out."""
    found: list[Line] = []

    def caught(rng: random.Random, vocabulary: Vocabulary, lines: list[Line]) -> list[Piece]:
        found.extend(lines)
        return lay_out(rng, vocabulary, lines)

    with pytest.MonkeyPatch.context() as patch:
        for module in (lookups, sentences):
            patch.setattr(module, "lay_out", caught)
        document(name, seed, size)
    return found
