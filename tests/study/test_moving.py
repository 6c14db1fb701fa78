"""Studies that move: what is computed again where results are there and weights are not."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from study.toy_studies import toy_settings, toy_study, without_clocks, write_tasks

from manyicl.cli import main
from manyicl.errors import Interrupted
from manyicl.study import plan, work
from manyicl.study.cells import Cell, CellStore
from manyicl.study.cells_file import read_cells
from manyicl.study.progress import Progress
from manyicl.study.records import StudyResults
from manyicl.study.run import run_study
from manyicl.study.runner import run_cells

# Two models, each read by three cells.
SMALL = {"study__dedicated__tasks": ["none"], "study__left_out": []}
ZERO, MANY = "zero_shot-tokens-0", "many_shot-tokens-0"
MEASURES = ("evaluate", "orders", "retention")
WORKERS = [1, pytest.param(2, marks=pytest.mark.slow)]  # two start new processes


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("moving")
    write_tasks(folder / "tasks")
    return folder


@pytest.fixture(scope="module")
def whole(folder) -> StudyResults:
    """The study that was never moved."""
    return run_study(toy_study(folder, "whole", **SMALL))


def computed(said: str) -> list[str]:
    """Titles of the cells that a sitting finished, from what it said."""
    return re.findall(r"^study: \[\d+/\d+\] (\S+):", said, re.M)


def stop_after(monkeypatch: pytest.MonkeyPatch, title: str) -> None:
    """Make the next sitting stop as if by Ctrl-C once a cell is kept."""
    original = Progress.done

    def done(self: Progress, cell: Cell, store: CellStore) -> None:
        original(self, cell, store)
        if cell.title == title:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "done", done)


@pytest.mark.parametrize("workers", WORKERS)
def test_a_study_carried_half_way_ends_as_if_it_had_stayed(
    folder, whole, monkeypatch, capsys, workers
):
    """Models are trained again where, and only where, they are read."""
    cells = folder / f"carried{workers}.jsonl.gz"
    first, second = f"here{workers}", f"there{workers}"
    with monkeypatch.context() as patch:
        stop_after(patch, f"evaluate/{MANY}")
        with pytest.raises(Interrupted):
            run_study(toy_study(folder, first, **SMALL), cells=cells)
    before = computed(capsys.readouterr().err)
    assert {kept["cell"] for kept in read_cells(cells).values()} == set(before)
    seconds = {kept["cell"]: kept["seconds"] for kept in read_cells(cells).values()}

    there = toy_study(folder, second, study__workers=workers, **SMALL)
    results = run_study(there, cells=cells)
    said = capsys.readouterr().err
    assert f"{len(before)} cells of this study, {len(before)} of them new here" in said
    assert "to be trained again: 1 model, as their weights are not here" in said
    after = computed(said)
    assert set(after) == {f"train/{MANY}", f"orders/{MANY}", f"retention/{MANY}"}
    assert set(before) | set(after) == {kept["cell"] for kept in read_cells(cells).values()}
    assert without_clocks(results) == without_clocks(whole)
    again = {kept["cell"]: kept["seconds"] for kept in read_cells(cells).values()}
    assert again[f"train/{MANY}"] != seconds[f"train/{MANY}"]  # of the weights that are there
    assert {t: s for t, s in again.items() if t not in after} == {
        t: s for t, s in seconds.items() if t not in after
    }

    # Back in the first folder everything is there, and nothing is computed or changed.
    moved = read_cells(cells)
    settings = toy_settings(folder, first, **SMALL)
    assert main(["study", *settings, "--cells", str(cells)]) == 0
    captured = capsys.readouterr()
    assert computed(captured.err) == []
    assert "trained again" not in captured.err
    assert f"Finished cells: {cells}" in captured.out
    assert without_clocks(StudyResults.load(folder / first)) == without_clocks(whole)
    # But for the training that was done twice: each folder has the result of its own weights.
    now = read_cells(cells)
    assert now.keys() == moved.keys()
    assert {moved[key]["cell"] for key in now if now[key] != moved[key]} == {f"train/{MANY}"}
    assert {kept["cell"]: kept["seconds"] for kept in now.values()}.items() >= seconds.items()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process begun in the background of a shell ignores SIGINT, and so would a test there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("interruptible")
def test_a_machine_that_is_taken_away_leaves_the_file_up_to_date(folder, monkeypatch, number):
    calls: list[str] = []

    def stopping(study: Any, cell: Cell, *rest: Any) -> dict[str, Any]:
        calls.append(cell.title)
        if len(calls) == 3:
            os.kill(os.getpid(), number)
        return {}

    monkeypatch.setattr(work, "WORK", dict.fromkeys(work.WORK, stopping))
    cells, before = folder / f"{number}.jsonl.gz", signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted):
        run_study(toy_study(folder, f"taken{number}", **SMALL), cells=cells)
    assert [kept["cell"] for kept in read_cells(cells).values()] == sorted(calls[:2])
    assert signal.getsignal(signal.SIGTERM) == before


def test_weights_that_somebody_removed_are_trained_again_only_if_read(folder, whole, capsys):
    shutil.copytree(folder / "whole", folder / "removed")
    config = toy_study(folder, "removed", **SMALL)
    for model in (folder / "removed").rglob("run/model"):
        shutil.rmtree(model)
    capsys.readouterr()
    run_study(config)
    assert computed(capsys.readouterr().err) == []
    (result,) = (folder / "removed").rglob(f"orders/{ZERO}/*/result.json")
    result.unlink()
    results = run_study(config)
    assert computed(capsys.readouterr().err) == [f"train/{ZERO}", f"orders/{ZERO}"]
    assert without_clocks(results) == without_clocks(whole)


def test_a_training_that_fails_again_keeps_its_result_and_blocks_its_readers(
    folder, whole, monkeypatch
):
    shutil.copytree(folder / "whole", folder / "again")
    (model,) = (folder / "again").rglob(f"train/{ZERO}/*/run/model")
    (result,) = (folder / "again").rglob(f"orders/{ZERO}/*/result.json")
    shutil.rmtree(model)
    result.unlink()

    def failing(*args: Any) -> Any:
        raise ValueError("no room")

    monkeypatch.setitem(work.WORK, "train", failing)
    results = run_study(toy_study(folder, "again", **SMALL))
    failed = {failure.cell: failure.message.partition(" (see")[0] for failure in results.failures}
    assert failed == {
        f"train/{ZERO}": "ValueError: no room",
        f"orders/{ZERO}": f"not run, because train/{ZERO} failed",
    }
    assert results.missing == 0
    assert results.models == whole.models


@pytest.mark.parametrize("workers", WORKERS)
def test_models_are_removed_once_everything_that_reads_them_is_done(
    folder, whole, monkeypatch, capsys, workers
):
    name = f"lean{workers}"
    config = toy_study(folder, name, study__keep_models=False, study__workers=workers, **SMALL)
    left: list[set[str]] = []
    original = CellStore.remove_unread

    def watched(self: CellStore, titles: Any) -> None:
        original(self, titles)
        left.append({path.parts[-4] for path in (folder / name).rglob("run/model")})

    monkeypatch.setattr(CellStore, "remove_unread", watched)
    results = run_study(config)
    assert without_clocks(results) == without_clocks(whole)
    assert {ZERO} in left  # while it is measured
    assert left[-1] == set()
    assert workers == 2 or all(len(models) <= 1 for models in left)
    assert not list((folder / name / "cells").rglob("*.safetensors"))
    capsys.readouterr()
    run_study(config)
    assert computed(capsys.readouterr().err) == []


# --- what is to be computed, by definition -------------------------------------------------------


@st.composite
def histories(draw: Any) -> tuple[list[Cell], set[str], set[str]]:
    """Cells, which of them have a result, and which have the folder they keep for others."""
    cells: list[Cell] = []
    for number in range(draw(st.integers(1, 7))):
        titles = [cell.title for cell in cells]
        needs = draw(st.lists(st.sampled_from(titles), unique=True, max_size=3)) if titles else []
        keeps = draw(st.sampled_from(["", "run/model"]))
        cells.append(Cell("train", str(number), {}, tuple(needs), keeps=keeps))
    titles = st.sets(st.sampled_from([cell.title for cell in cells]))
    return cells, draw(titles), draw(titles)


def prepared(folder: Path, cells: list[Cell], results: set[str], folders: set[str]) -> CellStore:
    store = CellStore(folder, cells)
    for cell in cells:
        if cell.title in results:
            store.keep(cell.title, 1.0, {})
        if cell.keeps and cell.title in folders:
            (store.folder(cell.title) / cell.keeps).mkdir(parents=True)
    return store


@given(histories())
def test_what_is_unfinished_and_in_which_order_it_can_be_computed(tmp_path_factory, history):
    cells, results, folders = history
    store = prepared(tmp_path_factory.mktemp("cells"), *history)
    todo = [cell.title for cell in store.unfinished()]
    wanted = {cell.title for cell in cells} - results
    while True:  # until nothing is added
        read = {need for cell in cells if cell.title in wanted for need in cell.needs}
        lost = {c.title for c in cells if c.keeps and c.title not in folders}
        if read & lost <= wanted:
            break
        wanted |= read & lost
    assert set(todo) == wanted
    assert all(store.is_finished(title) == (title not in wanted) for title in store.cells)
    for title in todo:  # whatever a cell needs is finished when its turn comes
        assert all(store.is_finished(need) for need in store.cells[title].needs)
        store.keep(title, 1.0, {})
    assert all(map(store.is_finished, store.cells))


@given(histories())
def test_a_sitting_that_keeps_no_models_leaves_none(tmp_path_factory, history):
    """And never takes away what a later cell reads."""
    cells, _, _ = history
    store = prepared(tmp_path_factory.mktemp("lean"), *history)

    def compute(study: Any, cell: Cell, folder: Path, needs: dict[str, Any]) -> dict[str, Any]:
        for need in cell.needs:
            assert ("kept" in needs[need]) == bool(store.cells[need].keeps)
            assert Path(needs[need].get("kept", folder)).is_dir()
        (folder / cell.keeps).mkdir(parents=True, exist_ok=True)
        return {}

    no_study: Any = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(work.WORK, "train", compute)
        store.remove_unread(store.cells)
        failures = run_cells(
            no_study,
            store,
            Progress(),
            1,
            1,
            lambda cell: store.remove_unread((cell.title, *cell.needs)),
        )
    assert failures == []
    assert store.unfinished() == []
    for cell in cells:
        assert not cell.keeps or not (store.folder(cell.title) / cell.keeps).exists()


# --- the order and the keys ----------------------------------------------------------------------


def test_few_models_are_trained_again_wherever_a_study_is_stopped(folder):
    """At most the one that is being measured: what reads a model stands directly behind it."""
    from manyicl.study.context import Study

    (folder / "text.txt").write_text("plain words of no task\n" * 1000, encoding="utf-8")
    config = toy_study(
        folder,
        study__regimes=["zero_shot", "few_shot", "many_shot"],
        study__budgets=["tokens", "targets"],
        study__seeds=[3, 4],
        study__retention__text=str(folder / "text.txt"),
    )
    cells = plan.plan_cells(Study(config, "base", "identity"))
    readers = [{c.title for c in cells if cell.title in c.needs} for cell in cells if cell.keeps]
    assert len(readers) == 3 * 2 * 2
    assert all(len(titles) == len(MEASURES) for titles in readers)
    for done in range(len(cells) + 1):
        finished = {cell.title for cell in cells[:done]}
        again = [
            cell
            for cell in cells[:done]
            if cell.keeps and any(cell.title in c.needs for c in cells if c.title not in finished)
        ]
        assert len(again) <= 1


def test_what_is_kept_for_others_is_no_part_of_a_key():
    cell = Cell("train", "one", {"seed": 0})
    store, keeping = (CellStore(Path(), [c]) for c in (cell, replace(cell, keeps="run/model")))
    assert store.key(cell.title) == keeping.key(cell.title)


def test_a_build_for_another_device_leaves_every_key(monkeypatch):
    versions = {"torch": "2.13.0+cu130", "transformers": "5.23.0"}
    monkeypatch.setattr(plan.metadata, "version", versions.__getitem__)
    assert [plan._version(name) for name in versions] == ["2.13.0", "5.23.0"]


def test_a_damaged_cells_file_stops_a_study_before_anything_is_touched(folder, capsys):
    cells = folder / "damaged.jsonl.gz"
    cells.write_bytes(b"<<<<<<< ours")
    settings = toy_settings(folder, "untouched", **SMALL)
    assert main(["study", *settings, "--cells", str(cells)]) == 2
    assert re.search(
        r"error: \S+damaged\.jsonl\.gz: is no whole gzip file", capsys.readouterr().err
    )
    assert not (folder / "untouched").exists()
    assert cells.read_bytes() == b"<<<<<<< ours"
