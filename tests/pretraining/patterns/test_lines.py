"""Look-ups and labelled sentences: what is marked as settled can be found further up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretraining.tiny_pretraining import vocabulary

from manyicl.models.scratch import ASSISTANT_MARK, END_MARK, USER_MARK
from manyicl.pretraining.patterns import layout
from manyicl.pretraining.patterns.layout import draw_labels, draw_layout, lay_out
from manyicl.pretraining.patterns.lookups import LOOKUPS
from manyicl.pretraining.patterns.piece import Piece
from manyicl.pretraining.patterns.sentences import SENTENCES
from manyicl.pretraining.patterns.vocabulary import Vocabulary

VOCABULARY = vocabulary()
LINES = {**LOOKUPS, **SENTENCES}
LABELLED = sorted(set(LINES) - {"picked_out"})
seeds = st.integers(0, 2**32)
sizes = st.integers(1, 60)


def lines_of(pieces: list[Piece]) -> list[tuple[str, Piece]]:
    """Return (text with its markup, answer) of each line, the heading left out."""
    pieces = pieces[len(pieces) % 3 :]
    return [(pieces[i].text, pieces[i + 1]) for i in range(0, len(pieces), 3)]


def document(name: str, seed: int, size: int) -> list[Piece]:
    return LINES[name](random.Random(seed), VOCABULARY, size)


@given(st.sampled_from(LABELLED), seeds, sizes)
def test_an_answer_is_settled_if_and_only_if_it_was_seen_before(name, seed, size):
    lines = lines_of(document(name, seed, size))
    assert len(lines) == size
    seen: set[str] = set()
    for _, answer in lines:
        assert answer.settled == (answer.text in seen)
        seen.add(answer.text)


@given(st.sampled_from(sorted(LINES)), seeds, sizes)
def test_a_document_is_a_function_of_its_seed(name, seed, size):
    pieces = document(name, seed, size)
    assert pieces == document(name, seed, size)
    assert all(piece.text for piece in pieces if piece.settled)
    if size > 20:
        assert pieces != document(name, seed + 1, size)


@given(st.sampled_from(sorted(LINES)), seeds, sizes)
def test_only_answers_are_settled(name, seed, size):
    pieces = document(name, seed, size)
    heading = len(pieces) % 3
    assert heading in (0, 1)
    for number, piece in enumerate(pieces):
        assert not piece.settled or (number - heading) % 3 == 1


@given(seeds, sizes)
def test_a_key_of_a_dictionary_keeps_its_label(seed, size):
    label_of: dict[str, str] = {}
    for text, answer in lines_of(document("dictionary", seed, size)):
        assert label_of.setdefault(text, answer.text) == answer.text


@given(seeds)
def test_some_word_of_a_noisy_line_always_comes_with_its_label(seed):
    """Whatever stands around the key, lines that share all words share the label."""
    label_of: dict[tuple[str, ...], str] = {}
    for text, answer in lines_of(document("noisy_keys", seed, 60)):
        words = tuple(sorted(text.split()))
        assert label_of.setdefault(words, answer.text) == answer.text


@given(seeds, sizes)
def test_what_is_picked_out_stands_in_its_own_line(seed, size):
    for text, answer in lines_of(document("picked_out", seed, size)):
        assert answer.settled
        assert answer.text.strip() in text


def test_sentences_of_one_source_have_one_label():
    source_of = {text: i for i, texts in enumerate(VOCABULARY.sources) for text in texts}
    for seed in range(30):
        label_of: dict[int, str] = {}
        for text, answer in lines_of(document("by_source", seed, 30)):
            found = [source for sentence, source in source_of.items() if sentence in text]
            if len(found) == 1:
                assert label_of.setdefault(found[0], answer.text) == answer.text


@given(seeds, st.integers(2, 24))
def test_labels_are_distinct_and_as_many_as_asked_for(seed, number):
    labels = draw_labels(random.Random(seed), VOCABULARY, number)
    assert len(set(labels)) == len(labels) == number


@given(seeds, st.lists(st.tuples(st.text(min_size=1), st.sampled_from("abc")), min_size=1))
def test_laid_out_pairs_read_text_then_answer(seed, pairs):
    drawn = draw_layout(random.Random(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "draw_layout", lambda rng: drawn)
        pieces = lay_out(random.Random(seed), VOCABULARY, pairs)
    expected = "".join(
        drawn.before + text + drawn.between + drawn.space + answer + drawn.after
        for text, answer in pairs
    )
    assert "".join(piece.text for piece in pieces).endswith(expected)


def test_layouts_vary_and_the_two_of_the_package_are_among_them():
    found = {draw_layout(random.Random(seed)) for seed in range(500)}
    assert len(found) > 40
    plain = [one for one in found if one.before == "Input: " and one.between == "\nOutput:"]
    assert any(one.after == f"{END_MARK}\n\n" for one in plain)
    assert any(
        (one.before, one.between, one.after) == (USER_MARK, ASSISTANT_MARK, END_MARK)
        for one in found
    )


def test_a_vocabulary_ranks_words_and_keeps_sentences_with_their_documents():
    words = [f"{a}{b}x" for a in "abcdefghij" for b in "abcdefghijklmnopqrst"]
    text = "\n".join(" ".join([word] * (300 - i)) for i, word in enumerate(words))
    sentences = [f"User: This is the sentence with the number {i} in it." for i in range(30)]
    made = Vocabulary.from_documents([text, "\n".join(sentences), "Too short. " * 3])
    assert made.common == tuple(words[:60])
    assert made.words[: len(words) - 80] == tuple(words[80:])
    assert "User" not in made.sources[-1][0]
    assert made.sources[-1][3] == "This is the sentence with the number 3 in it."
    assert len(made.sources) == 1
