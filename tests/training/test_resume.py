"""A run that was stopped at any moment and started again ends as if it had never stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import ARCHITECTURES
from safetensors.torch import load_file, save_file
from training.kill_moments import MOMENTS, train_killed_at, train_killed_at_write
from training.tiny_runs import assert_same_weights, exit_code, log_lines, tiny_config, weights

import manyicl
from manyicl.config import Config, save_config
from manyicl.errors import Interrupted, RunError
from manyicl.training import callbacks, checkpoint, run
from manyicl.training.callbacks import StopSignal
from manyicl.training.run import train

# Dropout, so that a wrong random state shows; log intervals that saves fall into.
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {
        "model__config": {"model_type": "gpt2", **ARCHITECTURES["gpt2"], "resid_pdrop": 0.2},
    },
    "lora": {
        "model__config": {
            "model_type": "llama",
            **ARCHITECTURES["llama"],
            "attention_dropout": 0.2,
        },
        "model__lora__rank": 4,
        "model__lora__dropout": 0.2,
    },
}
SAVED = "checkpoint-4"
# Where a run goes on that died at a moment: the step, and what it says of a newer checkpoint.
RESUMED: dict[str, tuple[int, str | None]] = {
    "before the first checkpoint": (0, None),
    "in the middle of a step": (2, None),
    "between two steps": (2, None),
    "in the middle of a log line": (2, None),
    "before a save": (2, None),
    "between model and optimizer": (2, "it was not finished (no manifest)"),
    "in the middle of the optimizer": (2, "it was not finished (no manifest)"),
    "before the manifest": (2, "it was not finished (no manifest)"),
    "in the middle of the manifest": (2, "it was not finished (no manifest)"),
    "after the manifest": (4, None),
    "while removing the old one": (4, None),
    "after the last checkpoint": (6, None),
    "in the middle of the model folder": (6, None),
}
LORA_MOMENTS = ["between two steps", "between model and optimizer", "after the manifest"]
CASES = [("full", moment) for moment in MOMENTS] + [("lora", moment) for moment in LORA_MOMENTS]


def config_of(folder: Path, variant: str, run_name: str, **settings: Any) -> Config:
    settings = (
        VARIANTS[variant]
        | {
            "training__log_every": 3,
            "training__keep_checkpoints": 1,
        }
        | settings
    )
    return tiny_config(folder, run=run_name, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("resume")


@pytest.fixture(scope="module", params=VARIANTS)
def any_variant(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def uninterrupted(folder):
    """Returns the run folder of a variant that nobody disturbed; trained on first use."""

    def run_of(variant: str) -> Path:
        config = config_of(folder, variant, f"uninterrupted-{variant}")
        if not (Path(config.run_dir) / "model").is_dir():
            train(config)
        return Path(config.run_dir)

    return run_of


def assert_same_run(one: Path, other: Path) -> None:
    assert_same_weights(one / "model", other / "model")
    assert log_lines(one) == log_lines(other)


@pytest.mark.parametrize(("variant", "moment"), CASES)
def test_a_killed_run_ends_as_if_nobody_had_killed_it(
    folder, uninterrupted, variant, moment, capsys
):
    config = config_of(folder, variant, f"{variant} {moment}")
    run_dir = Path(config.run_dir)
    assert exit_code(train_killed_at, config, moment) == -signal.SIGKILL
    assert not (run_dir / "model").exists()
    step, problem = RESUMED[moment]
    train(config)
    said = capsys.readouterr().err
    assert (f"resuming from {run_dir}/checkpoint-{step}\n" in said) == bool(step)
    assert (f"skipped {run_dir / SAVED}: {problem}\n" in said) == (problem is not None)
    assert_same_run(run_dir, uninterrupted(variant))
    assert [path.name for path in checkpoint.checkpoints(run_dir)] == ["checkpoint-6"]
    assert not list(run_dir.rglob("*.part"))


@pytest.mark.parametrize("number", [14, 29, 45, 75])
def test_a_run_killed_at_any_write_ends_the_same(folder, uninterrupted, number):
    config = config_of(folder, "full", f"write {number}")
    assert exit_code(train_killed_at_write, config, number) == -signal.SIGKILL
    train(config)
    assert_same_run(Path(config.run_dir), uninterrupted("full"))


def test_a_checkpoint_of_other_sequences_is_not_gone_on_with(folder):
    """Another version may draw other sequences from the same settings."""
    config = config_of(folder, "full", "other draw", training__save_every=2)
    assert exit_code(train_killed_at, config, "in the middle of a step") == -signal.SIGKILL
    (newest, *_) = checkpoint.checkpoints(Path(config.run_dir))
    file = newest / "shot_loss.json"
    state = json.loads(file.read_text())
    for changed in ({**state, "plan": "another"}, {k: v for k, v in state.items() if k != "plan"}):
        file.write_text(json.dumps(changed))
        checkpoint.seal(newest)
        with pytest.raises(RunError, match="was trained on other sequences than this version"):
            train(config)
    file.write_text(json.dumps(state))
    checkpoint.seal(newest)
    assert train(config).is_dir()


def test_an_adapter_does_not_go_on_with_another_base(folder, tmp_path):
    base = tmp_path / "base_model"
    settings = {"model__config": {}, "model__path": str(base), "model__lora__rank": 4}
    first = train(config_of(folder, "full", "for a base", training__steps=1))
    shutil.copytree(first, base)
    config = config_of(tmp_path, "full", "half", training__save_every=2, **settings)
    assert exit_code(train_killed_at, config, "in the middle of a step") == -signal.SIGKILL
    assert checkpoint.checkpoints(Path(config.run_dir))
    weights = load_file(base / "model.safetensors")
    changed = {name: weight + 0.01 for name, weight in weights.items()}
    save_file(changed, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RunError, match=r"weights were others than those that model\.path holds"):
        train(config)
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    assert train(config).is_dir()


def test_a_run_killed_again_and_again_ends_the_same(folder, uninterrupted):
    config = config_of(folder, "full", "again", training__save_every=1)
    for moment in ("in the middle of a step", "before the manifest", "after the last checkpoint"):
        assert exit_code(train_killed_at, config, moment) == -signal.SIGKILL
    train(config)
    assert_same_run(Path(config.run_dir), uninterrupted("full"))


def test_how_often_a_run_saves_and_where_it_lies_change_nothing(folder, uninterrupted):
    config = config_of(folder, "full", "here", training__save_every=3)
    assert exit_code(train_killed_at, config, "before a save") is not None
    (folder / "here").rename(folder / "there")
    train(config_of(folder, "full", "there", training__save_every=0))
    assert_same_run(folder / "there", uninterrupted("full"))


def test_a_damaged_checkpoint_is_named_and_an_older_one_taken(folder, uninterrupted, capsys):
    config = config_of(folder, "full", "damaged", training__keep_checkpoints=3)
    assert exit_code(train_killed_at, config, "after the last checkpoint") == -signal.SIGKILL
    damaged = Path(config.run_dir) / "checkpoint-6" / "model.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    train(config)
    said = capsys.readouterr().err
    assert f"skipped {damaged.parent}: model.safetensors differs from the manifest" in said
    assert f"resuming from {config.run_dir}/checkpoint-4" in said
    assert_same_run(Path(config.run_dir), uninterrupted("full"))


def test_a_finished_run_is_not_trained_again(uninterrupted, folder, capsys):
    run_dir = uninterrupted("full")
    before = {path: path.stat().st_mtime_ns for path in run_dir.rglob("*.safetensors")}
    assert train(config_of(folder, "full", "uninterrupted-full")) == run_dir / "model"
    assert "trained already" in capsys.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in run_dir.rglob("*.safetensors")}


def test_dropout_makes_the_random_state_matter(folder, uninterrupted, any_variant):
    """Without this the tests above would prove less than they say."""
    config = config_of(folder, any_variant, f"seed {any_variant}", training__seed=1)
    train(config)
    ours = weights(folder / f"seed {any_variant}" / "model")
    theirs = weights(uninterrupted(any_variant) / "model")
    assert any(not torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


# --- stopping from outside -----------------------------------------------------------------------


def interrupt_in_step(monkeypatch, step: int, number: signal.Signals) -> None:
    training_step = run.ManyICLTrainer.training_step

    def interrupted(trainer, *args, **kwargs):
        if trainer.state.global_step == step - 1:
            os.kill(os.getpid(), number)
        return training_step(trainer, *args, **kwargs)

    monkeypatch.setattr(run.ManyICLTrainer, "training_step", interrupted)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_its_step_and_goes_on(folder, uninterrupted, monkeypatch, number):
    """The signal comes with every micro-batch of the step, as a launcher may pass it on."""
    config = config_of(folder, "full", f"interrupted {number}")
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        interrupt_in_step(patch, 3, number)
        with pytest.raises(Interrupted, match=r"stopped at step 3 of 6; saved in .* goes on"):
            train(config)
    assert signal.getsignal(number) is before
    newest, notes = checkpoint.latest_checkpoint(Path(config.run_dir))
    assert newest == Path(config.run_dir) / "checkpoint-3"
    assert notes == []
    assert not (Path(config.run_dir) / "model").exists()
    train(config)
    assert_same_run(Path(config.run_dir), uninterrupted("full"))


def test_an_interrupt_in_the_last_step_finishes_the_run(folder, uninterrupted, monkeypatch):
    config = config_of(folder, "full", "interrupted at last")
    interrupt_in_step(monkeypatch, 6, signal.SIGINT)
    train(config)
    assert_same_run(Path(config.run_dir), uninterrupted("full"))


def test_a_second_interrupt_stops_at_once(monkeypatch):
    now = 0.0
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now)
    stop = StopSignal()
    with stop.caught():
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wanted
        now = 0.5
        os.kill(os.getpid(), signal.SIGINT)
        now = 2.0
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


SCRIPT = """
import sys
import time
from manyicl.config import load_config
from manyicl.errors import Interrupted
from manyicl.training.run import train
from manyicl.training.trainer import ManyICLTrainer

step = ManyICLTrainer.training_step


def slow(self, *args, **kwargs):  # or it may be done before the signal comes
    time.sleep(0.05)
    return step(self, *args, **kwargs)


ManyICLTrainer.training_step = slow
try:
    train(load_config(sys.argv[1]))
except Interrupted as stopped:
    raise SystemExit(130)
"""


@pytest.mark.slow
def test_a_launched_run_of_two_processes_stops_on_ctrl_c_and_one_process_ends_it(tmp_path):
    settings = {
        "training__steps": 150,
        "training__save_every": 0,
        "training__log_every": 5,
        "training__learning_rate": 1e-3,
    }
    alone = tiny_config(tmp_path, run="alone", **settings)
    train(alone)
    config = tiny_config(tmp_path, run="launched", **settings)
    save_config(config, tmp_path / "config.yaml")
    (tmp_path / "script.py").write_text(SCRIPT)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launcher += ["--nproc-per-node", "2", str(tmp_path / "script.py")]
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            [*launcher, str(tmp_path / "config.yaml")],
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(Path(manyicl.__file__).parents[1])},
        )
        while not (tmp_path / "launched/log.jsonl").is_file():
            assert process.poll() is None, (tmp_path / "said").read_text()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
        assert process.wait(60) != 0
    newest, notes = checkpoint.latest_checkpoint(tmp_path / "launched")
    assert newest is not None, (tmp_path / "said").read_text()
    assert notes == []
    assert 0 < checkpoint.step_of(newest) < 150
    train(config)
    assert_same_weights(tmp_path / "alone/model", tmp_path / "launched/model", atol=1e-4, rtol=1e-3)
    assert [line["step"] for line in log_lines(tmp_path / "launched")] == list(range(5, 151, 5))
