"""`nano` in a package that is not whole: what lacks is named, with the way out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from models.nano_model import FOLDER, small_run

from manyicl.cli import main
from manyicl.errors import ModelError
from manyicl.inference import Engine
from manyicl.models import (
    load_model,
    load_tokenizer,
    shipped,
    stored_context_length,
)
from manyicl.training.model_folder import model_path


@pytest.fixture
def broken(tmp_path, monkeypatch) -> Path:
    """A copy of the folder that the package is made to use, for breaking."""
    copy = Path(shutil.copytree(FOLDER, tmp_path / "nano")).resolve()
    monkeypatch.setattr(shipped, "FOLDER", copy)
    return copy


@pytest.mark.parametrize("missing", [*shipped.FILES, None])
def test_a_missing_file_is_named_with_the_way_out(broken, missing):
    (broken / missing).unlink() if missing else shutil.rmtree(broken)
    for load in (load_model, load_tokenizer, stored_context_length, model_path, Engine.load):
        with pytest.raises(ModelError) as caught:
            load("nano")
        said = str(caught.value)
        assert said.startswith(
            "model.path: 'nano', the model that comes with manyicl, is not whole"
        )
        assert f"{broken} lacks " in said
        assert (missing or "config.json, model.safetensors, tokenizer.json") in said
        assert "Install manyicl again, or name another model" in said
    with pytest.raises(ModelError, match=r"^model\.tokenizer: 'nano'"):
        load_tokenizer("nano", key="model.tokenizer")


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_file_is_said_with_the_way_out(broken, file):
    content = (broken / file).read_bytes()
    (broken / file).write_bytes(content[: len(content) // 2])
    load = load_tokenizer if file == "tokenizer.json" else load_model
    with pytest.raises(ModelError) as caught:
        load("nano")
    assert str(broken) in str(caught.value)
    assert "Install manyicl again" in str(caught.value)


def test_the_commands_say_it_too(broken, tmp_path, asked, capsys):
    (broken / "model.safetensors").unlink()
    words = small_run(tmp_path, "run")
    predict = ["predict", *asked, "--out", str(tmp_path / "out.jsonl")]
    for command in (["run", *words], ["train", *words], ["evaluate", *words], predict):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert "error: model.path: 'nano', the model that comes with manyicl, is not whole" in error
        assert "lacks model.safetensors. Install manyicl again" in error
        assert "Traceback" not in error
