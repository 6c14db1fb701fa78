"""`manyicl pretrain`: what is wrong is said in a line, with exit code 2 and no traceback."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
import yaml
from pretraining.tiny_pretraining import BLOCKS, SHAPE, make_small, write_corpus

from manyicl.cli import main
from manyicl.pretraining import card


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> None:
    make_small(monkeypatch)
    monkeypatch.setattr(card, "write_card", lambda config, kshot: Path("card"))


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "mine.yaml"
    settings = {"run_dir": str(tmp_path / "run"), "shape": SHAPE, "stages": [BLOCKS]}
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture
def said(capsys):
    """Call the command line, which must fail with exit code 2, and return its one line."""

    def call(*words: object) -> str:
        assert main(["pretrain", *map(str, words)]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1
        return error

    return call


def test_a_corpus_becomes_a_model(recipe, tmp_path, capsys):
    corpus = write_corpus(tmp_path / "corpus")
    assert main(["pretrain", str(recipe), f"corpus={corpus}"]) == 0
    assert f"Model: {tmp_path / 'run' / 'model'}\n" in capsys.readouterr().out
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()


def test_no_corpus_given(said):
    assert "corpus: is not set. Name a folder" in said("nano")


def test_no_recipe_or_two(said):
    assert "name one recipe ('nano' or a YAML file); found none" in said("corpus=x")
    assert "found ['nano', 'x']" in said("nano", "x")


def test_an_unknown_recipe_lists_the_shipped_ones(said, tmp_path):
    error = said("nanno", "corpus=x")
    assert "nanno: no such recipe. Did you mean 'nano'?" in error
    assert "shipped recipe: nano" in error
    assert "no such recipe" in said(tmp_path, "corpus=x")


def test_a_folder_that_is_not_there(said, recipe, tmp_path):
    assert f"{tmp_path / 'no'}: no such folder" in said(recipe, f"corpus={tmp_path / 'no'}")


def test_a_file_for_a_folder(said, recipe):
    assert f"{recipe}: is a file. Name the folder it lies in" in said(recipe, f"corpus={recipe}")


def test_a_folder_without_text(said, recipe, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no text found" in said(recipe, f"corpus={tmp_path / 'empty'}")
    (tmp_path / "empty" / "scan.pdf").write_bytes(b"%PDF")
    assert "only scan.pdf" in said(recipe, f"corpus={tmp_path / 'empty'}")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\xff\xfe", random.Random(0).randbytes(999)])
def test_binary_data(said, recipe, tmp_path, content):
    corpus = write_corpus(tmp_path / "corpus")
    (corpus / "photo.txt").write_bytes(content)
    error = said(recipe, f"corpus={corpus}")
    assert "photo.txt: not UTF-8 text" in error
    assert "leave_out" in error


@pytest.mark.parametrize("content", ["", "\n\n \n"])
def test_a_file_of_nothing(said, recipe, tmp_path, content):
    corpus = write_corpus(tmp_path / "corpus")
    (corpus / "blank.txt").write_text(content)
    assert "blank.txt: holds no document" in said(recipe, f"corpus={corpus}")


def test_too_little_text(said, recipe, tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "note.txt").write_text("Back in five minutes.\n")
    error = said(recipe, f"corpus={tmp_path / 'corpus'}")
    assert "too little text: 0 words" in error
    assert "Add text" in error


def test_zstandard_is_missing(said, recipe, tmp_path, monkeypatch):
    corpus = write_corpus(tmp_path / "corpus")
    (corpus / "more.txt.zst").write_bytes(b"(\xb5/\xfd")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    error = said(recipe, f"corpus={corpus}")
    assert "needs the package zstandard" in error
    assert "pip install 'manyicl[pretrain]'" in error


def test_names_that_are_no_sources(said, recipe, tmp_path):
    corpus = write_corpus(tmp_path / "corpus")
    words = [recipe, f"corpus={corpus}"]
    assert "Did you mean 'letters'?" in said(*words, "weights={leters: 1}")
    assert "leave_out: the corpus has no source 'x'" in said(*words, "leave_out=[x]")
    assert "weights: none above 0 for letters, novels" in said(*words, "weights={novels: 0}")
    assert "It has letters, novels" in said("nano", words[1], f"run_dir={tmp_path / 'nano'}")


def test_another_run_in_the_folder(said, recipe, tmp_path):
    corpus = write_corpus(tmp_path / "corpus")
    assert main(["pretrain", str(recipe), f"corpus={corpus}"]) == 0
    assert "seed: 0 then, 5 now" in said(recipe, f"corpus={corpus}", "seed=5")
