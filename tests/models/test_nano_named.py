"""`nano` by its name: in settings, beside a folder of that name, in every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from builders import byte_level_tokenizer, tiny_model
from models.nano_model import ENCODER, FOLDER, TOKENIZER, logits, small_run

from manyicl.cli import main
from manyicl.config import LoraConfig, ModelConfig, load_config
from manyicl.errors import ConfigError
from manyicl.evaluation.results import Results
from manyicl.inference import Engine
from manyicl.models import (
    base_tokenizer,
    context_length,
    hub,
    load_model,
    load_tokenizer,
    model_identity,
    shipped,
    stored_context_length,
    stored_dtype,
)
from manyicl.training.export import export_merged
from manyicl.training.model_folder import model_path, read_description

# --- in settings and in the library --------------------------------------------------------------


def test_it_is_the_default_of_every_setting():
    assert ModelConfig().path == load_config().model.path == "nano"
    assert load_config() == load_config(None, ["model=nano"]) == load_config(None, ["--model=nano"])


def test_a_model_described_by_a_config_takes_the_place_of_the_default():
    described = {"model_type": "llama", "hidden_size": 32}
    assert ModelConfig(config=described).path == ""
    assert load_config(None, [f"model.config={json.dumps(described)}"]).model.path == ""
    assert load_config(None, ["model=", "model.config.model_type=llama"]).model.path == ""


@pytest.mark.parametrize(
    "text", ["model: {path: nano, config: {model_type: llama}}", "model: nano"]
)
def test_nano_and_a_config_together_are_refused(text, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(
        ConfigError, match=r"model\.path and model\.config are both set.*model\.path="
    ):
        load_config(path, ["model.config.hidden_size=32"])


def test_the_word_works_wherever_a_model_is_named(nano):
    hub.check_name("model.path", "nano")
    assert model_path("nano") == str(FOLDER)
    assert TOKENIZER.name_or_path == nano.name_or_path == str(FOLDER)
    found = Engine.load("nano")
    assert found.identity == model_identity(nano)
    assert found.encoder.fingerprint() == ENCODER.fingerprint()
    described = ModelConfig(config={"model_type": "llama"}, tokenizer="nano")
    assert base_tokenizer(described, ()).get_vocab() == TOKENIZER.get_vocab()


@pytest.fixture
def other(tmp_path, monkeypatch) -> Path:
    """A working directory with another model's folder called nano, as a run would have left it."""
    tiny_model(vocab_size=400).save_pretrained(tmp_path / "nano")
    byte_level_tokenizer().save_pretrained(tmp_path / "nano")
    (tmp_path / "nano/manyicl.json").write_text("not to be read")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "nano"


def test_a_local_folder_of_that_name_is_not_meant_and_this_is_said_once(nano, other, capsys):
    assert model_identity(load_model("nano")) == model_identity(nano)
    assert load_tokenizer("nano").get_vocab() == TOKENIZER.get_vocab()
    assert stored_context_length("nano") == context_length(nano)
    assert stored_dtype("nano") == torch.bfloat16
    assert Engine.load("nano").identity == model_identity(nano)
    note = "note: 'nano' is the model that comes with manyicl; the folder here is './nano'"
    assert capsys.readouterr().err.count(note) == 1


@pytest.mark.parametrize("absolute", [False, True])
def test_a_local_folder_of_that_name_is_given_as_a_path(other, absolute, tmp_path):
    name = str(other) if absolute else "./nano"
    assert load_config(None, [f"model={name}"]).model.path == name
    assert stored_context_length(name) == 512
    assert stored_dtype(name) == torch.float32
    assert load_model(name).config.hidden_size == 32
    assert len(load_tokenizer(name)) == len(byte_level_tokenizer())
    assert model_path(name) == name
    files = {path.name: path.read_bytes() for path in other.iterdir()}
    copy = export_merged(name, tmp_path / f"copy {absolute}")
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == files


def test_an_adapter_in_a_local_folder_of_that_name_is_merged(tmp_path, monkeypatch, nano):
    model: Any = load_model("nano", ModelConfig(lora=LoraConfig(rank=2)), training=True)
    model.save_pretrained(tmp_path / "nano")
    TOKENIZER.save_pretrained(tmp_path / "nano")
    monkeypatch.chdir(tmp_path)
    merged = export_merged("./nano", "merged")  # an untrained adapter changes nothing
    assert torch.equal(logits(load_model(str(merged.absolute()))), logits(nano))


# --- in the commands -----------------------------------------------------------------------------


def test_predict_without_a_model_answers_with_nano(asked, tmp_path, capsys):
    for name, model in {
        "default": [],
        "word": ["nano"],
        "setting": ["model=nano"],
        "folder": [str(FOLDER)],
    }.items():
        assert main(["predict", *model, *asked, "--out", str(tmp_path / f"{name}.jsonl")]) == 0
    assert main(["predict", *asked, "--out", str(tmp_path / "last.jsonl"), "nano"]) == 0
    answers = {path.read_text() for path in tmp_path.glob("*.jsonl")}
    assert len(answers) == 1
    assert len(list(tmp_path.glob("*.jsonl"))) == 5
    capsys.readouterr()
    assert main(["predict", "one", "two", *asked, "--out", str(tmp_path / "none.jsonl")]) == 2
    assert "name one model; found 'one', 'two'" in capsys.readouterr().err


def test_inspect_and_export_without_a_model_use_nanos_tokenizer(tmp_path, capsys):
    words = small_run(tmp_path, "run")
    assert main(["inspect", *words]) == 0
    default = capsys.readouterr().out
    assert "<|end|>" in default
    assert main(["inspect", *words, "model=nano"]) == 0
    assert capsys.readouterr().out == default
    assert main(["export", *words, "--sequences", str(tmp_path / "rows")]) == 0
    exported = load_tokenizer(str(tmp_path / "rows/tokenizer"))
    assert exported.get_vocab() == TOKENIZER.get_vocab()
    assert main(["export", "nano", "--merged", str(tmp_path / "copy")]) == 0
    files = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == files


def test_run_without_a_model_tunes_nano(tmp_path, nano):
    assert main(["run", *small_run(tmp_path, "run")]) == 0
    folder = tmp_path / "run/model"
    assert Results.load(tmp_path / "run").stages == ["base", "tuned"]
    assert not (tmp_path / "run/base").exists()
    tuned: Any = load_model(str(folder))
    assert tuned.dtype == torch.bfloat16  # stored as it came
    assert not torch.equal(logits(tuned), logits(nano))
    found = read_description(folder)
    assert found is not None
    assert (found["base"], found["base_sha256"]) == ("nano", shipped.fingerprint())
    card = (folder / "README.md").read_text()
    assert "# nano, fine-tuned on many-shot sequences of 2 tasks" in card
    assert "Base: `nano`, the model that comes with manyicl" in card
    assert shipped.fingerprint() in card
    assert "base_model" not in yaml.safe_load(card.split("---")[1])
    # The same command again, the model named: the same run.
    assert main(["train", *small_run(tmp_path, "run"), "model=nano"]) == 0
    assert main(["evaluate", *small_run(tmp_path, "run"), "model=nano"]) == 0
