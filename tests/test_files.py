"""Files and folders are there whole or not at all, whatever interrupts their writing."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from manyicl.errors import ConfigError, RunError
from manyicl.files import (
    check_free,
    check_writable,
    file_beside,
    file_hash,
    folder_beside,
    part_of,
    replace_file,
    whole_folder,
    write_whole,
)

NOBODY = 2**22 + 1  # above the highest number of a process
DISK_FULL = OSError(28, "No space left on device")
RUST_DISK_FULL = RuntimeError("Error while serializing: I/O error: os error 28")


def write_half(place: Path, error: BaseException, *, folder: bool = False) -> None:
    with (whole_folder if folder else file_beside)(place) as part:
        (part / "half" if folder else part).write_text("half")
        raise error


@pytest.mark.parametrize("error", [DISK_FULL, KeyboardInterrupt()], ids=repr)
def test_what_was_there_stays_until_the_new_file_is_complete(tmp_path, error):
    path = tmp_path / "state.json"
    write_whole(path, "old")
    with pytest.raises(type(error)):
        write_half(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_flushed_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    replace_file(path, "old", lasting=True)

    def failing(descriptor: int) -> None:
        raise DISK_FULL

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, "new", lasting=True)
    assert path.read_text() == "old"
    replace_file(path, "new é\n")
    assert path.read_bytes() == "new é\n".encode()


def test_half_a_character_becomes_its_escape(tmp_path):
    assert write_whole(tmp_path / "a" / "b.json", "\ud83d").read_bytes() == b"\\ud83d"


@pytest.mark.parametrize("error", [DISK_FULL, RUST_DISK_FULL], ids=repr)
def test_a_folder_that_could_not_be_finished_is_not_there(tmp_path, error):
    with pytest.raises(RunError, match="cannot be written"):
        write_half(tmp_path / "x", error, folder=True)
    for other in (KeyboardInterrupt(), ValueError("not of the disk")):
        with pytest.raises(type(other)):
            write_half(tmp_path / "x", other, folder=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_an_empty_place_and_another_only_if_told_to(tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    with whole_folder(folder) as part:
        (part / "whole").touch()
    with pytest.raises(RunError, match="cannot be written"), whole_folder(folder) as part:
        (part / "other").touch()
    assert [path.name for path in folder.iterdir()] == ["whole"]
    with folder_beside(folder, replace=True) as part:
        (part / "other").touch()
    assert [path.name for path in folder.iterdir()] == ["other"]
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_makes_is_not(tmp_path):
    for place in (tmp_path / "x", tmp_path / "y.json"):
        for pid in (NOBODY, os.getppid()):
            part_of(place, pid).mkdir()
            (part_of(place, pid) / "left over").touch()
    with folder_beside(tmp_path / "x") as part:
        (part / "whole").touch()
    write_whole(tmp_path / "y.json", "{}")
    places = [tmp_path / "x", tmp_path / "y.json"]
    living = [part_of(place, os.getppid()) for place in places]
    assert sorted(tmp_path.iterdir()) == sorted([*places, *living])
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["whole"]


def test_two_processes_that_make_one_folder_do_not_mix(tmp_path, monkeypatch):
    with folder_beside(tmp_path / "x") as first:
        (first / "of the first").touch()
        with monkeypatch.context() as other:
            other.setattr(os, "getpid", os.getppid)
            with folder_beside(tmp_path / "x", replace=True) as second:
                (second / "of the second").touch()
        shutil.rmtree(tmp_path / "x")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["of the first"]


def test_places_are_checked_before_the_work(tmp_path):
    check_writable(tmp_path / "new" / "answers.csv", "--out")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"^--out: .*answers.csv cannot be written"):
        check_writable(tmp_path / "file" / "answers.csv", "--out")
    check_free(tmp_path / "nowhere", "--merged")
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(ConfigError, match=r"^--merged: .* exists and is not empty"):
            check_free(taken, "--merged")


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert file_hash(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
