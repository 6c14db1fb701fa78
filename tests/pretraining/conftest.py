"""For tests of a pre-training that is finished: a folder to go on from, to damage, to move."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pretraining.tiny_pretraining import BLOCKS, make_small, tiny_config

from manyicl.pretraining.program import pretrain


@pytest.fixture
def small(monkeypatch) -> None:
    """Make what does not grow with the model small too."""
    make_small(monkeypatch)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A folder with a corpus and a finished pre-training of one stage, `run`; only to be read."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        pretrain(tiny_config(folder, stages=[BLOCKS]))
    return folder


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path
