"""The run folder takes one run: one configuration, one set of data, one process at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training.tiny_runs import (
    assert_same_weights,
    exit_code,
    tiny_config,
    train_in_two_processes,
    train_with_little_room,
)

from manyicl.config import Config, load_config
from manyicl.errors import ConfigError, RunError
from manyicl.training import checkpoint, run, run_folder
from manyicl.training.disk import disk_errors_explained
from manyicl.training.run import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with tasks and a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    train(tiny_config(folder))
    return folder


def bind(config: Config) -> None:
    with run_folder.open_run(config) as run_dir:
        run_folder.bind(run_dir, config, run.held_in_tasks(config))


def test_without_file_locks_a_run_is_as_it_was(tmp_path):
    """On Windows there is no fcntl."""
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from manyicl.config import Config\n"
        "from manyicl.training import run_folder\n"
        f"with run_folder.open_run(Config(run_dir={str(tmp_path / 'run')!r})) as folder:\n"
        "    print(folder.name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("run\n", 0), done.stderr


# --- configuration -------------------------------------------------------------------------------


def test_another_configuration_is_refused_and_every_changed_key_named(trained):
    config = tiny_config(trained, training__learning_rate=0.5, objective__supervise="last_answer")
    with pytest.raises(ConfigError) as caught:
        train(config)
    message = str(caught.value)
    assert message.startswith(f"run_dir: {trained / 'run'} holds a run with another configuration:")
    assert "objective.supervise ('every_answer' there, 'last_answer' now)" in message
    assert "training.learning_rate (0.01 there, 0.5 now)" in message
    assert message.endswith("Choose another run_dir, or remove that folder to start anew.")
    assert caught.value.exit_code == 2
    assert load_config(trained / "run/config.yaml") == tiny_config(trained)


@pytest.mark.parametrize(
    "changed",
    [
        {"model__config": {"model_type": "llama", "hidden_size": 64}},
        {"model__lora__rank": 2},
        {"tasks__held_out": ["held", "sums"]},
        {"episodes__max_tokens": 127},
        {"template__separator": "\n"},
        {"training__seed": 1},
    ],
)
def test_what_alters_the_weights_may_not_change(trained, changed):
    (key,) = changed
    with pytest.raises(ConfigError, match=key.replace("__", r"\.")):
        bind(tiny_config(trained, **changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"training__log_every": 7, "training__save_every": 9, "training__keep_checkpoints": 5},
        {"training__report_to": ["tensorboard"]},
        {"evaluation__num_shots": [0, 2], "evaluation__seeds": [7]},
    ],
)
def test_what_leaves_the_weights_alone_may_change_and_is_kept(trained, changed):
    config = tiny_config(trained, **changed)
    bind(config)
    assert load_config(trained / "run/config.yaml") == config


def test_settings_may_change_until_there_is_something_to_protect(tmp_path, trained):
    """A mistake that shows before training must not lock the folder."""
    mistaken = tiny_config(tmp_path, episodes__max_tokens=4096, model__seed=3)
    with pytest.raises(ConfigError, match=r"episodes\.max_tokens: is 4096"):
        train(mistaken)
    train(tiny_config(tmp_path))
    assert load_config(tmp_path / "run/config.yaml") == tiny_config(tmp_path)
    # The untrained model of the mistaken settings (another seed) is not taken over.
    assert_same_weights(tmp_path / "run/base", trained / "run/base")
    assert_same_weights(tmp_path / "run/model", trained / "run/model")


# --- data ----------------------------------------------------------------------------------------


def change_row(folder: Path, task: str, split: str) -> None:
    path = folder / "tasks" / task / f"{split}.jsonl"
    lines = path.read_text().splitlines()
    lines[3] = json.dumps({"input": "another", "output": "row"})
    path.write_text("\n".join(lines) + "\n")


def test_changed_train_rows_are_refused_and_the_task_named(tmp_path):
    train(tiny_config(tmp_path, training__steps=1))
    change_row(tmp_path, "sums", "train")
    with pytest.raises(ConfigError, match="holds a run on other data: sums changed since"):
        train(tiny_config(tmp_path, training__steps=1))


def test_rows_that_are_not_trained_on_may_change_and_tasks_may_move(tmp_path):
    train(tiny_config(tmp_path, training__steps=1))
    change_row(tmp_path, "sums", "test")
    change_row(tmp_path, "held", "train")
    (tmp_path / "tasks").rename(tmp_path / "moved")
    config = tiny_config(tmp_path, training__steps=1)
    config.tasks.path = [str(tmp_path / "moved")]
    assert train(config) == tmp_path / "run/model"


def test_a_damaged_record_of_the_data_is_refused(tmp_path):
    train(tiny_config(tmp_path, training__steps=1))
    (tmp_path / "run/data.json").write_text("{")
    with pytest.raises(ConfigError, match=r"data\.json is damaged"):
        train(tiny_config(tmp_path, training__steps=1))


def test_a_folder_of_a_pretraining_is_refused(tmp_path):
    """Though it has a lock, as a run that was begun."""
    (tmp_path / "run").mkdir()
    for name in (".lock", "pretraining.json", "log.jsonl"):
        (tmp_path / "run" / name).touch()
    with pytest.raises(ConfigError, match=r"run holds a pre-training, not a run\. Choose a new"):
        train(tiny_config(tmp_path))


# --- one process at a time -----------------------------------------------------------------------


def test_a_second_run_in_the_folder_is_refused(tmp_path):
    config = tiny_config(tmp_path)
    with run_folder.open_run(config), pytest.raises(RunError, match="another process is working"):
        train(config)
    with run_folder.open_run(config):
        pass  # released


def test_processes_of_one_run_refuse_the_same_together(tmp_path):
    assert train_in_two_processes(tiny_config(tmp_path, training__rows_per_step=3)) == [1, 1]
    for rank in range(2):
        assert (tmp_path / f"run.error{rank}").read_text() == (
            "ConfigError: training.rows_per_step: is 3, which 2 processes cannot share equally. "
            "Use a multiple."
        )
    assert not (tmp_path / "run").exists()


# --- folders of something else -------------------------------------------------------------------


def test_a_folder_of_something_else_is_refused_and_left_as_it_was(tmp_path):
    def refused(found: str) -> None:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(ConfigError, match=found) as caught:
            bind(config)
        assert "Choose a new folder" in str(caught.value)
        assert sorted(tmp_path.rglob("*")) == before

    config = tiny_config(tmp_path, run="tasks")
    refused(r"holds tasks \(task\.json\), not a run")
    config = tiny_config(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/thesis.tex").touch()
    refused(r"is not empty and holds no run \(found thesis\.tex\)")
    (tmp_path / "run/thesis.tex").rename(tmp_path / "run/out.log")
    (tmp_path / "run/.hidden").touch()
    bind(config)


# --- disks ---------------------------------------------------------------------------------------


# What is being written when the room runs out: the sizes are between those of two files.
ROOM = {"data.json": 10, "config.yaml": 500, "the base model": 100_000, "a checkpoint": 200_000}


@pytest.mark.parametrize("what", ROOM)
def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(tmp_path, trained, what):
    config = tiny_config(tmp_path)
    assert exit_code(train_with_little_room, config, ROOM[what]) == 1
    assert "writing failed" in (tmp_path / "run.error").read_text()
    train(config)
    assert_same_weights(tmp_path / "run/model", trained / "run/model")


def test_complete_checkpoints_outlast_a_full_disk(tmp_path, trained, monkeypatch):
    config = tiny_config(tmp_path)
    save = run.ManyICLTrainer._save_optimizer_and_scheduler

    def full_at_last(trainer: Any, folder: str) -> None:
        if not folder.endswith("checkpoint-6"):
            return save(trainer, folder)
        # What torch.save raises when less was written than it wanted.
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")

    with monkeypatch.context() as patch:
        patch.setattr(run.ManyICLTrainer, "_save_optimizer_and_scheduler", full_at_last)
        with pytest.raises(RunError) as caught:
            train(config)
    message = str(caught.value)
    assert message.startswith(f"run_dir: {tmp_path / 'run'}: writing failed (")
    assert "GB are free" in message
    assert "make room there (or the folder writable) and start the same command again" in message
    assert caught.value.exit_code == 1
    newest, notes = checkpoint.latest_checkpoint(tmp_path / "run")
    assert newest == tmp_path / "run/checkpoint-4"
    assert len(notes) == 1
    train(config)
    assert_same_weights(tmp_path / "run/model", trained / "run/model")


@pytest.mark.parametrize("place", ["run", "run/deeper/still"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "run").write_text("a file stands here")
    config = tiny_config(tmp_path, run=place)
    with pytest.raises(RunError) as caught:
        train(config)
    assert str(caught.value).startswith(f"run_dir: {tmp_path / place}: cannot be written (")
    assert str(caught.value).endswith("Choose another run_dir.")
    assert caught.value.exit_code == 1


def test_a_file_that_cannot_be_written_inside_is_said(tmp_path):
    config = tiny_config(tmp_path)
    (tmp_path / "run/log.jsonl").mkdir(parents=True)
    (tmp_path / "run/.lock").touch()
    with pytest.raises(RunError, match=r"writing failed .*directory"):
        train(config)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        OSError(30, "Read-only file system"),
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
    ],
)
def test_errors_of_a_disk_are_explained(tmp_path, error):
    with pytest.raises(RunError, match="writing failed"), disk_errors_explained(tmp_path):
        raise error


@pytest.mark.parametrize("error", [ValueError("a bug"), ConfigError("steps: is 0"), KeyError("x")])
def test_other_errors_pass_unchanged(tmp_path, error):
    with pytest.raises(type(error)) as caught, disk_errors_explained(tmp_path):
        raise error
    assert caught.value is error
