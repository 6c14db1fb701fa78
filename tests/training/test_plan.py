"""The length of a run: tokens to the nearest row, answers exactly, for every regime."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import pytest
from builders import byte_level_tokenizer, make_task
from hypothesis import given, settings
from hypothesis import strategies as st
from training.tiny_runs import tiny_config

from manyicl.config import Config, load_config
from manyicl.episodes import EncodedPool, Encoder, EpisodeStream, Pool
from manyicl.errors import ConfigError, EpisodeError
from manyicl.tasks import Example
from manyicl.training.objective import supervise
from manyicl.training.plan import num_tokens, plan_rows, whole_steps
from manyicl.training.rows import RowDataset
from manyicl.training.run import train

ENCODER = Encoder(byte_level_tokenizer())
SHAPES = {
    "zero_shot": ["regime=zero_shot"],
    "few_shot": ["regime=few_shot"],
    "many_shot": ["regime=many_shot"],
    "many_shot_last": ["regime=many_shot", "objective.supervise=last_answer"],
    "after_two": ["regime=many_shot", "objective.supervise=answers_after:2"],
    "symbols": ["regime=many_shot", "episodes.symbols=1.0"],
}


def planned(*overrides: str) -> tuple[Config, EpisodeStream, list[Any]]:
    config = load_config(None, ["episodes.max_tokens=200", *overrides])
    tasks = [make_task(), make_task([Example(f"n{i}", "a") for i in range(12)], name="b")]
    stream = EpisodeStream([EncodedPool(Pool(task), ENCODER) for task in tasks], config.episodes)
    return config, stream, plan_rows(stream, config)


def answers_with_loss(config: Config, stream: EpisodeStream, plan: list[Any]) -> int:
    """Count them in the label tensors, not by the formula."""
    count = 0
    for episode in chain.from_iterable(plan):
        found = supervise(stream.sequence(episode), config.objective)
        pairs = zip(found.shots, found.labels, strict=True)
        count += len({shot for shot, label in pairs if label != -100})
    return count


@pytest.mark.parametrize("shape", SHAPES)
def test_every_regime_meets_a_budget_of_tokens_within_one_per_cent(shape):
    config, stream, plan = planned(*SHAPES[shape], "training.tokens=20000")
    data = RowDataset(plan, stream, config.objective)
    computed = sum(data.row(index).input_ids.shape[1] for index in range(len(data)))
    assert computed == sum(map(num_tokens, plan))
    assert abs(computed - 20000) <= 200  # the nearest row, of at most 200 tokens, would be 100


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("packing", ["true", "false"])
def test_every_regime_meets_a_budget_of_answers_exactly(shape, packing):
    overrides = [*SHAPES[shape], f"episodes.packing={packing}", "training.answers=101"]
    config, stream, plan = planned(*overrides)
    assert answers_with_loss(config, stream, plan) == 101
    data = RowDataset(plan, stream, config.objective)
    assert data.num_supervised_answers() == 101
    for index, row in enumerate(plan):
        assert data.row(index).input_ids.shape[1] == num_tokens(row) <= 200


@settings(max_examples=25)
@given(st.sampled_from(list(SHAPES)), st.integers(1, 60))
def test_a_longer_plan_begins_as_a_shorter_one(shape, answers):
    _, _, short = planned(*SHAPES[shape], f"training.answers={answers}")
    _, _, long = planned(*SHAPES[shape], "training.answers=80")
    assert long[: len(short) - 1] == short[:-1]
    last = short[-1]
    whole = long[len(short) - 1][: len(last)]
    assert whole[:-1] == last[:-1]
    assert whole[-1].rows[: len(last[-1].rows)] == last[-1].rows


def test_a_budget_smaller_than_a_row_is_a_row():
    _, _, plan = planned("training.tokens=1")
    assert len(plan) == 1


def test_answers_that_never_carry_loss_are_refused_rather_than_waited_for():
    with pytest.raises(EpisodeError, match="nothing would carry loss"):
        planned("episodes.shots=2", "objective.supervise=answers_after:5", "training.answers=10")


@pytest.mark.parametrize("pair", [("steps", "tokens"), ("tokens", "answers"), ("steps", "answers")])
def test_two_lengths_are_refused(pair):
    first, second = pair
    with pytest.raises(ConfigError) as caught:
        load_config(None, [f"training.{first}=5", f"training.{second}=7"])
    assert str(caught.value) == (
        f"training.{first} and training.{second} both say how long to train. Keep one, and set "
        "the other to 0."
    )


def test_a_last_step_of_fewer_rows_is_trained_whole(tmp_path):
    config = tiny_config(
        tmp_path, training__steps=0, training__answers=45, training__rows_per_step=4
    )
    model = train(config)
    told = json.loads((model / "manyicl.json").read_text())["training"]
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").open()]
    assert told["supervised_answers"] == 45
    assert told["steps"] == lines[-1]["step"] == len(lines)
    assert told["sequences"] % 4  # the last step is indeed not full
    assert told["steps"] == -(-told["sequences"] // 4)
    assert sum(line["tokens"] for line in lines) == told["tokens"]


def test_several_processes_leave_an_unfinished_step_out():
    plan: Any = [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert whole_steps(plan, 2, num_processes=1) == plan
    assert whole_steps(plan, 2, num_processes=2) == plan[:4]
    with pytest.raises(ConfigError, match=r"holds 5 rows, fewer than training\.rows_per_step=6"):
        whole_steps(plan, 6, num_processes=2)
