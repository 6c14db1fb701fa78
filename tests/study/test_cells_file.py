"""The cells file: bytes, damage, what is kept of others, and what writing leaves when it fails."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.errors import RunError
from manyicl.study import cells_file
from manyicl.study.cells import RESULT, Cell, CellStore
from manyicl.study.cells_file import CellsFile, read_cells, write_cells
from manyicl.study.records import StudyError

CELLS = [Cell("search", "one", {"rate": 0.1}), Cell("train", "two", {}, ("search/one",))]
OTHER = Cell("evaluate", "of another study", {"seed": 7})

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers()
RESULTS = st.dictionaries(
    st.text(), NUMBERS | st.text() | st.none() | st.lists(NUMBERS, max_size=3), max_size=4
)
KEPT = st.builds(
    lambda key, cell, seconds, result: {
        "key": f"{key:064x}",
        "cell": cell,
        "seconds": seconds,
        "result": result,
    },
    st.integers(0, 3),
    st.text(),
    st.floats(0, 1e9),
    RESULTS,
)


def by_key(*kept: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: one for one in kept}


def filled(folder: Path, *cells: Cell) -> CellStore:
    store = CellStore(folder / "cells", cells or CELLS)
    for number, title in enumerate(store.cells):
        store.keep(title, 1.5 + number, {"loss": 0.1 + number, "text": "ü\n"})
    return store


def opened(path: Path) -> CellsFile:
    return CellsFile(path, path.parent / "run")


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "cells.jsonl.gz"


@given(st.lists(KEPT, max_size=5))
def test_what_is_written_is_read_again_and_equal_results_are_equal_bytes(tmp_path_factory, kept):
    folder = tmp_path_factory.mktemp("bytes")
    cells = by_key(*kept)
    write_cells(folder / "a.jsonl.gz", cells)
    write_cells(folder / "of another name.jsonl.gz", dict(reversed(cells.items())))
    first, second = (path.read_bytes() for path in sorted(folder.iterdir()))
    assert first == second
    assert read_cells(folder / "a.jsonl.gz") == cells
    assert first[3:10] == b"\0\0\0\0\0\x02\xff"  # no name, no time (RFC 1952)


@given(st.lists(KEPT, max_size=3), st.lists(KEPT, max_size=3))
def test_joined_files_are_a_cells_file_in_which_the_last_result_counts(tmp_path_factory, one, two):
    folder = tmp_path_factory.mktemp("joined")
    a, b, both = (folder / f"{name}.jsonl.gz" for name in ("a", "b", "both"))
    write_cells(a, by_key(*one))
    write_cells(b, by_key(*two))
    both.write_bytes(a.read_bytes() + b.read_bytes())
    assert read_cells(both) == by_key(*one) | by_key(*two)


def test_a_store_takes_over_what_it_has_not_and_keeps_what_it_has(tmp_path, path, capsys):
    here, there = filled(tmp_path / "here"), CellStore(tmp_path / "there", CELLS)
    opened(path).save(here)
    there.keep("train/two", 9.0, {"own": "result"})
    opened(path).restore(there)
    assert there.result("search/one") == here.result("search/one")
    kept = there.result("train/two")
    assert kept is not None
    assert kept["result"] == {"own": "result"}
    assert "2 cells of this study, 1 of them new here; 0 of others" in capsys.readouterr().err
    # The file is brought up to date with the next save.
    opened(path).save(there)
    assert read_cells(path)[there.key("train/two")] == kept


def test_cells_of_other_studies_stay_also_those_that_came_meanwhile(tmp_path, path, capsys):
    others, own = filled(tmp_path / "others", OTHER), filled(tmp_path / "own")
    file = opened(path)  # before the other study writes
    opened(path).save(others)
    file.save(own)
    assert set(read_cells(path)) == {others.key(OTHER.title), *map(own.key, own.cells)}
    empty = CellStore(tmp_path / "empty", CELLS)
    opened(path).restore(empty)
    assert not (tmp_path / "empty/cells/evaluate").exists()
    # Of other settings none is taken over, and it is said.
    changed = CellStore(tmp_path / "changed", [Cell("search", "one", {"rate": 0.2})])
    opened(path).restore(changed)
    assert changed.result("search/one") is None
    assert "none of its 3 cells is of this study" in capsys.readouterr().err


def test_equal_content_is_not_written_again(tmp_path, path):
    store = filled(tmp_path)
    opened(path).save(store)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=5))
    packed_otherwise = path.read_bytes()
    opened(path).save(store)
    assert path.read_bytes() == packed_otherwise


# --- damage --------------------------------------------------------------------------------------


def test_a_file_cut_off_or_changed_anywhere_is_an_error_that_names_it(tmp_path, path):
    opened(path).save(filled(tmp_path))
    whole = path.read_bytes()
    damaged = [whole[:size] for size in range(len(whole))]
    damaged += [whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :] for at in range(10, 200)]
    damaged += [whole + b"more", gzip.decompress(whole)]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(StudyError, match=r"cells\.jsonl\.gz.*Restore it from version control"):
            opened(path)
        assert path.read_bytes() == content


def test_a_damaged_line_is_an_error_that_names_it_and_how_to_do_without(tmp_path, path):
    opened(path).save(filled(tmp_path))
    first, second = gzip.decompress(path.read_bytes()).splitlines()
    row = json.loads(second)
    damaged = [
        b"",
        b"7",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        second[:-1],
        second.replace(b"1.1", b"1.2"),
        second.replace(b"1.1", b"NaN"),
        *(json.dumps({k: v for k, v in row.items() if k != key}).encode() for key in row),
        json.dumps(row | {"more": 1}).encode(),
    ]
    assert len({*damaged, second}) == len(damaged) + 1
    for line in damaged:
        path.write_bytes(gzip.compress(b"\n".join([first, line, second, b""])))
        with pytest.raises(StudyError, match=r"cells\.jsonl\.gz, line 2: .*sed 2d") as caught:
            opened(path)
    # What the message says to do works.
    command = str(caught.value).rpartition("computed again: ")[2]
    assert os.system(f"cd {tmp_path} && {command}") == 0
    assert len(read_cells(tmp_path / "mended.jsonl.gz")) == 2


def test_a_file_of_another_kind_of_name_or_inside_run_dir_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"results\.json: name a file that ends in \.jsonl\.gz"):
        CellsFile(tmp_path / "results.json", tmp_path / "run")
    with pytest.raises(StudyError, match="lies in run_dir"):
        CellsFile(tmp_path / "run/cells.jsonl.gz", tmp_path / "run")
    (tmp_path / "folder.jsonl.gz").mkdir()
    with pytest.raises(StudyError, match=r"folder\.jsonl\.gz: cannot be read \(Is a directory"):
        opened(tmp_path / "folder.jsonl.gz")


# --- writing that fails --------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path, path, monkeypatch, step, error):
    opened(path).save(filled(tmp_path / "old", OTHER))
    before = path.read_bytes()

    def failing(*args: Any) -> None:
        raise error

    store = filled(tmp_path / "new")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, failing)
        expected = RunError if isinstance(error, OSError) else KeyboardInterrupt
        with pytest.raises(expected):
            opened(path).save(store)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == [path.name]
    opened(path).save(store)
    assert len(read_cells(path)) == 3


def test_it_is_written_after_some_cells_or_some_time(tmp_path, path, monkeypatch):
    store, file, now = filled(tmp_path), opened(path), [0.0]
    monkeypatch.setattr(cells_file.time, "monotonic", lambda: now[0])
    file.save(store)

    def is_written() -> bool:
        path.unlink()
        file.note(store)
        try:
            return path.exists()
        finally:
            path.touch()

    assert [is_written() for _ in range(20)] == ([False] * 9 + [True]) * 2
    now[0] = 299.0
    assert not is_written()
    now[0] = 300.0
    assert is_written()
    assert not is_written()


def test_a_study_goes_on_where_the_file_cannot_be_written_for_now(
    tmp_path, path, monkeypatch, capsys
):
    store, file = filled(tmp_path), opened(path)
    monkeypatch.setattr(cells_file, "EVERY_CELLS", 1)
    path.write_bytes(b"of somebody else")
    file.note(store)
    said = capsys.readouterr().err
    assert "is no whole gzip file" in said
    assert "run_dir keeps all results" in said
    assert path.read_bytes() == b"of somebody else"
    with pytest.raises(StudyError):
        file.save(store)
    path.unlink()
    file.note(store)
    assert len(read_cells(path)) == 2


def test_a_result_that_another_hand_left_without_its_title_is_not_there(tmp_path):
    """What is read from a run folder is written on: it must be whole."""
    store = filled(tmp_path)
    result = store.folder("search/one") / RESULT
    kept = json.loads(result.read_text())
    result.write_text(json.dumps({k: v for k, v in kept.items() if k != "cell"}))
    assert store.result("search/one") is None
