"""A pre-training that was stopped at any moment and started again ends as if it never had been."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from pretraining.tiny_pretraining import (
    BLOCKS,
    MIXED,
    NUM_STEPS,
    UNTIL,
    log_lines,
    make_small,
    pretrain_killed_at_write,
    pretrain_killed_in_save,
    tiny_config,
)
from training.tiny_runs import assert_same_weights, exit_code

from manyicl.errors import CorpusError, Interrupted, RunError
from manyicl.pretraining import program
from manyicl.pretraining.program import Pretrainer, pretrain
from manyicl.training.checkpoint import checkpoints


class Stopped(Exception):
    """Something that the program does not know."""


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> None:
    make_small(monkeypatch)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pretraining")


@pytest.fixture(scope="module")
def uninterrupted(folder) -> Path:
    """The run folder of a pre-training that nobody disturbed and that saved between stages only."""
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        pretrain(tiny_config(folder, "uninterrupted", save_minutes=1e9))
    return folder / "uninterrupted"


def assert_same_run(one: Path, other: Path) -> None:
    assert_same_weights(one / "model", other / "model")
    newest = [checkpoints(folder)[0] for folder in (one, other)]
    assert newest[0].name == newest[1].name
    assert_same_weights(*newest)  # the optimizer's state too
    assert log_lines(one) == log_lines(other)


def fail_at(monkeypatch, step: int) -> None:
    """Let the step after `step` steps fail, in the middle."""
    original = Pretrainer._train_step

    def failing(trainer, rows):
        if trainer.progress.steps == step:
            raise Stopped
        return original(trainer, rows)

    monkeypatch.setattr(Pretrainer, "_train_step", failing)


def test_what_a_pretraining_leaves(uninterrupted):
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    model = AutoModelForCausalLM.from_pretrained(uninterrupted / "model")
    assert type(model) is LlamaForCausalLM
    assert model.dtype == torch.bfloat16
    tokenizer = AutoTokenizer.from_pretrained(uninterrupted / "model")
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert tokenizer.chat_template
    assert tokenizer.model_max_length == 128
    made_by = json.loads((uninterrupted / "model" / "pretraining.json").read_text())
    assert made_by["steps"] == NUM_STEPS
    assert made_by["tokens"] == 6 * 4 * 32 + 10 * 2 * 32 + 5 * 3 * 64
    lines = log_lines(uninterrupted)
    steps = [line["step"] for line in lines if "losses" in line]
    assert steps == [4, 8, 12, 16, 20]
    probed = [line["step"] for line in lines if "probes" in line]
    assert probed == [5, 6, 10, 15, 16, 20, 21]  # every five steps and at the end of each stage
    last = [line["losses"] for line in lines if "losses" in line][-1]
    assert set(last) == {"text", "lookups"}
    ends = [(line["step"], line["finished"]) for line in lines if "finished" in line]
    assert ends == [(6, 0), (16, 1), (21, 2)]
    assert [path.name for path in checkpoints(uninterrupted)] == ["checkpoint-21", "checkpoint-16"]


@pytest.mark.parametrize("step", [0, 6, 11, 18])
@pytest.mark.parametrize("save_minutes", [0.0, 1e9])
def test_resumed_equals_uninterrupted(folder, uninterrupted, monkeypatch, step, save_minutes):
    config = tiny_config(folder, f"stopped at {step}, {save_minutes}", save_minutes=save_minutes)
    with monkeypatch.context() as patch:
        fail_at(patch, step)
        with pytest.raises(Stopped):
            pretrain(config)
    pretrain(config)
    assert_same_run(Path(config.run_dir), uninterrupted)


def test_stopped_again_and_again(folder, uninterrupted, monkeypatch):
    config = tiny_config(folder, "again and again")
    for step in (3, 15, 16):
        with monkeypatch.context() as patch:
            fail_at(patch, step)
            with pytest.raises(Stopped):
                pretrain(config)
    pretrain(config)
    assert_same_run(Path(config.run_dir), uninterrupted)


@pytest.mark.parametrize(
    ("step", "part", "newest", "note"),
    [
        (1, "weights", None, "it was not finished (no manifest)"),
        (9, "manifest", 8, "it was not finished (no manifest)"),
        (9, "removal of older ones", 9, None),
        (NUM_STEPS, "weights", NUM_STEPS - 1, "it was not finished (no manifest)"),
        (NUM_STEPS, "model", NUM_STEPS, None),
    ],
)
def test_killed_while_saving(folder, uninterrupted, capsys, step, part, newest, note):
    config = tiny_config(folder, f"killed at {step} before {part}")
    run_dir = Path(config.run_dir)
    assert exit_code(pretrain_killed_in_save, config, step, part) == -signal.SIGKILL
    assert not (run_dir / "model").exists()
    capsys.readouterr()
    pretrain(config)
    said = capsys.readouterr().out
    assert (f"skipped {run_dir}/checkpoint-{step}: {note}" in said) == (note is not None)
    assert ("Going on after" in said or "All stages are done" in said) == (newest is not None)
    assert_same_run(run_dir, uninterrupted)


@pytest.mark.parametrize("number", [3, 7, 31, 160])
def test_killed_at_any_write(folder, uninterrupted, number):
    """The first ones are of the settings, the tokenizer and the token files."""
    config = tiny_config(folder, f"write {number}")
    assert exit_code(pretrain_killed_at_write, config, number) == -signal.SIGKILL
    pretrain(config)
    assert_same_run(Path(config.run_dir), uninterrupted)
    assert not list(Path(config.run_dir).rglob("*.part"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_finishes_the_step_and_saves_it(folder, uninterrupted, monkeypatch, number):
    config = tiny_config(folder, f"signal {number}", save_minutes=1e9)
    original = Pretrainer._train_step

    def interrupted(trainer, rows):
        if trainer.progress.steps == 8:
            os.kill(os.getpid(), number)
        return original(trainer, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Pretrainer, "_train_step", interrupted)
        with pytest.raises(Interrupted, match=r"stopped at step 3 of .*stage 'until'; saved in"):
            pretrain(config)
    assert checkpoints(Path(config.run_dir))[0].name == "checkpoint-9"
    pretrain(config)
    assert_same_run(Path(config.run_dir), uninterrupted)


def test_a_finished_run_started_again_does_nothing(folder, uninterrupted, capsys):
    config = tiny_config(folder, "uninterrupted", save_minutes=1e9)
    unchanged = {p: p.stat().st_mtime_ns for p in uninterrupted.rglob("*") if p.is_file()}
    del unchanged[uninterrupted / "pretraining.json"]
    assert pretrain(config) == uninterrupted / "model"
    assert "All stages are done" in capsys.readouterr().out
    assert unchanged == {path: path.stat().st_mtime_ns for path in unchanged}


def test_stages_appended_prolong_a_finished_run(folder, uninterrupted):
    for number in (1, 2, 3):
        stages = [BLOCKS, UNTIL, MIXED][:number]
        pretrain(tiny_config(folder, "prolonged", save_minutes=1e9, stages=stages))
    assert_same_run(folder / "prolonged", uninterrupted)


def test_a_loss_that_is_not_finite(folder, monkeypatch):
    """The checkpoint before it is kept, and a lower learning rate goes on from there."""
    config = tiny_config(folder, "nan", stages=[BLOCKS])
    original = Pretrainer._train_step

    def poisoned(trainer, rows):
        if trainer.progress.steps == 4:
            with torch.no_grad():
                trainer.model.lm_head.weight[5] = torch.inf
        return original(trainer, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Pretrainer, "_train_step", poisoned)
        with pytest.raises(RunError, match=r"step 5 \(stage 'blocks'\): the loss is nan. Lower"):
            pretrain(config)
    assert checkpoints(Path(config.run_dir))[0].name == "checkpoint-4"
    lower = BLOCKS | {"learning_rate": [1e-4, 1e-4]}
    pretrain(tiny_config(folder, "nan", stages=[lower]))
    assert checkpoints(Path(config.run_dir))[0].name == "checkpoint-6"


def test_gradients_that_are_not_finite_never_reach_the_weights(folder, monkeypatch):
    config = tiny_config(folder, "inf", stages=[BLOCKS])
    original = torch.nn.utils.clip_grad_norm_
    calls = 0

    def overflowing(parameters, most):
        nonlocal calls
        calls += 1
        parameters = list(parameters)
        if calls == 3:
            parameters[0].grad[0] = torch.inf
        return original(parameters, most)

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.utils, "clip_grad_norm_", overflowing)
        with pytest.raises(RunError, match=r"step 3 .*norm of the gradients is inf"):
            pretrain(config)
    assert checkpoints(Path(config.run_dir))[0].name == "checkpoint-2"
    pretrain(config)
    undisturbed = tiny_config(folder, "not inf", stages=[BLOCKS])
    pretrain(undisturbed)
    assert_same_run(Path(config.run_dir), Path(undisturbed.run_dir))


def test_text_too_short_for_the_last_stage_is_found_at_the_start(folder, monkeypatch):
    long = MIXED | {"name": "long", "row_tokens": 100_000}
    shape = {"max_position_embeddings": 100_000}
    config = tiny_config(folder, "short", stages=[BLOCKS, long], shape=shape)
    monkeypatch.setattr(program.Pretrainer, "run", lambda *args: pytest.fail("it trained"))
    with pytest.raises(CorpusError, match=r"'letters': .*too few for one row of 100,000"):
        pretrain(config)


def test_sources_that_have_no_weight_are_named(folder, capsys):
    pretrain(tiny_config(folder, "weights", stages=[MIXED], weights={"novels": 2.0}))
    assert "not trained on: letters" in capsys.readouterr().out
