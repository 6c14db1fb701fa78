"""Advice: its words, and the measuring on a task."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from builders import byte_level_tokenizer, make_task, tiny_model
from study.advice_cases import advice, study

from manyicl.config import load_config
from manyicl.episodes import Encoder
from manyicl.errors import ConfigError, EpisodeError
from manyicl.inference import Engine
from manyicl.study.advice.advise import advise
from manyicl.study.advice.curve import AdviseSettings, set_aside
from manyicl.study.advice.dedicated_outlook import outlook
from manyicl.study.advice.rules import (
    Effect,
    Estimate,
)
from manyicl.study.advice.text import findings, notes, recommendation, train_command
from manyicl.tasks import Example
from manyicl.training.data import held_in_tasks


def rows(count: int, name: str = "toy", **more):
    """A task of distinct rows."""
    train = [
        Example(f"letter {i} about {w} and {v}", ("good", "bad")[i % 3 == 0])
        for i, (w, v) in enumerate(
            (f"w{a}", f"v{b}") for a in range(20) for b in range(20) if (a + b) % 2
        )
    ][:count]
    return make_task(train, name=name, labels=("good", "bad"), **more)


# --- words ---------------------------------------------------------------------------------------


def test_the_recommendation_names_shots_gain_and_what_it_cannot_tell():
    text = recommendation(advice())
    assert text.startswith("Use 16 random shots (expected 70.0 % [")
    assert "Add shots: the last doubling gained +10.0 points [" in text
    assert "A longer context would hold more of your rows." in text
    assert "cannot tell what it would gain without a study" in text
    found = outlook(study({"nli": [0.10, 0.11, 0.12]}), make_task(family="nli"), 300)
    text = recommendation(advice(dedicated=found))
    assert "A dedicated fine-tune on your 300 rows is worth trying: it gained +11.0 points" in text
    other = dataclasses.replace(found, same_model=False, study_model="big")
    assert "(numbers of another model)" in recommendation(advice(dedicated=other))
    assert "another model (big; yours began as nano)" in " ".join(notes(advice(dedicated=other)))
    wide = outlook(study({"nli": [0.1, -0.2, 0.3]}), make_task(family="nli"), 300)
    assert "cannot tell" in recommendation(advice(dedicated=wide))


def test_what_would_hold_more_shots_is_said():
    def way(**more) -> str:
        return dict(findings(advice(**more)))["more shots"]

    assert "A longer context" in way()
    assert "Collecting more examples" in way(pool_rows=30)
    assert "--max-shots" in way(context_shots=40)


def test_a_model_that_only_guesses_is_told_to_be_tuned():
    text = recommendation(advice(does_task="no"))
    assert text.startswith(
        "The model does not do this task at any number of shots, as far as 100 queries show: no "
        "score is clearly above the 40.0 % of guessing. Only a dedicated fine-tune can help."
    )
    assert "Use " not in text
    text = recommendation(advice(does_task="cannot_tell"))
    assert text.startswith("Cannot tell whether the model does this task: on 100 queries no score")
    assert "Best so far: 16 random shots, 70.0 % [" in text
    assert "Add shots" not in text


def test_queries_that_the_task_cannot_give_are_named():
    few = Effect("cannot_tell", "random", Estimate(0.0, -0.1, 0.1), 16, 8, 440)
    text = dict(findings(advice(more_shots=few)))["more shots"]
    assert "About 440 queries" in text
    assert "1,760 train rows; you have 300" in text


def test_the_command_of_a_dedicated_fine_tune_is_one_that_runs(tmp_path):
    from manyicl.tasks import write_task

    folder = tmp_path / "my tasks" / "toy"
    write_task(rows(20), folder)
    import shlex

    for told in (advice(task="toy", folder=str(folder)), advice(task="ticket_team")):
        words = shlex.split(train_command(told))
        assert words[:2] == ["manyicl", "train"]
        config = load_config(None, words[2:])
        assert config.regime == "dedicated"
        assert [task.name for task in held_in_tasks(config)] == [told.task]


# --- measuring -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("advise")
    tiny_model(vocab_size=400).save_pretrained(folder)
    byte_level_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(tiny_model(vocab_size=400), Encoder(byte_level_tokenizer()))


def closed(task):
    """The task, with a test split that nobody may open."""

    def load(split):
        assert split == "train", "the test split was opened"
        return task.train

    return dataclasses.replace(task, load=load)


def test_queries_are_set_aside_from_the_train_rows(engine):
    task = closed(rows(60))
    parted, too_long = set_aside(engine, task, AdviseSettings())
    assert (len(parted.test), len(parted.train), too_long) == (15, 45, 0)
    assert set(parted.test).isdisjoint(parted.train)
    assert {*parted.test, *parted.train} == set(task.train)
    assert len(set_aside(engine, task, AdviseSettings(queries=9))[0].test) == 9
    assert len(set_aside(engine, closed(rows(16)), AdviseSettings())[0].test) == 8
    again = set_aside(engine, task, AdviseSettings())[0]
    other = set_aside(engine, task, AdviseSettings(seed=1))[0]
    assert again.test == parted.test != other.test


def test_rows_too_long_for_the_context_are_passed_over_and_counted(engine):
    task = rows(40)
    long = [Example("word " * 300 + str(i), "good") for i in range(20)]
    parted, too_long = set_aside(
        engine, make_task([*task.train, *long], labels=("good", "bad")), AdviseSettings()
    )
    assert too_long > 0
    assert not set(long) & set(parted.test)
    assert len(parted.test) + len(parted.train) == 60
    with pytest.raises(EpisodeError, match=r"toy.*do not fit the 512 tokens"):
        set_aside(engine, make_task(long, labels=("good", "bad")), AdviseSettings())


def test_the_curve_is_the_sweep_of_the_evaluation(model, engine):
    from manyicl.config import EvaluationConfig
    from manyicl.evaluation.kshot import TaskSweep

    told = []
    settings = AdviseSettings(queries=10, seeds=2, max_shots=4)
    found = advise(closed(rows(48)), model, settings, advance=lambda *step: told.append(step))
    assert [(p.selection, p.num_shots) for p in found.curve] == [
        ("random", 0), ("random", 1), ("random", 2), ("random", 4),
        ("similar", 1), ("similar", 2), ("similar", 4),
    ]  # fmt: skip
    assert told == [
        (1, 5, "random, draw 1"), (2, 5, "random, draw 2"), (3, 5, "similar, 1 shot"),
        (4, 5, "similar, 2 shots"), (5, 5, "similar, 4 shots"),
    ]  # fmt: skip
    parted, _ = set_aside(engine, rows(48), settings)
    for selection, seeds in (("random", [0, 1]), ("similar", [0])):
        config = EvaluationConfig(
            num_shots=[0, 1, 2, 4],
            seeds=seeds,
            selection=selection,  # type: ignore[arg-type]
            max_queries=0,
        )
        scores, samples = TaskSweep(engine, parted, config).run("x", True)
        expected = {score.num_shots: score.mean for score in scores}
        for p in found.curve:
            if p.selection == selection:
                assert p.score.value == pytest.approx(expected[p.num_shots])
                lengths = [len(s.prompt) for s in samples if s.num_shots == p.num_shots]
                assert p.prompt_tokens == pytest.approx(np.mean(lengths))
    shares = [sum(e.target == "good" for e in part) / len(part) for part in
              (parted.train, parted.test)]  # fmt: skip
    assert found.majority == pytest.approx(shares[1] if shares[0] > 0.5 else 1 - shares[1])
    assert found.chance == 0.5
    assert (found.num_queries, found.num_seeds) == (10, 2)
    json.loads(found.to_json())


def test_near_copies_of_queries_are_not_counted_as_pool(model):
    task = rows(32)
    double = make_task([*task.train, *task.train], labels=("good", "bad"))
    found = advise(closed(double), model, AdviseSettings(queries=8, seeds=1, max_shots=1))
    assert found.pool_rows <= 32 - 4  # 8 queries, at most 4 pairs of which are twins
    same = make_task([Example("the same letter", "good")] * 20, labels=("good", "bad"))
    found = advise(closed(same), model)
    assert "nothing to show" in found.refusal
    assert recommendation(found).startswith("Cannot tell about shots: every train row equals")


def test_generated_answers_and_macro_f1_are_measured(model):
    written = make_task([Example(f"add {i} and {i * i}", str(i + i * i)) for i in range(24)])
    found = advise(closed(written), model, AdviseSettings(seeds=1, max_shots=1, max_new_tokens=3))
    assert found.chance is None
    assert len(found.curve) == 3
    found = advise(closed(rows(24, metric="macro_f1")), model, AdviseSettings(seeds=1, max_shots=1))
    assert found.metric == "accuracy"
    assert any("not macro_f1, which is no mean over queries" in note for note in notes(found))


def test_too_few_rows_are_no_reason_to_guess(model):
    found = advise(closed(rows(15)), model, study=study({"classification": [0.1] * 3}))
    assert not found.curve
    assert recommendation(found).startswith("Cannot tell about shots: the task has 15 train rows")
    assert found.dedicated is not None
    assert found.dedicated.nearest is not None  # a study may still tell about fine-tuning
    assert [question for question, _ in findings(found)] == ["dedicated fine-tune"]


def test_a_context_that_holds_no_demonstration_is_refused(model):
    with pytest.raises(EpisodeError, match="no demonstration fits"):
        advise(closed(rows(20)), model, AdviseSettings(max_tokens=60))


@pytest.mark.parametrize("key", ["queries", "seeds", "max_shots", "max_tokens", "max_new_tokens"])
def test_settings_out_of_range_are_refused(key):
    with pytest.raises(ConfigError, match=f"--{key.replace('_', '-')}: is -1"):
        AdviseSettings(**{key: -1})
