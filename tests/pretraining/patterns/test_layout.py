"""Lines on a page: an answer is settled once a cue of its line was seen; labels and layouts."""

from __future__ import annotations

import random
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretraining.patterns.line_documents import VOCABULARY, lines_of, seeds

from manyicl.models.scratch import ASSISTANT_MARK, USER_MARK
from manyicl.pretraining.patterns import layout
from manyicl.pretraining.patterns.draws import task_labels
from manyicl.pretraining.patterns.layout import Line, draw_labels, draw_layout, lay_out
from manyicl.pretraining.patterns.vocabulary import Vocabulary

texts = st.text("abc xyz", min_size=1, max_size=9)
lines = st.builds(
    Line, texts, st.sampled_from("ABC"), st.lists(st.sampled_from("uvwxyz"), max_size=3).map(tuple)
)


def settled(given: list[Line], seed: int = 0) -> list[bool]:
    return [
        answer.settled for _, answer in lines_of(lay_out(random.Random(seed), VOCABULARY, given))
    ]


def test_an_answer_is_settled_by_a_cue_and_not_by_its_label():
    given = [
        Line("red ball", "A", ("red",)),
        Line("blue ball", "A", ("blue",)),  # A was seen, blue was not
        Line("red box", "A", ("red",)),
        Line("green cup", "B", ("green",)),
        Line("blue green cap", "C", ("blue", "green")),  # seen, with other labels
        Line("white red hat", "A", ("white", "red")),  # one of them is enough
        Line("white sock", "A", ("white",)),
        Line("say 7", "7"),  # follows from its own text
        Line("Red sky", "A", ("Red",)),
    ]
    expected = [False, False, True, False, True, True, True, True, False]
    for seed in range(20):
        assert settled(given, seed) == expected


@given(st.lists(lines, min_size=1, max_size=12), seeds)
def test_settled_if_and_only_if_a_cue_was_seen(given, seed):
    found = settled(given, seed)
    for number, line in enumerate(given):
        earlier = {cue for other in given[:number] for cue in other.cues}
        assert found[number] == (not line.cues or any(cue in earlier for cue in line.cues))


@given(st.lists(lines, min_size=1, max_size=12), seeds)
def test_later_lines_and_labels_change_nothing(given, seed):
    found = settled(given, seed)
    assert settled(given[:-1] or given, seed)[: len(given) - 1] == found[: len(given) - 1]
    assert settled([line._replace(answer="same") for line in given], seed) == found


@given(st.lists(lines, min_size=1, max_size=12), seeds)
def test_laid_out_lines_read_text_then_answer(given, seed):
    drawn = draw_layout(random.Random(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "draw_layout", lambda rng: drawn)
        pieces = lay_out(random.Random(seed), VOCABULARY, given)
    expected = "".join(
        drawn.before + line.text + drawn.between + drawn.space + line.answer + drawn.after
        for line in given
    )
    text = "".join(piece.text for piece in pieces)
    assert text.endswith(expected)
    heading = text.removesuffix(expected)
    assert heading == "" or (heading.endswith("\n\n") and not pieces[0].settled)
    for line, (_, answer) in zip(given, lines_of(pieces), strict=True):
        assert answer.text == drawn.space + line.answer  # nothing else is marked


def test_layouts_vary_and_the_two_of_the_package_are_not_among_them():
    found = {draw_layout(random.Random(seed)) for seed in range(500)}
    assert len(found) > 40
    assert not any("Input" in layout.before or "Output" in layout.between for layout in found)
    assert not any(
        mark in before + between
        for before, between, _, _ in map(astuple, found)
        for mark in (USER_MARK, ASSISTANT_MARK)
    )


@given(seeds, st.integers(2, 24))
def test_labels_are_distinct_and_as_many_as_asked_for(seed, number):
    labels = draw_labels(random.Random(seed), VOCABULARY, number)
    assert len(set(labels)) == len(labels) == number


def test_no_label_is_one_of_a_built_in_task_but_for_letters():
    known = task_labels()
    assert {"yes", "positive"} <= known
    few = Vocabulary(("the",), (*sorted(known), "heron", "gravel", "violet", "lantern"), ())
    kinds = set()
    for seed in range(300):
        labels = draw_labels(random.Random(seed), few, 3)
        if all(len(label) == 1 and label.isupper() for label in labels):
            kinds.add("letters")
            continue
        kinds |= {"number" if label.isdigit() else "words" for label in labels}
        assert not known & {label.lower() for label in labels}
    assert kinds == {"letters", "number", "words"}
