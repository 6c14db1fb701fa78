"""The folder of a pre-training: what is refused, what is skipped, and that nothing is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from pretraining.tiny_pretraining import BLOCKS, MIXED, documents, make_small, tiny_config
from safetensors.torch import load_file, save_file
from training.tiny_runs import assert_same_weights

from manyicl.errors import ConfigError, CorpusError, RunError
from manyicl.models.scratch import train_tokenizer
from manyicl.pretraining.program import Pretrainer, pretrain
from manyicl.training import checkpoint as sealing
from manyicl.training.checkpoint import checkpoints


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> None:
    make_small(monkeypatch)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with a corpus and a finished pre-training of one stage, `run`."""
    folder = tmp_path_factory.mktemp("saving")
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        pretrain(tiny_config(folder, stages=[BLOCKS]))
    return folder


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


def again(folder: Path, **settings) -> Path:
    """Go on with one stage more, so that there is something to do."""
    return pretrain(tiny_config(folder, **({"stages": [BLOCKS, MIXED]} | settings)))


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


def test_of_the_stage_under_way_only_what_comes_may_change(folder, monkeypatch):
    def stopped(trainer, rows):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        original = Pretrainer._train_step
        patch.setattr(
            Pretrainer,
            "_train_step",
            lambda trainer, rows: (stopped if trainer.progress.steps == 8 else original)(
                trainer, rows
            ),
        )
        with pytest.raises(KeyboardInterrupt):
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


def test_a_corpus_that_changed_below_a_stage_is_refused(folder, monkeypatch):
    original = Pretrainer._train_step

    def failing(trainer, rows):
        if trainer.progress.steps == 8:
            raise KeyboardInterrupt
        return original(trainer, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Pretrainer, "_train_step", failing)
        with pytest.raises(KeyboardInterrupt):
            again(folder)
    with (folder / "corpus" / "novels.txt").open("a") as file:
        file.write("\n\n" + documents(9)[0])
    with pytest.raises(CorpusError, match=r"saved with other .*perhaps of another corpus"):
        again(folder)


def test_a_corpus_may_move(folder):
    moved = folder / "elsewhere"
    (folder / "corpus").rename(moved)
    again(folder, corpus=str(moved))


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
