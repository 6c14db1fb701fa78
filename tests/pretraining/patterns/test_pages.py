"""Pages that repeat themselves: what holds for each of them, and what they are made with."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretraining.patterns.page_documents import VOCABULARY, page_of, seeds, sizes, text_of

from manyicl.pretraining.patterns.draws import Recurring, fresh, marks, task_labels
from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.pages import PAGES
from manyicl.pretraining.patterns.piece import Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary
from manyicl.tasks.builtin.registry import task_generators

pytestmark = pytest.mark.usefixtures("no_invented_word_is_fixed_text")


@pytest.mark.parametrize("name", PAGES)
@given(seed=seeds, size=sizes)
@settings(max_examples=15)
def test_a_page_is_readable_and_the_same_for_the_same_seed(name: str, seed: int, size: int):
    pieces = page_of(name, seed, size)
    text = text_of(pieces)
    assert pieces == page_of(name, seed, size)
    assert text.endswith("\n")
    assert all(char.isprintable() or char in "\n\t" for char in text)
    assert not re.search(r"\{\w*\}", text), "a field was left open"
    assert len(text) >= 5 * size
    assert all(piece.text for piece in pieces)
    assert not any(a.settled is b.settled is False for a, b in itertools.pairwise(pieces))
    assert not any(piece.text.endswith((" ", "\n")) for piece in pieces if piece.settled)


@pytest.mark.parametrize("name", PAGES)
def test_long_pages_are_worth_reading(name: str):
    """On average at least a twentieth of a long page follows from its beginning."""
    pages = [page_of(name, seed, 150) for seed in range(20)]
    settled = sum(len(p.text) for page in pages for p in page if p.settled)
    assert settled > 0.05 * sum(len(text_of(page)) for page in pages)
    assert len({text_of(page) for page in pages}) == len(pages)


@pytest.mark.parametrize("name", PAGES)
def test_pages_differ_in_form(name: str):
    """Without their words and numbers, twenty pages of ten lines show many forms."""
    forms = {re.sub(r"\w+", "w", text_of(page_of(name, seed, 10)))[:60] for seed in range(20)}
    assert len(forms) >= 6


@pytest.mark.parametrize("name", PAGES)
def test_no_page_gives_the_instruction_of_a_built_in_task(name: str):
    text = "".join(text_of(page_of(name, seed, 40)) for seed in range(10))
    assert not [task.name for task in task_generators() if task.instruction in text]


@pytest.mark.parametrize("name", PAGES)
def test_pages_need_no_corpus_sentences(name: str):
    bare = Vocabulary(VOCABULARY.common, VOCABULARY.words, ())
    for seed in range(5):
        assert text_of(PAGES[name](random.Random(seed), bare, 12))


def test_no_mark_is_a_label_of_a_built_in_task():
    labels = sorted(task_labels())
    assert {"yes", "entailment", "same", "positive"} <= task_labels()
    vocabulary = Vocabulary(("the",), (*labels, "heron", "gravel", "violet"), ())
    for seed in range(50):
        assert not task_labels() & set(marks(random.Random(seed), vocabulary, 3))


def test_a_key_is_settled_from_its_second_time_on():
    page = Page()
    page.recall("tea", "4.50")
    page.add("\n")
    page.recall("tea", "4.50", lead=': "')
    assert page.pieces() == [Piece(" 4.50\n"), Piece(': "4.50', True)]
    with pytest.raises(ValueError, match=r"'tea' is '4.50'"):
        page.recall("tea", "5.00")


def test_fresh_texts_are_new_even_when_the_source_is_dry():
    draw = fresh(lambda: "tea")
    assert len({draw() for _ in range(5)}) == 5


@given(seed=seeds, size=st.integers(1, 200))
def test_keys_come_back(seed: int, size: int):
    drawn: list[int] = []
    keys_of = Recurring(random.Random(seed), lambda: len(drawn), size)
    for _ in range(size):
        drawn.append(keys_of.draw())
    assert set(drawn) == set(keys_of.seen)
    assert drawn[0] == 0
