"""Cells: what changes a key and what does not, and kept results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.study.cells import RESULT, Cell, CellStore
from manyicl.study.progress import Progress
from manyicl.study.runner import run_cells
from manyicl.study.work import WORK

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 1) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=5,
)
SETTINGS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


@st.composite
def graphs(draw: Any) -> list[Cell]:
    """Cells that need some of those before them."""
    cells: list[Cell] = []
    for number in range(draw(st.integers(2, 7))):
        titles = [cell.title for cell in cells]
        needs = draw(st.lists(st.sampled_from(titles), unique=True, max_size=3)) if titles else []
        cells.append(Cell("kind", str(number), draw(SETTINGS), tuple(needs)))
    return cells


def keys(cells: list[Cell]) -> dict[str, str]:
    store = CellStore(Path("unused"), cells)
    return {cell.title: store.key(cell.title) for cell in cells}


def depending(cells: list[Cell], title: str) -> set[str]:
    """A cell and all that need it, directly or not."""
    found = {title}
    for cell in cells:  # each stands after those it needs
        if found & set(cell.needs):
            found.add(cell.title)
    return found


@given(graphs())
def test_equal_settings_have_equal_keys_in_whatever_order_they_are_written(cells):
    again = [
        replace(cell, settings=dict(reversed(list(cell.settings.items()))), cost=cell.cost + 1)
        for cell in cells
    ]
    found = keys(cells)
    assert keys(again) == found
    # Asked in another order, and each on its own.
    store = CellStore(Path("elsewhere"), cells)
    assert {title: store.key(title) for title in reversed(found)} == found
    assert len(set(found.values())) == len(found)


@given(graphs(), st.data())
def test_a_change_reaches_the_cell_and_those_that_need_it_and_no_other(cells, data):
    at = data.draw(st.integers(0, len(cells) - 1))
    changed = dict(data.draw(SETTINGS))
    # 1, 1.0 and true are equal in Python, and not in JSON.
    if json.dumps(changed, sort_keys=True) == json.dumps(cells[at].settings, sort_keys=True):
        changed["new"] = 0
    after = [*cells]
    after[at] = replace(cells[at], settings=changed)
    before, now = keys(cells), keys(after)
    touched = depending(cells, cells[at].title)
    assert {title for title in before if before[title] != now[title]} == touched


@given(graphs(), st.data())
def test_what_a_cell_needs_is_part_of_its_key(cells, data):
    at = data.draw(st.integers(1, len(cells) - 1))
    known = [cell.title for cell in cells[:at]]
    other = tuple(data.draw(st.lists(st.sampled_from(known), unique=True)))
    after = [*cells]
    after[at] = replace(cells[at], needs=other)
    before, now = keys(cells), keys(after)
    touched = depending(after, cells[at].title) if other != cells[at].needs else set()
    assert {title for title in before if before[title] != now[title]} == touched


@given(graphs(), SETTINGS)
def test_cells_that_come_to_a_study_leave_the_others_their_keys(cells, more):
    longer = [Cell("kind", "before", more), *cells, Cell("kind", "after", more, ("kind/0",))]
    found = keys(longer)
    assert {title: found[title] for title in keys(cells)} == keys(cells)


# --- kept results --------------------------------------------------------------------------------

ONE = Cell("search", "one", {"rate": 0.1})
TWO = Cell("train", "two", {"seed": 0}, (ONE.title,))


@pytest.fixture
def store(tmp_path) -> CellStore:
    return CellStore(tmp_path, [ONE, TWO])


def test_a_kept_result_is_found_again_and_handed_to_who_needs_it(store, tmp_path):
    assert store.result(ONE.title) is None
    store.keep(ONE.title, 1.5, {"score": 0.25, "text": "ü"})
    found = CellStore(tmp_path, [ONE, TWO]).result(ONE.title)
    assert found is not None
    assert (found["seconds"], found["result"]) == (1.5, {"score": 0.25, "text": "ü"})
    assert store.folder(ONE.title).parent == tmp_path / "search" / "one"
    assert store.inputs(TWO) == {ONE.title: {"score": 0.25, "text": "ü"}}
    # And where the cell keeps what others read, if it does.
    keeping = CellStore(tmp_path, [replace(ONE, keeps="run/model"), TWO])
    kept = str(store.folder(ONE.title) / "run" / "model")
    assert keeping.inputs(TWO) == {ONE.title: {"score": 0.25, "text": "ü", "kept": kept}}
    # Of other settings it is another cell, in another folder.
    other = CellStore(tmp_path, [replace(ONE, settings={"rate": 0.2}), TWO])
    assert other.result(ONE.title) is None
    assert other.folder(ONE.title) != store.folder(ONE.title)
    assert other.folder(TWO.title) != store.folder(TWO.title)


def test_a_damaged_result_counts_as_not_there(store):
    store.keep(ONE.title, 1.5, {"score": 0.25})
    path = store.folder(ONE.title) / RESULT
    whole = path.read_bytes()
    for size in range(len(whole) - 2):  # cut off anywhere but in the line end
        path.write_bytes(whole[:size])
        assert store.result(ONE.title) is None
    kept = json.loads(whole)
    damaged = [
        whole.replace(b"score", b"sc\xffre"),  # no UTF-8
        b"[]",
        b'"text"',
        b"7",
        b"{}",
        b"[" * 100_000,
        json.dumps(kept | {"key": "0" * 64}).encode(),
        *(
            json.dumps({k: v for k, v in kept.items() if k != key}).encode()
            for key in ("key", "seconds", "result")
        ),
    ]
    for text in damaged:
        path.write_bytes(text)
        assert store.result(ONE.title) is None
    path.write_bytes(whole)
    assert store.result(ONE.title) == kept


def test_a_result_that_is_not_a_number_is_not_kept(store):
    with pytest.raises(ValueError):
        store.keep(ONE.title, 1.0, {"score": float("nan")})
    assert store.result(ONE.title) is None


def test_a_result_that_cannot_be_kept_fails_its_cell_alone(store, monkeypatch):
    """And what needs it; the others are computed."""
    other = Cell("search", "other", {"rate": 0.2})
    store.cells[other.title] = other
    found = {ONE.title: float("inf"), other.title: 0.5}
    work = dict.fromkeys(WORK, lambda study, cell, folder, needs: {"loss": found[cell.title]})
    monkeypatch.setattr("manyicl.study.work.WORK", work)
    no_study: Any = None
    failures = run_cells(no_study, store, Progress(), workers=1, threads=1)
    assert [failure.cell for failure in failures] == [ONE.title, TWO.title]
    assert failures[0].message.startswith("its result cannot be kept (Out of range float values")
    assert failures[1].message == f"not run, because {ONE.title} failed"
    kept = store.result(other.title)
    assert kept is not None
    assert kept["result"] == {"loss": 0.5}
