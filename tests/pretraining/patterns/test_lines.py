"""Look-ups and labelled sentences: an answer is settled where what decides it stood further up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretraining.patterns.line_documents import (
    PATTERNS_IN_LINES,
    VOCABULARY,
    Seen,
    bare_lines,
    document,
    lines_of,
    lines_with_cues,
    seeds,
)

from manyicl.pretraining.patterns.sentences import by_word
from manyicl.pretraining.patterns.vocabulary import Vocabulary

NAMES = sorted(PATTERNS_IN_LINES)
# Here the cue is the label: sentences of one source, or pairs that are alike, share nothing else.
BY_LABEL = ("by_source", "same_or_other")
BY_CUE = sorted(set(NAMES) - {*BY_LABEL, "picked_out"})
sizes = st.integers(1, 60)


# --- what holds for all --------------------------------------------------------------------------


@given(st.sampled_from(NAMES), seeds, sizes)
def test_a_document_is_a_function_of_its_seed(name, seed, size):
    pieces = document(name, seed, size)
    assert len(lines_of(pieces)) == size
    assert pieces == document(name, seed, size)
    assert all(piece.text for piece in pieces if piece.settled)
    if size > 20:
        assert pieces != document(name, seed + 1, size)


@given(st.sampled_from(NAMES), seeds, sizes)
def test_only_answers_are_settled(name, seed, size):
    pieces = document(name, seed, size)
    heading = len(pieces) % 3
    assert heading in (0, 1)
    for number, piece in enumerate(pieces):
        assert not piece.settled or (number - heading) % 3 == 1


@given(st.sampled_from([*BY_CUE, *BY_LABEL]), seeds, sizes)
def test_a_label_that_was_not_seen_is_open(name, seed, size):
    seen: set[str] = set()
    for line in bare_lines(name, seed, size):
        assert line.answer in seen or not line.settled
        seen.add(line.answer)


@pytest.mark.parametrize("name", BY_CUE)
def test_a_label_that_was_seen_may_be_open(name):
    """Another key, phrase or sentence had it. But most of a long document is settled."""
    found: list[Seen] = []
    seen_but_open = 0
    for seed in range(20):
        lines = bare_lines(name, seed, 60)
        labels = [line.answer for line in lines]
        seen_but_open += sum(
            line.answer in labels[:i] and not line.settled for i, line in enumerate(lines)
        )
        found += lines
    assert seen_but_open > 10
    assert 0.5 < sum(line.settled for line in found) / len(found) < 0.99


@pytest.mark.parametrize("name", BY_CUE)
def test_cues_stand_in_their_line_and_decide(name):
    """Cues are not marked in the text, and of altered ones a part may be gone."""
    kept, labels = [], {}
    for seed in range(30):
        for line in lines_with_cues(name, seed, 40):
            text = line.text.lower().replace(".", " ").replace(",", " ").split()
            for cue in line.cues:
                words = cue.lower().rstrip(".").split()
                kept.append(sum(word in text for word in words) / len(words))
                labels.setdefault((seed, cue), set()).add(line.answer)
    altered = name in ("altered_sentences", "cue_phrases")
    assert (sum(kept) / len(kept) > 0.65) if altered else (min(kept) == 1)
    sure = sum(len(found) == 1 for found in labels.values())
    assert sure > (0.9 if name == "word_sets" else 0.99) * len(labels)


# --- look-ups ------------------------------------------------------------------------------------


@given(seeds, sizes)
def test_a_key_of_a_dictionary_is_settled_if_and_only_if_it_came_before(seed, size):
    label_of: dict[str, str] = {}
    for line in bare_lines("dictionary", seed, size):
        assert line.settled == (line.text in label_of)
        assert label_of.setdefault(line.text, line.answer) == line.answer


@given(seeds, sizes)
def test_a_settled_line_shares_a_word_with_an_earlier_one_of_its_label(seed, size):
    earlier: dict[str, set[str]] = {}
    for line in bare_lines("noisy_keys", seed, size):
        known, words = earlier.setdefault(line.answer, set()), set(line.text.split())
        assert not line.settled or words & known
        known |= words


@given(seeds)
def test_lines_of_the_same_words_have_the_same_label_and_the_second_is_settled(seed):
    """Whatever stands around the key."""
    found: dict[tuple[str, ...], str] = {}
    for line in bare_lines("noisy_keys", seed, 60):
        words = tuple(sorted(line.text.split()))
        assert line.settled or words not in found
        assert found.setdefault(words, line.answer) == line.answer


@given(st.sampled_from(["noisy_keys", "word_sets"]), seeds, sizes)
def test_a_line_of_new_words_alone_is_open(name, seed, size):
    known: set[str] = set()
    for line in bare_lines(name, seed, size):
        words = set(line.text.split())
        assert words & known or not line.settled
        known |= words


# --- sentences -----------------------------------------------------------------------------------


@given(st.sampled_from(BY_LABEL), seeds, sizes)
def test_without_a_cue_of_its_own_a_label_is_settled_once_it_was_seen(name, seed, size):
    seen: set[str] = set()
    for line in bare_lines(name, seed, size):
        assert line.settled == (line.answer in seen)
        seen.add(line.answer)


def test_sentences_of_one_source_have_one_label():
    source_of = {text: i for i, texts in enumerate(VOCABULARY.sources) for text in texts}
    for seed in range(30):
        label_of: dict[int, str] = {}
        for line in bare_lines("by_source", seed, 30):
            assert label_of.setdefault(source_of[line.text], line.answer) == line.answer
        assert 2 <= len(label_of) == len(set(label_of.values())) <= 5


def test_an_altered_sentence_is_settled_from_its_second_time_on():
    """Seen in documents that neither alter nor add sentences."""
    known = {text for texts in VOCABULARY.sources for text in texts}
    documents = 0
    for seed in range(120):
        lines = bare_lines("altered_sentences", seed, 40)
        if not all(line.text in known for line in lines):
            continue
        documents += 1
        label_of: dict[str, str] = {}
        for line in lines:
            assert line.settled == (line.text in label_of)
            assert label_of.setdefault(line.text, line.answer) == line.answer
    assert documents > 5


def test_a_cue_phrase_is_settled_from_its_second_time_on():
    """Seen in documents whose lines are nothing but unaltered cue phrases."""
    documents = 0
    for seed in range(200):
        lines = bare_lines("cue_phrases", seed, 40)
        told = lines_with_cues("cue_phrases", seed, 40)
        if any(line.cues != (line.text,) for line in told):
            continue
        documents += 1
        seen: set[str] = set()
        for line in lines:
            assert line.settled == (line.text in seen)
            seen.add(line.text)
    assert documents > 5


@given(seeds, sizes)
def test_a_settled_sentence_shares_a_known_word_with_an_earlier_one_of_its_label(seed, size):
    known = set(VOCABULARY.sentences_of)
    earlier: dict[str, set[str]] = {}
    for line in bare_lines("by_word", seed, size):
        words = known & set(line.text.lower().rstrip(".").split())
        assert words
        assert not line.settled or words & earlier.get(line.answer, set())
        earlier.setdefault(line.answer, set()).update(words)


def test_in_a_small_corpus_sources_take_the_place_of_words():
    small = Vocabulary(
        VOCABULARY.common, VOCABULARY.words, tuple(s[:3] for s in VOCABULARY.sources)
    )
    assert not small.sentences_of
    for seed in range(10):
        pieces = by_word(random.Random(seed), small, 20)
        seen: set[str] = set()
        for _, answer in lines_of(pieces):
            assert answer.settled == (answer.text in seen)
            seen.add(answer.text)


@given(seeds, sizes)
def test_what_is_picked_out_stands_in_its_own_line(seed, size):
    for line in bare_lines("picked_out", seed, size):
        assert line.settled
        assert line.answer in line.text


# --- the vocabulary ------------------------------------------------------------------------------


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
