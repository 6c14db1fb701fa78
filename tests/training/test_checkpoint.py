"""Checkpoints are whole or recognised as not being so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.training import checkpoint
from manyicl.training.checkpoint import (
    MANIFEST,
    checkpoints,
    keep_newest,
    latest_checkpoint,
    problem_with,
    remove_newer,
    seal,
)

FILES = {"model.safetensors": b"weights", "sub/optimizer.pt": b"moments", "empty": b""}


def make(run_dir: Path, step: int, *, sealed: bool = True) -> Path:
    folder = run_dir / f"checkpoint-{step}"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content + str(step).encode() * 3 if content else b"")
    if sealed:
        seal(folder)
    return folder


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("run"), 4)


def test_a_sealed_checkpoint_is_complete(sealed):
    assert problem_with(sealed) is None
    listed = json.loads((sealed / MANIFEST).read_text())["files"]
    assert listed.keys() == FILES.keys()
    assert listed["model.safetensors"]["bytes"] == 10


def test_a_checkpoint_without_manifest_is_not_finished(tmp_path):
    folder = make(tmp_path, 2, sealed=False)
    assert problem_with(folder) == "it was not finished (no manifest)"


@given(st.data())
def test_any_changed_byte_is_noticed(sealed, data):
    path = sealed / data.draw(st.sampled_from(["model.safetensors", "sub/optimizer.pt"]))
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    changed = bytes([content[at] ^ data.draw(st.integers(1, 255))])
    try:
        path.write_bytes(content[:at] + changed + content[at + 1 :])
        assert problem_with(sealed) == f"{path.relative_to(sealed)} differs from the manifest"
    finally:
        path.write_bytes(content)


@given(st.sampled_from(list(FILES)), st.integers(0, 9))
def test_any_other_length_is_noticed(sealed, name, length):
    path = sealed / name
    content = path.read_bytes()
    try:
        path.write_bytes(content[:length] if length < len(content) else content + b"x")
        assert problem_with(sealed) == f"{name} differs from the manifest"
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_noticed(tmp_path, name):
    folder = make(tmp_path, 2)
    (folder / name).unlink()
    assert problem_with(folder) == f"{name} is missing"


@given(st.integers(0, 200))
def test_a_manifest_cut_anywhere_is_not_one(sealed, length):
    path = sealed / MANIFEST
    content = path.read_bytes()
    try:
        path.write_bytes(content[: min(length, len(content) - 1)])
        assert problem_with(sealed) is not None
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"files": []}', '{"files": {"empty": 3}}', "null", '"files"', "\xff"]
)
def test_a_manifest_of_another_shape_is_not_one(tmp_path, text):
    folder = make(tmp_path, 2)
    (folder / MANIFEST).write_text(text, encoding="latin-1")
    assert problem_with(folder) is not None


def test_the_newest_complete_checkpoint_is_found_and_the_others_are_named(tmp_path):
    make(tmp_path, 2)
    make(tmp_path, 10)  # 10 is newer than 9: steps are numbers, not text
    (make(tmp_path, 30) / "empty").unlink()
    make(tmp_path, 20, sealed=False)
    make(tmp_path, 9, sealed=False)
    (tmp_path / "checkpoint-final").mkdir()
    (tmp_path / "checkpoint-99.part").mkdir()
    newest, notes = latest_checkpoint(tmp_path)
    assert newest == tmp_path / "checkpoint-10"
    assert notes == [
        f"skipped {tmp_path / 'checkpoint-30'}: empty is missing",
        f"skipped {tmp_path / 'checkpoint-20'}: it was not finished (no manifest)",
    ]
    remove_newer(tmp_path, newest)
    assert [path.name for path in checkpoints(tmp_path)] == [
        "checkpoint-10",
        "checkpoint-9",
        "checkpoint-2",
    ]
    assert (tmp_path / "checkpoint-final").is_dir()


def test_without_a_complete_checkpoint_there_is_none(tmp_path):
    assert latest_checkpoint(tmp_path) == (None, [])
    make(tmp_path, 2, sealed=False)
    assert latest_checkpoint(tmp_path)[0] is None
    remove_newer(tmp_path, None)
    assert checkpoints(tmp_path) == []


def test_only_the_newest_are_kept(tmp_path):
    for step in (2, 4, 6, 10):
        make(tmp_path, step)
    keep_newest(tmp_path, 2)
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-10", "checkpoint-6"]


def test_a_checkpoint_half_removed_does_not_look_complete(tmp_path, monkeypatch):
    for step in (2, 4):
        make(tmp_path, step)

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        keep_newest(tmp_path, 1)
    monkeypatch.undo()
    assert problem_with(tmp_path / "checkpoint-2") is not None
    assert problem_with(tmp_path / "checkpoint-4") is None


def test_sealing_again_covers_what_is_there_now(tmp_path):
    folder = make(tmp_path, 2)
    (folder / "more").write_text("later")
    seal(folder)
    shutil.copytree(folder, tmp_path / "checkpoint-3")
    assert problem_with(tmp_path / "checkpoint-3") is None  # a run folder may be moved
    (folder / "more").unlink()
    assert problem_with(folder) == "more is missing"
