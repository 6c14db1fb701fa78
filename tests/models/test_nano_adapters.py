"""Adapters trained on `nano`: on this machine, on another one, on another edition."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from models.nano_model import FOLDER, logits
from training.tiny_runs import tiny_config

from manyicl.errors import ModelError
from manyicl.models import (
    load_model,
    shipped,
    stored_context_length,
)
from manyicl.training.run import train


@pytest.fixture(scope="module")
def adapter(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    settings: dict[str, Any] = {"model__config": {}, "model__lora__rank": 2, "training__steps": 2}
    return train(tiny_config(folder, model__path="nano", **settings, training__learning_rate=0.1))


def settings_of(adapter: Path) -> dict[str, Any]:
    return json.loads((adapter / "adapter_config.json").read_text())


def rewritten(adapter: Path, to: Path, **changed: Any) -> Path:
    shutil.copytree(adapter, to)
    (to / "adapter_config.json").write_text(json.dumps(settings_of(adapter) | changed))
    return to


def test_peft_alone_finds_nano_under_an_adapter(adapter, nano, tmp_path, monkeypatch):
    from peft import AutoPeftModelForCausalLM

    monkeypatch.chdir(tmp_path)
    ours = logits(load_model(str(adapter)))
    assert torch.equal(
        logits(AutoPeftModelForCausalLM.from_pretrained(adapter, dtype="auto")), ours
    )
    assert not torch.allclose(ours, logits(nano))
    assert settings_of(adapter)["base_model_name_or_path"] == str(FOLDER)
    card = (adapter / "README.md").read_text()
    assert "base_model" not in yaml.safe_load(card.split("---")[1])
    assert "# nano, fine-tuned" in card
    assert str(FOLDER) not in card


@pytest.mark.parametrize(
    "named",
    ["/elsewhere/lib/manyicl/models/nano", r"C:\env\Lib\site-packages\manyicl\models\nano", "nano"],
)
def test_an_adapter_of_another_machine_finds_the_nano_of_this_one(adapter, tmp_path, named):
    moved = rewritten(adapter, tmp_path / "moved", base_model_name_or_path=named)
    assert torch.equal(logits(load_model(str(moved))), logits(load_model(str(adapter))))
    assert stored_context_length(str(moved)) == stored_context_length("nano")
    further = train(
        tiny_config(tmp_path, model__config={}, model__path=str(moved), training__steps=1)
    )
    assert settings_of(further)["base_model_name_or_path"] == str(FOLDER)
    assert settings_of(further)["revision"] == shipped.fingerprint()


def test_another_folder_called_nano_is_a_base_like_any_other(adapter, tmp_path):
    other = Path(shutil.copytree(FOLDER, tmp_path / "mine/nano"))
    moved = rewritten(adapter, tmp_path / "moved", base_model_name_or_path=str(other))
    assert load_model(str(moved)).name_or_path == str(other)
    shutil.rmtree(other)
    with pytest.raises(ModelError, match="mine/nano"):
        load_model(str(moved))


def test_an_adapter_of_another_edition_of_nano_is_refused(adapter, tmp_path):
    moved = rewritten(adapter, tmp_path / "moved", revision="0123456789abcdef")
    for load in (load_model, stored_context_length):
        with pytest.raises(ModelError) as caught:
            load(str(moved))
        assert "another edition of 'nano' (weights 0123456789abcdef, here " in str(caught.value)
        assert "Install the manyicl it was trained with" in str(caught.value)
    silent = rewritten(adapter, tmp_path / "silent", revision=None)  # PEFT's own adapters don't say
    assert torch.equal(logits(load_model(str(silent))), logits(load_model(str(adapter))))
