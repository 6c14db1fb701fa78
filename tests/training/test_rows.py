"""Training rows: what the model is given, and the plan of a whole run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from builders import byte_level_tokenizer, make_task
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.config import Config, ObjectiveConfig, load_config
from manyicl.episodes import EncodedExample, EncodedPool, Encoder, EpisodeStream, Pool, join
from manyicl.errors import EpisodeError
from manyicl.tasks import Example
from manyicl.training.objective import supervise
from manyicl.training.plan import plan_rows
from manyicl.training.rows import RowDataset, make_row

ENCODER = Encoder(byte_level_tokenizer())
FIRST = join("t", [9], [EncodedExample([1], [2, 3]), EncodedExample([4], [5])], [8], [6, 2])
SECOND = join("u", [9], [EncodedExample([1, 1], [7])], [8], [0])


def stream_for(config: Config, tasks=None) -> EpisodeStream:
    tasks = tasks or [make_task(), make_task([Example(f"n{i}", "a") for i in range(12)], name="b")]
    return EpisodeStream([EncodedPool(Pool(task), ENCODER) for task in tasks], config.episodes)


def planned(*overrides: str, tasks=None) -> tuple[Config, EpisodeStream, list[Any]]:
    config = load_config(None, ["episodes.max_tokens=120", *overrides])
    stream = stream_for(config, tasks)
    return config, stream, plan_rows(stream, config)


def test_a_row_by_hand():
    row = make_row([FIRST, SECOND], ObjectiveConfig(normaliser="answer_mean"))
    #                               0  1  2  3  4  5  6    7  8  9  10
    assert row.input_ids.tolist() == [[9, 1, 2, 3, 8, 4, 5, 9, 1, 1, 7]]
    assert row.position_ids.tolist() == [[0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3]]
    assert row.keep.tolist() == [1, 2, 5, 9]  # each position predicts the token after it
    assert row.targets.tolist() == [2, 3, 5, 7]
    assert row.weights.tolist() == [0.5, 0.5, 1, 1]
    assert row.shots.tolist() == [0, 0, 1, 0]
    assert row.names == ("task 't', train examples 7, 3", "task 'u', train examples 1")
    assert {k: v.dtype for k, v in row.as_batch().items() if isinstance(v, torch.Tensor)} == {
        "input_ids": torch.int64,
        "position_ids": torch.int64,
        "keep": torch.int64,
        "targets": torch.int64,
        "weights": torch.float32,
        "shots": torch.int64,
    }


@pytest.mark.parametrize("mode", ["every_answer", "last_answer", "answers_after:1", "all_tokens"])
def test_labels_checked_after_the_causal_shift(mode):
    """Shifted by hand, sequence by sequence: logits at t are for the token at t + 1."""
    objective = ObjectiveConfig(supervise=mode)
    row = make_row([FIRST, SECOND], objective)
    shifted: list[int] = []
    for sequence in (FIRST, SECOND):
        labels = supervise(sequence, objective).labels
        shifted += [*labels[1:], -100]  # nothing follows the last token
    found = torch.full((len(shifted),), -100)
    found[row.keep] = row.targets
    assert found.tolist() == shifted
    ids = row.input_ids[0]
    assert torch.equal(ids[row.keep + 1], row.targets)
    # No prediction reaches over the border between two sequences.
    assert bool((row.position_ids[0][row.keep + 1] > 0).all())


def test_a_row_may_be_without_supervised_tokens():
    row = make_row([SECOND], ObjectiveConfig(supervise="answers_after:1"))
    assert row.keep.shape == row.targets.shape == row.weights.shape == (0,)


# --- plans -------------------------------------------------------------------------------------


@pytest.mark.parametrize("packing", ["true", "false"])
@pytest.mark.parametrize("regime", ["many_shot", "few_shot", "zero_shot"])
def test_rows_stay_within_the_budget_and_hold_their_plan(regime, packing):
    config, stream, plan = planned(
        f"regime={regime}",
        f"episodes.packing={packing}",
        "episodes.max_tokens=400",
        "training.steps=3",
        "training.rows_per_step=4",
    )
    data = RowDataset(plan, stream, config.objective)
    assert len(data) == 12
    for index, episodes in enumerate(plan):
        row = data.row(index)
        assert row.input_ids.shape[1] == sum(e.num_tokens for e in episodes) <= 400
        assert int((row.position_ids == 0).sum()) == len(episodes) == len(row.names)
        assert len(row.keep) > 0
        for sequence, episode in zip(row.names, episodes, strict=True):
            assert f"task '{stream.pools[episode.task].task.name}'" in sequence
    if packing == "false":
        assert {len(episodes) for episodes in plan} == {1}
    elif regime == "zero_shot":
        assert max(len(episodes) for episodes in plan) > 3


def test_an_item_is_the_same_whenever_it_is_asked_for():
    config, stream, plan = planned("training.steps=2", "episodes.symbols=0.5")
    data = RowDataset(plan, stream, config.objective)
    _, again, other_plan = planned("training.steps=2", "episodes.symbols=0.5")
    fresh = RowDataset(other_plan, again, config.objective)
    assert plan == other_plan
    for index in reversed(range(len(data))):
        one, two, three = data[index], data[index], fresh[index]
        for key, value in one.items():
            for other in (two, three):
                same = torch.equal(value, other[key]) if torch.is_tensor(value) else None  # type: ignore[arg-type]
                assert same or value == other[key]


def test_steps_times_rows_per_step_rows_are_planned():
    _, _, plan = planned("training.steps=5", "training.rows_per_step=3")
    assert len(plan) == 15


@settings(max_examples=25)
@given(st.floats(0.2, 3), st.integers(1, 5), st.booleans())
def test_epochs_show_every_row_as_often_as_asked(epochs, rows_per_step, packing):
    _, _, plan = planned(
        f"training.epochs={epochs}",
        f"training.rows_per_step={rows_per_step}",
        f"episodes.packing={packing}".lower(),
    )
    assert len(plan) % rows_per_step == 0
    shown = [sum(len(episode.rows) for episode in row) for row in plan]
    wanted = epochs * (30 + 12)
    assert sum(shown) >= wanted
    # Without the last step there would be too few.
    assert sum(shown[: len(plan) - rows_per_step]) < wanted


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["regime=zero_shot", "objective.supervise=answers_after:1"], "objective.supervise"),
        (["episodes.shots=3", "objective.supervise=answers_after:3"], "objective.supervise"),
        (
            [
                "episodes.shots=2",
                "objective.normaliser=shot_weights",
                "objective.shot_weights=[0, 0, 1]",
            ],
            "objective.shot_weights",
        ),
        (
            [
                "episodes.shots=2",
                "objective.supervise=last_answer",
                "objective.normaliser=shot_weights",
                "objective.shot_weights=[1, 0, 1]",
            ],
            "objective.shot_weights",
        ),
    ],
)
def test_a_run_without_any_target_is_refused(overrides, expected):
    with pytest.raises(EpisodeError) as caught:
        planned("training.steps=2", *overrides)
    message = str(caught.value)
    assert message.startswith(f"{expected}: is ")
    assert "nothing would carry loss" in message
    assert "raise episodes.max_tokens or episodes.shots" in message


@pytest.mark.parametrize(
    "overrides",
    [
        ["episodes.shots=1-5"],
        ["episodes.shots=2-5", "objective.supervise=last_answer"],
        ["episodes.shots=2-5", "objective.supervise=answers_after:2"],
        ["objective.supervise=all_tokens"],
        ["objective.normaliser=shot_weights", "objective.shot_weights=[0, 2, 0, 1]"],
    ],
)
def test_supervised_answers_are_counted_without_encoding_them(overrides):
    config, stream, plan = planned("training.steps=3", *overrides)
    data = RowDataset(plan, stream, config.objective)
    expected = 0
    for row in plan:
        for episode in row:
            found = supervise(stream.sequence(episode), config.objective)
            pairs = zip(found.shots, found.labels, strict=True)
            expected += len({shot for shot, label in pairs if label != -100} - {-1})
    assert data.num_supervised_answers() == expected > 0
