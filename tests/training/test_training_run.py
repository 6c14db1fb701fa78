"""A whole run: every architecture, nothing held out opened, bad input said and not traced back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import ARCHITECTURES, byte_level_tokenizer, chat_tokenizer, make_task, tiny_model
from builders import metaspace_tokenizer as metaspace
from training.tiny_runs import (
    assert_same_weights,
    log_lines,
    rows_of,
    tiny_config,
    weights,
    write_tasks,
)

from manyicl.config import Config, save_config
from manyicl.episodes import EncodedPool, Pool
from manyicl.errors import ConfigError, EpisodeError, ManyICLError, ModelError, TemplateError
from manyicl.inference import Engine
from manyicl.models import load_model, load_tokenizer
from manyicl.tasks import Task, folder
from manyicl.training import run
from manyicl.training.run import train

# --- architectures -------------------------------------------------------------------------------


def named_tokenizer(tmp_path: Path, tokenizer: Any) -> dict[str, Any]:
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    return {"model__tokenizer": str(tmp_path / "tokenizer")}


def settings_of(name: str, tmp_path: Path) -> dict[str, Any]:
    """Return the settings of a run of two steps with an architecture."""
    architecture, _, kind = name.partition(" with ")
    settings: dict[str, Any] = {
        "model__config": {"model_type": architecture, **ARCHITECTURES[architecture]},
        "training__steps": 2,
    }
    if kind == "chat template":
        settings |= named_tokenizer(tmp_path, chat_tokenizer()) | {"template__kind": "chat"}
    elif kind:
        settings |= named_tokenizer(tmp_path, metaspace())
    return settings


@pytest.mark.parametrize(
    "name", [*ARCHITECTURES, "llama with chat template", "llama with metaspace tokenizer"]
)
def test_an_architecture_trains_and_answers_from_a_shared_prefix_as_from_the_full_prompt(
    name, tmp_path
):
    config = tiny_config(tmp_path, **settings_of(name, tmp_path))
    model = train(config)
    before, after = weights(tmp_path / "run/base"), weights(model)
    assert before.keys() == after.keys()
    assert not any(torch.equal(before[key], after[key]) for key in before if "norm" not in key)
    engine = Engine.load(str(model), config.model)
    assert engine.shares_prefix
    assert engine.encoder.config == config.template
    trained_with = rows_of(config).row(0).input_ids[0].tolist()
    pool = EncodedPool(Pool(run.held_in_tasks(config)["letters"]), engine.encoder)
    opening = pool.opening()
    assert trained_with[: len(opening)] == opening
    task = make_task()
    prefix = engine.prefix(EncodedPool(Pool(task), engine.encoder), range(6))
    assert len(prefix) > 40  # longer than the sliding windows
    shared = engine.choose(task, prefix, task.test)
    plain = engine.choose(task, replace(prefix, layers=None), task.test)
    for ours, expected in zip(shared, plain, strict=True):
        assert ours.text == expected.text
        assert ours.scores is not None
        assert expected.scores is not None
        for option, score in expected.scores.items():
            assert ours.scores[option] == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_tokenizer_of_a_model_is_the_one_it_was_trained_with(architecture, tmp_path):
    """Some model types make transformers put another tokenizer over the stored one."""
    tokenizer = byte_level_tokenizer()
    settings = settings_of(architecture, tmp_path) | named_tokenizer(tmp_path, tokenizer)
    model = train(tiny_config(tmp_path, **settings))
    text = "It's 48 + 76 = 124,  isn't it?\n\nÅngström e\u0301 \u2028 done"
    for path in (model, tmp_path / "run/base"):
        loaded = load_tokenizer(str(path))
        assert len(loaded) == len(tokenizer)
        assert loaded(text).input_ids == tokenizer(text).input_ids
        assert loaded.eos_token == tokenizer.eos_token


# --- what is opened ------------------------------------------------------------------------------


def test_a_run_opens_nothing_but_the_train_rows_of_its_tasks(tmp_path, monkeypatch):
    tasks = write_tasks(tmp_path / "tasks", ("letters", "sums", "held", "aside"))
    settings = {"tasks__held_in": ["letters", "sums"], "training__steps": 2}
    train(tiny_config(tmp_path, run="whole", **settings))
    for name in ("held", "aside"):
        for split in ("train", "test"):
            (tasks / name / f"{split}.jsonl").unlink()
            (tasks / name / f"{split}.jsonl").mkdir()
    for name in ("letters", "sums"):
        (tasks / name / "test.jsonl").write_bytes(b"\xff not a row")
    opened: list[str] = []
    read = folder.read_examples

    def recorded(path, **settings):
        opened.append(str(Path(path).relative_to(tasks)))
        return read(path, **settings)

    monkeypatch.setattr(folder, "read_examples", recorded)
    train(tiny_config(tmp_path, run="broken", **settings))
    assert sorted(opened) == ["letters/train.jsonl", "sums/train.jsonl"]
    assert_same_weights(tmp_path / "whole/model", tmp_path / "broken/model")


def test_a_held_out_task_that_cannot_be_read_is_not_missed(tmp_path, monkeypatch):
    config, load = tiny_config(tmp_path, training__steps=1), Task._load

    def guarded(task: Task, split: Any) -> Any:
        assert task.name != "held"
        return load(task, split)

    monkeypatch.setattr(Task, "_load", guarded)
    train(config)


# --- the same by every door ----------------------------------------------------------------------


def test_the_command_line_trains_the_same_weights(tmp_path):
    from manyicl.cli import main

    train(tiny_config(tmp_path, run="api", training__steps=2))
    save_config(tiny_config(tmp_path, training__steps=9), tmp_path / "recipe.yaml")
    arguments = [f"run_dir={tmp_path / 'cli'}", "training.steps=2"]
    assert main(["train", str(tmp_path / "recipe.yaml"), *arguments]) == 0
    assert_same_weights(tmp_path / "api/model", tmp_path / "cli/model")


def test_the_same_run_twice_gives_the_same_weights_and_another_seed_does_not(tmp_path):
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        train(tiny_config(tmp_path, run=name, training__steps=2, episodes__seed=seed))
    assert_same_weights(tmp_path / "one/model", tmp_path / "two/model")
    one, three = weights(tmp_path / "one/model"), weights(tmp_path / "three/model")
    assert any(not torch.equal(one[name], three[name]) for name in one)


# --- bad input -----------------------------------------------------------------------------------


def assert_refused(config: Config, kind: type[ManyICLError], *parts: str) -> None:
    with pytest.raises(kind) as caught:
        train(config)
    for part in parts:
        assert part in str(caught.value)
    assert caught.value.exit_code == 2
    assert not (Path(config.run_dir) / "model").exists()


def test_more_tokens_than_the_model_takes_are_refused(tmp_path):
    config = tiny_config(tmp_path, episodes__max_tokens=513)
    assert_refused(config, ConfigError, "episodes.max_tokens: is 513", "at most 512 tokens")


def test_a_dedicated_run_of_two_tasks_is_refused(tmp_path):
    config = tiny_config(tmp_path, regime="dedicated")
    assert_refused(config, ConfigError, "regime: 'dedicated'", "letters, sums", "Name one")
    assert not (tmp_path / "run").exists()
    train(tiny_config(tmp_path, regime="dedicated", tasks__held_in=["sums"], training__steps=1))


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"model__path": "somewhere"}, ["model.path and model.config are both set"]),
        ({"model__config": {}, "model__path": ""}, ["model.path: is empty", "model.path=nano"]),
        (
            {"model__config": {}, "model__path": "x", "model__tokenizer": "train"},
            ["model.tokenizer: is 'train'", "another vocabulary"],
        ),
    ],
)
def test_a_model_named_twice_or_not_at_all_is_refused(tmp_path, settings, parts):
    assert_refused(tiny_config(tmp_path, **settings), ConfigError, *parts)


def test_a_hub_id_that_cannot_be_fetched_is_said(tmp_path):
    config = tiny_config(tmp_path, model__config={}, model__path="nobody/no-such-model")
    assert_refused(
        config,
        ModelError,
        "'nobody/no-such-model' is no local folder and could not be fetched from a hub",
        "download the model where a hub can be reached",
    )


def test_lora_modules_that_the_model_lacks_are_refused(tmp_path):
    for names in ("no_such_layer", "q_proj,no_such_layer"):
        config = tiny_config(tmp_path, model__lora__rank=2, model__lora__target_modules=names)
        assert_refused(
            config,
            ModelError,
            f"model.lora.target_modules: is {names!r}, but no module is named 'no_such_layer'",
            "Use all-linear",
        )
    for names in ("norm", "input_layernorm"):
        config = tiny_config(tmp_path, model__lora__rank=2, model__lora__target_modules=names)
        assert_refused(config, ModelError, f"model.lora.target_modules: is {names!r}, but")


def test_a_tokenizer_without_an_end_of_sequence_token_is_refused(tmp_path):
    tokenizer = byte_level_tokenizer(eos_token=None)
    named = named_tokenizer(tmp_path, tokenizer)
    assert load_tokenizer(named["model__tokenizer"]).eos_token is None
    assert_refused(
        tiny_config(tmp_path, **named),
        TemplateError,
        "template.end_mark: is 'eos', but the tokenizer has no end-of-sequence token",
        "template.end_mark=",
    )
    train(tiny_config(tmp_path, template__end_mark="\n\n", training__steps=1, **named))


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(tmp_path):
    train(tiny_config(tmp_path, run="small", training__steps=1))
    config = tiny_config(
        tmp_path,
        model__config={},
        model__path=str(tmp_path / "small/model"),
        **named_tokenizer(tmp_path, byte_level_tokenizer()),
    )
    assert_refused(config, ConfigError, "model.tokenizer: has", "embeds only 300")


def test_an_objective_without_any_target_is_refused(tmp_path):
    config = tiny_config(tmp_path, objective__supervise="answers_after:50")
    assert_refused(config, EpisodeError, "objective.supervise: is answers_after:50")


@pytest.mark.parametrize(
    ("name", "way_out"),
    [("tensorboard", "pip install 'manyicl[track]'"), ("wandb", "pip install wandb")],
)
def test_a_tracker_that_is_not_installed_is_refused_before_anything_is_written(
    name, way_out, tmp_path, monkeypatch
):
    from transformers.integrations import integration_utils

    monkeypatch.setattr(
        integration_utils, "get_available_reporting_integrations", lambda: ["mlflow"]
    )
    config = tiny_config(tmp_path, training__report_to=[name])
    assert_refused(config, ConfigError, f"training.report_to: names {name!r}", way_out)
    with pytest.raises(ConfigError, match="which is not installed here"):
        run.check_run_folder(config)
    assert not (tmp_path / "run").exists()


def test_a_length_the_model_cannot_take_is_refused_before_anything_is_written(tmp_path):
    model = tiny_model(vocab_size=400)  # of a context of 512 tokens
    model.save_pretrained(tmp_path / "model")
    named = {"model__config": {}, "model__path": str(tmp_path / "model")}
    for settings in (named, {}):
        config = tiny_config(tmp_path, episodes__max_tokens=4096, **settings)
        with pytest.raises(ConfigError, match=r"max_tokens: is 4096, .* at most 512"):
            run.check_run_folder(config)
        assert not (tmp_path / "run").exists()
    config = tiny_config(tmp_path, model__config={}, model__path=str(tmp_path / "nope"))
    with pytest.raises(ModelError, match=r"model\.path: .* is no local folder"):
        run.check_run_folder(config)
    assert not (tmp_path / "run").exists()
    run.check_run_folder(tiny_config(tmp_path, episodes__max_tokens=512, **named))
    assert (tmp_path / "run/config.yaml").is_file()


def test_patterns_that_freeze_nothing_are_refused_before_anything_is_written(tmp_path):
    tiny_model(vocab_size=400).save_pretrained(tmp_path / "model")
    named = {"model__config": {}, "model__path": str(tmp_path / "model")}
    for patterns, message in (
        (["layers.0.", "layers.77."], r"freeze: 'layers\.77\.' matches no parameter"),
        ([""], r"freeze: .* match all \d+ parameters"),
    ):
        with pytest.raises(ConfigError, match=message):
            run.check_run_folder(tiny_config(tmp_path, training__freeze=patterns, **named))
        assert not (tmp_path / "run").exists()
    adapted = {**named, "model__lora__rank": 2, "training__freeze": ["embed_tokens"]}
    with pytest.raises(ConfigError, match=r"such as .*lora_"):  # of an adapter only its own train
        run.check_run_folder(tiny_config(tmp_path, **adapted))
    run.check_run_folder(tiny_config(tmp_path, training__freeze=["embed_tokens"], **named))
    assert (tmp_path / "run/config.yaml").is_file()


def test_tensorboard_is_given_the_loss_and_the_loss_at_every_shot_of_the_log(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(tiny_config(tmp_path, training__report_to=["tensorboard"], training__steps=3))
    (events,) = (tmp_path / "run/runs").rglob("events.out.tfevents.*")
    found = EventAccumulator(str(events)).Reload()
    log = log_lines(tmp_path / "run")
    for tag, values in {
        "train/loss": [line["loss"] for line in log],
        "train/loss_at_shot/0": [dict(line["loss_by_shot"])[0] for line in log],
        "train/loss_at_shot/1": [dict(line["loss_by_shot"])[1] for line in log],
    }.items():
        scalars = found.Scalars(tag)
        assert [scalar.step for scalar in scalars] == [1, 2, 3]
        assert [scalar.value for scalar in scalars] == pytest.approx(values)


def test_a_row_too_long_for_any_sequence_is_left_out_and_counted(tmp_path, capsys):
    tasks = write_tasks(tmp_path / "tasks")
    path = tasks / "letters/train.jsonl"
    long = '{"input": "' + "word " * 200 + '", "output": "late"}\n'
    path.write_text(long + path.read_text())
    train(tiny_config(tmp_path, training__steps=1))
    said = capsys.readouterr().err
    assert "left out: 1 rows of 'letters' longer than episodes.max_tokens" in said


def test_sixteen_bit_weights_do_not_train_themselves(tmp_path, capsys):
    with pytest.raises(ConfigError, match=r"model\.dtype: is float16, .* Use auto"):
        train(tiny_config(tmp_path, run="half", model__dtype="float16"))
    train(tiny_config(tmp_path, run="bf16", model__dtype="bfloat16", training__steps=1))
    assert "warning: model.dtype=bfloat16" in capsys.readouterr().err


def test_the_base_under_an_adapter_is_computed_in_the_precision_asked_for(tmp_path, monkeypatch):
    tiny = load_model(str(train(tiny_config(tmp_path, run="base", training__steps=1))))
    tiny.bfloat16().save_pretrained(tmp_path / "half")
    load_tokenizer(str(tmp_path / "base/model")).save_pretrained(tmp_path / "half")
    dtypes = []
    monkeypatch.setattr(run, "freeze", lambda model, names: dtypes.append(model.dtype))
    settings = {"model__config": {}, "model__path": str(tmp_path / "half"), "training__steps": 1}
    train(tiny_config(
        tmp_path, run="wide", model__lora__rank=2, training__precision="fp32", **settings
    ))  # fmt: skip
    assert dtypes == [torch.float32]
