"""`nano` and words to ask it with; a tiny model and an adapter in folders."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import byte_level_tokenizer, tiny_model
from models.saved_models import lora
from training.tiny_runs import write_tasks

from manyicl.models import load_model


@pytest.fixture(scope="module")
def nano() -> Any:
    return load_model("nano")


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> list[str]:
    """Words of `manyicl predict` but for the model and --out."""
    folder = write_tasks(tmp_path_factory.mktemp("asked"), ("letters",))
    queries = folder / "queries.jsonl"
    queries.write_text('{"input": "late item 3"}\n{"input": "torn item 9"}\n')
    more = ["--shots", "2", "--seed", "1", "--max-new-tokens", "4"]
    return ["--task", str(folder / "letters"), "--queries", str(queries), *more]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A model folder with its tokenizer."""
    folder = tmp_path_factory.mktemp("saved")
    tiny_model(vocab_size=400).save_pretrained(folder)
    byte_level_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def copied(saved, tmp_path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.fixture(scope="module")
def adapter(saved, tmp_path_factory) -> Path:
    """An adapter of rank 2 that changes the model."""
    model: Any = load_model(str(saved), lora(2), training=True)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.5)
    folder = tmp_path_factory.mktemp("adapter")
    model.save_pretrained(folder)
    return folder
