"""The folder of a pre-training: what is refused, what is skipped, and that nothing is lost."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from pretraining.tiny_pretraining import (
    BLOCKS,
    MIXED,
    again,
    documents,
    pretrain_and_stay,
    stop_at,
    tiny_config,
)
from safetensors.torch import load_file, save_file
from training.tiny_runs import assert_same_weights, start

from manyicl.errors import ConfigError, CorpusError, RunError
from manyicl.files import part_of
from manyicl.models.scratch import train_tokenizer
from manyicl.pretraining.measure import measure
from manyicl.pretraining.program import pretrain
from manyicl.training import checkpoint as sealing
from manyicl.training.checkpoint import checkpoints
from manyicl.training.folder_lock import LOCK, hold_folder

pytestmark = pytest.mark.usefixtures("small")


def contents(run_dir: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"seed": 1}, "seed: 0 then, 1 now"),
        ({"shape": {"hidden_size": 64}}, "shape.hidden_size: 32 then, 64 now"),
        ({"shape": {"vocab_size": 500}}, "shape.vocab_size: 400 then, 500 now"),
        ({"weights": {"novels": 1.0}}, "weights.novels: None then, 1.0 now"),
        ({"leave_out": ["novels"]}, "leave_out: [] then, ['novels'] now"),
        ({"open_weight": 0.3, "seed": 2}, "open_weight: 0.1 then, 0.3 now, seed: 0 then, 2 now"),
    ],
)
def test_other_settings_are_refused_by_name(folder, settings, named):
    before = contents(folder / "run")
    with pytest.raises(ConfigError) as refused:
        again(folder, **settings)
    assert f"({named})" in str(refused.value)
    assert "Choose another run_dir, or use the settings it has" in str(refused.value)
    assert contents(folder / "run") == before


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([BLOCKS | {"rows_per_step": 3}, MIXED], r"stages\[0\] \('blocks'\).*other rows_per_step"),
        ([BLOCKS | {"learning_rate": [1e-3, 0.0]}], "other learning_rate now"),
        ([MIXED, BLOCKS], r"stages\[0\] \('blocks'\).*other name, million_tokens, row_tokens"),
    ],
)
def test_a_stage_that_is_done_cannot_become_another(folder, stages, message):
    before = contents(folder / "run")
    with pytest.raises(ConfigError, match=message):
        again(folder, stages=stages)
    assert contents(folder / "run") == before


def test_of_the_stage_under_way_only_what_comes_may_change(folder):
    with stop_at(8), pytest.raises(KeyboardInterrupt):
        again(folder)
    with pytest.raises(ConfigError, match=r"stages\[1\] \('mixed'\).*other mixture now"):
        again(folder, stages=[BLOCKS, MIXED | {"mixture": {"text": 1.0}}])
    with pytest.raises(ConfigError, match=r"stages\[1\] \('mixed'\).*no longer listed"):
        again(folder, stages=[BLOCKS])
    again(folder, stages=[BLOCKS, MIXED | {"learning_rate": [1e-4, 0.0], "million_tokens": 1e-3}])


def test_a_checkpoint_of_another_tokenizer_is_refused(folder):
    """Even one with as many tokens, whose ids would pass for those of the old one."""
    other = train_tokenizer(documents(7), 400)
    other.save_pretrained(folder / "run" / "tokenizer")
    kept = contents(checkpoints(folder / "run")[0])
    with pytest.raises(ConfigError, match=r"checkpoint-6: was trained with another tokenizer than"):
        again(folder)
    assert contents(checkpoints(folder / "run")[0]) == kept


def test_a_lost_tokenizer_is_made_again_from_the_same_corpus(folder, finished):
    shutil.rmtree(folder / "run" / "tokenizer")
    again(folder)
    made, before = (
        json.loads((path / "run" / "tokenizer" / "tokenizer.json").read_text())
        for path in (folder, finished)
    )
    assert made == before


def test_a_checkpoint_of_another_model_is_refused(folder):
    newest = checkpoints(folder / "run")[0]
    weights = load_file(newest / "weights.safetensors")
    weights["model.norm.weight"] = torch.ones(7)
    save_file(weights, newest / "weights.safetensors")
    sealing.seal(newest)
    with pytest.raises(ConfigError, match=r"checkpoint-6: .*another model .*model.norm.weight"):
        again(folder)


@pytest.mark.parametrize("damage", ["manifest", "weights", "missing"])
def test_an_incomplete_checkpoint_is_skipped_with_a_note(folder, finished, capsys, damage):
    shutil.copytree(folder / "run", folder / "whole")
    again(folder, run="whole")
    newest, older = checkpoints(folder / "run")
    if damage == "manifest":
        (newest / "manifest.json").unlink()
    elif damage == "missing":
        (newest / "optimizer.safetensors").unlink()
    else:
        (newest / "weights.safetensors").write_bytes(b"half")
    capsys.readouterr()
    again(folder)
    said = capsys.readouterr().out
    assert f"skipped {newest}: " in said
    assert f"skipped {older}" not in said
    assert_same_weights(folder / "run" / "model", folder / "whole" / "model")


def test_a_model_folder_that_was_lost_is_written_again(folder, finished):
    shutil.rmtree(folder / "run" / "model")
    pretrain(tiny_config(folder, stages=[BLOCKS]))
    assert_same_weights(folder / "run" / "model", finished / "run" / "model")


def test_a_folder_of_something_else_is_refused(folder):
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.txt").write_text("chapter one")
    with pytest.raises(ConfigError, match=r"mine is not empty and holds no pre-training"):
        again(folder, run="mine")
    assert [path.name for path in (folder / "mine").iterdir()] == ["thesis.txt"]


def test_a_folder_with_a_log_file_is_not_something_else(folder):
    (folder / "logged").mkdir()
    (folder / "logged" / "out.log").write_text("started\n")
    again(folder, run="logged")


def test_a_folder_that_cannot_be_written(folder):
    (folder / "file").write_text("")
    for run in ("file", "file/below"):
        with pytest.raises(RunError, match=rf"run_dir: .*{run}: cannot be written \(.*Choose"):
            again(folder, run=run)


def test_a_disk_that_is_full(folder, monkeypatch):
    from manyicl.pretraining import saving

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(saving, "save_file", full)
        with pytest.raises(RunError, match=r"No space left.*start the same command again"):
            again(folder)
    again(folder)


def test_settings_may_be_mended_until_something_is_trained(folder):
    """The tokenizer, made for the old ones, is made anew."""
    with pytest.raises(ConfigError, match="'leters'"):
        again(folder, run="new", weights={"leters": 1.0})
    long = MIXED | {"row_tokens": 20_000}
    shape = {"max_position_embeddings": 20_000}
    with pytest.raises(CorpusError, match="too few for one row"):
        again(folder, run="new", weights={"novels": 1.0}, shape=shape, stages=[long])
    again(folder, run="new", weights={"letters": 1.0}, shape={"vocab_size": 350})
    again(folder, run="newer", weights={"letters": 1.0}, shape={"vocab_size": 350})
    assert_same_weights(folder / "new" / "model", folder / "newer" / "model")
    shutil.rmtree(checkpoints(folder / "new")[1])
    shutil.rmtree(checkpoints(folder / "new")[0])
    with pytest.raises(ConfigError, match=r"other settings \(seed"):
        again(folder, run="new", weights={"letters": 1.0}, shape={"vocab_size": 350}, seed=4)


def test_settings_that_cannot_be_read(folder):
    (folder / "run" / "pretraining.json").write_text("{half")
    with pytest.raises(RunError, match=r"pretraining.json: cannot be read .*Restore it"):
        again(folder)


# --- one process at a time ------------------------------------------------------------------------


def test_a_second_process_is_refused_until_the_first_is_gone_even_by_sigkill(folder):
    shutil.copytree(folder / "run", folder / "whole")
    again(folder, run="whole")
    there = folder / "there"
    first = start(pretrain_and_stay, tiny_config(folder, stages=[BLOCKS, MIXED]), 8, there)
    try:
        for _ in range(1200):
            if there.exists() or not first.is_alive():
                break
            time.sleep(0.05)
        assert there.exists()
        before = contents(folder / "run")
        refused = rf"run_dir: {folder / 'run'}: another process is working there\. Wait for it, or"
        with pytest.raises(RunError, match=refused):
            again(folder)
        with pytest.raises(RunError, match=refused):
            measure(tiny_config(folder, stages=[BLOCKS, MIXED]))
        with pytest.raises(RunError, match=refused):
            again(folder, seed=7)  # its settings too are another process's matter
        assert contents(folder / "run") == before
    finally:
        first.kill()
        first.join(60)
    assert first.exitcode == -signal.SIGKILL
    again(folder)
    assert_same_weights(folder / "run" / "model", folder / "whole" / "model")


def test_a_folder_that_knows_only_its_lock_is_begun(folder):
    """A process was killed before it could write its settings."""
    with hold_folder(folder / "new"), pytest.raises(RunError, match="another process is working"):
        again(folder, run="new")
    assert [path.name for path in (folder / "new").iterdir()] == [LOCK]
    part_of(folder / "new" / "pretraining.json", 2**22 + 1).write_text("{")
    again(folder, run="new")
