"""Replayed text streams: the rows that training took, as far as the log says which."""

from __future__ import annotations

import numpy as np
import pytest

from manyicl.pretraining.seen_text import StageDone, seen_text, stages_done
from manyicl.pretraining.settings import PretrainingConfig, StageConfig
from manyicl.pretraining.text_stream import TextStream

STAGES = [
    StageConfig("copies", 0.001, 16, 4, {"blocks": 1}),
    StageConfig("text", 0.001, 16, 4, {"text": 1, "blocks": 3}),
    StageConfig("longer", 0.001, 40, 2, {"text": 1}),
]


@pytest.fixture
def config() -> PretrainingConfig:
    return PretrainingConfig(corpus="unused", stages=STAGES, seed=3)


@pytest.mark.parametrize("weights", [None, {"a": 0.8, "b": 0.2, "c": 0.0}])
def test_the_replay_takes_the_rows_that_training_took(config, weights):
    tokens = {"a": np.arange(900), "b": np.arange(1000, 1300), "c": np.arange(2000, 2100)}
    taken = []
    for number, rows in ((1, 13), (2, 9)):
        stream = TextStream(
            tokens, STAGES[number].row_tokens, weights=weights, seed=config.seed * 1000 + number
        )
        taken.append(stream.take(rows).ravel())
    read = np.concatenate(taken)
    done = [StageDone(960, 0), StageDone(960, 13), StageDone(960, 9)]
    seen = seen_text(config, {name: len(ids) for name, ids in tokens.items()}, weights, done)
    for name, ids in tokens.items():
        np.testing.assert_array_equal(ids[seen.masks[name]], np.intersect1d(ids, read))
        assert seen.tokens[name] == np.isin(read, ids).sum()
    assert sum(seen.tokens.values()) == 13 * 16 + 9 * 40


def test_a_source_read_again_and_again_counts_repeats_but_is_masked_once(config):
    seen = seen_text(config, {"a": 100}, None, [StageDone(0, 0), StageDone(0, 60), StageDone(0, 0)])
    assert seen.tokens == {"a": 960}
    assert seen.masks["a"].sum() <= 100


def test_stages_are_read_from_the_log(config):
    log = [
        {"step": 5, "tokens": 320, "losses": {}},
        {"step": 10, "tokens": 640, "seconds": 1.0, "finished": 0, "text_rows": 0},
        {"step": 20, "tokens": 1280, "seconds": 2.0, "finished": 1, "text_rows": 11},
        {"step": 33, "tokens": 2320, "seconds": 3.0, "finished": 2, "text_rows": 26},
    ]
    expected = [StageDone(640, 0), StageDone(640, 11), StageDone(1040, 26)]
    assert stages_done(config, log) == expected


def test_what_the_log_does_not_say_is_planned_and_marked(config):
    found = stages_done(config, [])
    assert found == [
        StageDone(1024, 0, planned=True),  # 1,000 tokens are 16 steps of 64
        StageDone(1024, 16, planned=True),  # a quarter of 64 rows
        StageDone(1040, 26, planned=True),
    ]
