"""`manyicl export`: what goes with what, and where things are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import byte_level_tokenizer, make_task, tiny_model

from manyicl.cli import main
from manyicl.tasks import write_task


@pytest.fixture
def recipe(tmp_path) -> list[str]:
    write_task(make_task(), tmp_path / "tasks" / "toy")
    return [
        f"run_dir={tmp_path / 'run'}",
        f"tasks.path={tmp_path / 'tasks'}",
        "model.config={model_type: llama}",
        "model.vocab_size=300",
        "episodes.max_tokens=128",
        "training.steps=4",
        "training.rows_per_step=2",
    ]


def model_folder(folder: Path) -> Path:
    tiny_model(vocab_size=400).save_pretrained(folder)
    byte_level_tokenizer().save_pretrained(folder)
    return folder


def test_sequences_of_a_recipe_are_written(recipe, tmp_path, capsys):
    out = tmp_path / "data"
    words = [*recipe, "--sequences", str(out), "--num", "5"]
    assert main(["export", *words]) == 0
    assert f"Sequences: {out} (5 rows)" in capsys.readouterr().out
    assert (out / "data" / "train-00000-of-00001.parquet").is_file()
    assert main(["export", *words]) == 2
    assert f"--sequences: {out} exists and is not empty" in capsys.readouterr().err


def test_weights_that_the_columns_cannot_hold_are_mentioned(recipe, tmp_path, capsys):
    words = [*recipe, "objective.normaliser=answer_mean", "--sequences", str(tmp_path / "data")]
    assert main(["export", *words]) == 0
    assert "objective.normaliser=answer_mean are not in the columns" in capsys.readouterr().err


def test_the_model_of_a_run_is_written(tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").touch()
    model_folder(run / "model")
    assert main(["export", str(run), "--merged", str(tmp_path / "plain")]) == 0
    assert f"Model: {tmp_path / 'plain'}" in capsys.readouterr().out
    assert (tmp_path / "plain" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give --merged DIR, --sequences DIR, or both"),
        (["runs/x", "--merged", "out", "--num", "3"], "--num: belongs to --sequences"),
        (["--merged", "out"], "--merged: name the run"),
        (["model.path=x", "--merged", "out"], "--merged: name the run"),
        (["runs/x", "training.steps=1", "--merged", "out"], "has no settings to change"),
        (["runs/x", "--merged", "out"], "'runs/x' is no local folder"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *words]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
