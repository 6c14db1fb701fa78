"""Retention: the probes through the evaluation path, and what the whole measure returns."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from builders import byte_level_tokenizer, tiny_model

from manyicl.config import EvaluationConfig
from manyicl.episodes import Encoder
from manyicl.errors import ConfigError
from manyicl.evaluation.kshot import TaskSweep
from manyicl.inference import Engine
from manyicl.study.retention.free_generation import free_generation
from manyicl.study.retention.measures import (
    RetentionSettings,
    icl_scores,
    measure_retention,
    probe_scores,
)
from manyicl.study.retention.plain_text import PlainText
from manyicl.study.retention.probe_tasks import probe_tasks
from manyicl.study.retention.text_loss import bits_per_byte

SETTINGS = RetentionSettings(
    max_tokens=200, num_shots=3, max_queries=4, generations=3, new_tokens=6
)
DOCUMENTS = tuple(f"A clerk wrote that parcel {i} came late and went back. " * 4 for i in range(9))
TEXTS = PlainText("made", DOCUMENTS, hashlib.sha256(b"made").hexdigest(), 0)
TOKENIZER = byte_level_tokenizer()


def engine(seed: int = 0, **more) -> Engine:
    return Engine(
        tiny_model(seed=seed, **more),
        Encoder(TOKENIZER),
        eos_token_id=TOKENIZER.eos_token_id,
    )


@pytest.fixture(scope="module")
def tuned() -> Engine:
    return engine(0)


@pytest.fixture(scope="module")
def measured(tuned):
    return measure_retention(tuned, engine(1), TEXTS, SETTINGS, tokenizer=TOKENIZER, seed=5)


def test_every_measure_comes_once_with_its_direction(measured):
    directions = {m.measure: m.higher_is_better for m in measured}
    assert len(directions) == len(measured)
    assert directions == {
        "text_bits_per_byte": False,
        "icl/flipped_labels": True,
        "icl/fresh_symbols": True,
        "icl/linear_classification": True,
        "icl/sequential_parity": True,
        "icl/list_functions": True,
        "generation/bits_per_byte_under_base": False,
        "generation/distinct_2": True,
        "generation/task_markup": False,
        "generation/early_end": False,
    }


def test_the_parts_are_the_measures_alone(measured, tuned):
    values = {m.measure: m.value for m in measured}
    assert values["text_bits_per_byte"] == bits_per_byte(tuned.model, TOKENIZER, TEXTS, 200)
    written = free_generation(
        tuned.model, engine(1).model, TOKENIZER, TEXTS, num=3, new_tokens=6, seed=5
    )
    assert written == {
        name.removeprefix("generation/"): value
        for name, value in values.items()
        if name.startswith("generation/")
    }
    assert icl_scores(tuned, SETTINGS, [5]) == {
        name.removeprefix("icl/"): value
        for name, value in values.items()
        if name.startswith("icl/")
    }


def test_text_and_queries_do_not_depend_on_the_seed(measured, tuned):
    other = measure_retention(tuned, None, TEXTS, SETTINGS, tokenizer=TOKENIZER, seed=6)
    assert other[0] == measured[0]
    assert [m.measure for m in other] == [m.measure for m in measured]


def test_a_measure_is_the_mean_over_its_tasks_and_seeds(tuned):
    by_task = probe_scores(tuned, SETTINGS, [1, 2])
    found = icl_scores(tuned, SETTINGS, [1, 2])
    asked = EvaluationConfig(
        num_shots=[3], seeds=[1, 2], max_queries=4, max_new_tokens=32, samples=False
    )
    for measure, tasks in probe_tasks().items():
        if measure != "flipped_labels":
            continue
        scores = [TaskSweep(tuned, t, asked).run("x", True)[0][0].mean for t in tasks]
        assert [by_task[measure, t.name] for t in tasks] == scores
        assert found[measure] == pytest.approx(sum(scores) / len(scores))


def test_demonstrations_that_do_not_fit_are_told(capsys):
    short = engine(max_position_embeddings=260)
    probe_scores(short, replace(SETTINGS, num_shots=12, max_queries=1), [0])
    told = capsys.readouterr().err
    assert "note: retention, probe_rotated_times:" in told
    assert "of 12 demonstrations fit the context" in told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": " "}, "study.retention.text: is empty"),
        ({"max_tokens": 99}, "max_tokens: is 99; it must be at least 100"),
        ({"num_shots": 201}, "num_shots: is 201; it must be from 0 to 200"),
        ({"num_shots": -1}, "num_shots: is -1"),
        ({"max_queries": 61}, "max_queries: is 61; it must be from 0 to 60"),
        ({"generations": 0}, "generations: is 0; it must be at least 1"),
        ({"new_tokens": 0}, "new_tokens: is 0"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        RetentionSettings(**change)
