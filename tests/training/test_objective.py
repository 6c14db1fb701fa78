"""The objective: labels and weights against ones written out by hand."""

from __future__ import annotations

import pytest
from builders import TOKENIZERS, make_task
from hypothesis import given
from hypothesis import strategies as st
from texts import POOLS

from manyicl.config import ObjectiveConfig, TemplateConfig
from manyicl.episodes import EncodedExample, EncodedPool, EncodedSequence, Encoder, Pool, join
from manyicl.training.objective import num_supervised_answers, supervise

X = -100
# Opening 90 91; prompt 10, target 11 12; separator 80; prompt 20 21, target 22; separator 80;
# prompt 30, target 31 32 33.
SEQUENCE = join(
    "t",
    [90, 91],
    [
        EncodedExample([10], [11, 12]),
        EncodedExample([20, 21], [22]),
        EncodedExample([30], [31, 32, 33]),
    ],
    [80],
)
IDS = [90, 91, 10, 11, 12, 80, 20, 21, 22, 80, 30, 31, 32, 33]
SHOTS = [-1, -1, -1, 0, 0, -1, -1, -1, 1, -1, -1, 2, 2, 2]

LABELS = {
    "every_answer": [X, X, X, 11, 12, X, X, X, 22, X, X, 31, 32, 33],
    "last_answer": [X, X, X, X, X, X, X, X, X, X, X, 31, 32, 33],
    "answers_after:0": [X, X, X, 11, 12, X, X, X, 22, X, X, 31, 32, 33],
    "answers_after:1": [X, X, X, X, X, X, X, X, 22, X, X, 31, 32, 33],
    "answers_after:2": [X, X, X, X, X, X, X, X, X, X, X, 31, 32, 33],
    "answers_after:3": [X] * 14,
    "all_tokens": [X, 91, 10, 11, 12, 80, 20, 21, 22, 80, 30, 31, 32, 33],
}


def test_the_example_is_what_it_says():
    assert SEQUENCE.input_ids == IDS
    assert SEQUENCE.stops == (2, 5, 9, 14)


@pytest.mark.parametrize("mode", LABELS)
def test_labels_of_every_mode(mode):
    found = supervise(SEQUENCE, ObjectiveConfig(supervise=mode))
    assert found.labels == LABELS[mode]
    assert found.weights == [0.0 if label == X else 1.0 for label in LABELS[mode]]
    assert found.shots == SHOTS


def test_weights_of_the_mean_of_answer_means():
    found = supervise(SEQUENCE, ObjectiveConfig(normaliser="answer_mean"))
    a, b, c = 1 / 2, 1.0, 1 / 3
    assert found.weights == [0, 0, 0, a, a, 0, 0, 0, b, 0, 0, c, c, c]
    assert sum(found.weights) == pytest.approx(3)  # the number of answers
    found = supervise(SEQUENCE, ObjectiveConfig(supervise="last_answer", normaliser="answer_mean"))
    assert found.weights == [0] * 11 + [c, c, c]


def test_weights_of_shot_weights_and_the_last_one_repeated():
    objective = ObjectiveConfig(normaliser="shot_weights", shot_weights=[0.5, 2.0])
    found = supervise(SEQUENCE, objective)
    assert found.weights == [0, 0, 0, 0.25, 0.25, 0, 0, 0, 2, 0, 0, 2 / 3, 2 / 3, 2 / 3]
    assert sum(found.weights) == pytest.approx(0.5 + 2 + 2)
    assert found.labels == LABELS["every_answer"]


def test_an_answer_of_weight_zero_has_no_label():
    objective = ObjectiveConfig(normaliser="shot_weights", shot_weights=[0, 3])
    found = supervise(SEQUENCE, objective)
    assert found.labels == LABELS["answers_after:1"]
    assert found.weights == [0] * 8 + [3, 0, 0, 1, 1, 1]


def test_the_weight_of_a_last_answer_is_that_of_its_shot_index():
    objective = ObjectiveConfig(
        supervise="last_answer", normaliser="shot_weights", shot_weights=[1, 5, 9]
    )
    assert supervise(SEQUENCE, objective).weights == [0] * 11 + [3, 3, 3]


def test_weights_of_all_tokens_by_demonstration():
    found = supervise(SEQUENCE, ObjectiveConfig(supervise="all_tokens", normaliser="answer_mean"))
    # The opening belongs to the first demonstration, a separator to the one after it; the first
    # token has nothing before it and no loss.
    assert found.weights == [0, *[1 / 4] * 4, *[1 / 4] * 4, *[1 / 5] * 5]
    objective = ObjectiveConfig(
        supervise="all_tokens", normaliser="shot_weights", shot_weights=[4, 0, 1]
    )
    found = supervise(SEQUENCE, objective)
    assert found.weights == [0, 1, 1, 1, 1, 0, 0, 0, 0, *[1 / 5] * 5]
    assert found.labels == [X, 91, 10, 11, 12, X, X, X, X, 80, 30, 31, 32, 33]


def test_a_single_demonstration_is_supervised_in_every_mode():
    alone = join("t", [], [EncodedExample([10], [11, 12])], [80])
    for mode in ("every_answer", "last_answer", "answers_after:0", "all_tokens"):
        assert supervise(alone, ObjectiveConfig(supervise=mode)).labels == [X, 11, 12]
    assert supervise(alone, ObjectiveConfig(supervise="answers_after:1")).labels == [X, X, X]


def test_an_answer_without_anything_before_it_loses_its_first_label_only():
    bare = join("t", [], [EncodedExample([], [11, 12])], [])
    found = supervise(bare, ObjectiveConfig(normaliser="answer_mean"))
    assert found.labels == [X, 12]
    assert found.weights == [0, 1]


# --- over any contents ---------------------------------------------------------------------------

ENCODERS = {
    name: Encoder(make(), TemplateConfig(kind="chat" if name == "chat" else "plain"))
    for name, make in TOKENIZERS.items()
}
MODES = st.sampled_from(
    ["every_answer", "last_answer", "all_tokens", *(f"answers_after:{n}" for n in range(4))]
)
NORMALISERS = st.sampled_from(["token_mean", "answer_mean", "shot_weights"])
OBJECTIVES = st.builds(
    lambda mode, normaliser: ObjectiveConfig(
        supervise=mode,
        normaliser=normaliser,
        shot_weights=[0.0, 2.0, 0.5] if normaliser == "shot_weights" else [],
    ),
    MODES,
    NORMALISERS,
)


def sequence_of(name: str, rows) -> EncodedSequence:
    task = make_task(rows, instruction="Do it.")
    return EncodedPool(Pool(task), ENCODERS[name]).sequence(range(len(rows)))


@given(st.sampled_from(sorted(ENCODERS)), POOLS, OBJECTIVES)
def test_labels_are_the_tokens_of_supervised_answers_and_nothing_else(name, rows, objective):
    sequence = sequence_of(name, rows)
    found = supervise(sequence, objective)
    assert len(found.labels) == len(found.weights) == len(found.shots) == len(sequence)
    assert found.labels[0] == X
    for token, label, weight in zip(sequence.input_ids, found.labels, found.weights, strict=True):
        assert label in (X, token)
        assert (weight > 0) == (label != X)
    first = objective.first_supervised()
    if first is None:
        return
    chosen = sequence.spans[first:]
    inside = {i for start, stop, _ in sequence.spans for i in range(start, stop)}
    assert {i for i, label in enumerate(found.labels) if label != X} <= inside
    supervised = 0
    for start, stop, shot in sequence.spans:
        labels = found.labels[start:stop]
        if (start, stop, shot) in chosen and (objective.normaliser != "shot_weights" or shot):
            # The label span decodes to the target and its end mark.
            assert ENCODERS[name].decode_target(labels) == rows[shot].target
            assert labels[-len(ENCODERS[name].end) :] == ENCODERS[name].end
            supervised += len(labels)
        else:
            assert set(labels) == {X}
        assert set(found.shots[start:stop]) == {shot}
    assert sum(label != X for label in found.labels) == supervised


@given(st.sampled_from(sorted(ENCODERS)), POOLS, OBJECTIVES)
def test_weights_add_up_to_tokens_or_to_answer_weights(name, rows, objective):
    sequence = sequence_of(name, rows)
    found = supervise(sequence, objective)
    first = objective.first_supervised() or 0
    shots = range(len(rows))[first:]
    expected = {
        "token_mean": sum(label != X for label in found.labels),
        "answer_mean": len(shots),
        "shot_weights": sum([0.0, 2.0, 0.5][min(shot, 2)] for shot in shots),
    }[objective.normaliser]
    assert sum(found.weights) == pytest.approx(expected)


@given(st.sampled_from(sorted(ENCODERS)), POOLS, OBJECTIVES)
def test_the_number_of_supervised_answers_is_known_without_encoding(name, rows, objective):
    found = supervise(sequence_of(name, rows), objective)
    shots = {shot for shot, label in zip(found.shots, found.labels, strict=True) if label != X}
    assert num_supervised_answers(len(rows), objective) == len(shots - {-1})
