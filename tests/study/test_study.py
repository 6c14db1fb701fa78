"""A study of toy size from end to end, killed in every kind of cell, and by several workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from study.toy_studies import toy_settings, toy_study, without_clocks, write_tasks
from training.tiny_runs import exit_code

from manyicl.cli import main
from manyicl.errors import Diverged, Interrupted, RunError
from manyicl.study import adapt, runner, work
from manyicl.study.records import StudyResults
from manyicl.study.run import run_study
from manyicl.study.settings import StudyConfig


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("studies")
    write_tasks(folder / "tasks")
    return folder


@pytest.fixture(scope="module")
def whole(folder) -> StudyResults:
    """An uninterrupted study, by two workers."""
    return run_study(toy_study(folder, "whole", study__workers=2))


def test_a_study_measures_everything_it_says(whole, folder):
    assert (whole.missing, whole.failures) == (0, ())
    names = {task.task: task.held_out for task in whole.tasks}
    assert names == {"tags3": True, "sums3": True, "tags0": False, "sums0": False}
    assert {(m.regime, m.budget, m.seed) for m in whole.models} == {
        ("base", "none", 0),
        ("zero_shot", "tokens", 0),
        ("many_shot", "tokens", 0),
    }
    for model in whole.models:
        if model.regime != "base":
            assert abs(model.tokens - 2000) <= 128  # half a row: rows are 256 tokens here
            assert model.learning_rate in (1e-3, 3e-3)
            assert model.supervised_tokens >= model.supervised_answers > 0
            assert model.flops > 0
    swept = {(s.regime, s.task, s.num_shots) for s in whole.scores if s.selection == "random"}
    assert len(swept) == 3 * 4 * 4
    similar = [s for s in whole.scores if s.selection == "similar"]
    assert {(s.regime, s.task) for s in similar} == {(r, t) for r, t, _ in swept}
    for score in whole.scores:
        assert (score.ece is None) == score.task.startswith("sums")
    assert {(o.task, o.num_shots, o.order) for o in whole.orders} == {
        ("tags3", 5, 0),
        ("tags3", 5, 1),
    }
    (dedicated,) = whole.dedicated
    assert (dedicated.task, dedicated.pool_size, dedicated.supervised_answers) == (
        "tags3",
        16,
        8 * dedicated.steps,
    )
    assert {s.regime: s.num_shots for s in whole.search} == {"zero_shot": 0, "many_shot": 8}
    for regime in ("zero_shot", "many_shot"):
        trials = [s for s in whole.search if s.regime == regime]
        assert [s.learning_rate for s in trials] == [0.0, 1e-3, 3e-3]
        best = min(trials[1:], key=lambda trial: trial.loss)
        assert [s for s in trials if s.chosen] == [best]
        chosen = [model for model in whole.models if model.regime == regime]
        assert [model.learning_rate for model in chosen] == [best.learning_rate]
    family = [r for r in whole.retention if r.measure == "family/math"]
    base = [
        s.score
        for s in whole.scores
        if s.regime == "base"
        and s.task.startswith("sums")
        and s.num_shots in (0, 5, 8)  # whatever the regime
        and s.selection == "random"
    ]
    assert [r.base for r in family] == [sum(base) / len(base)]
    assert StudyResults.load(folder / "whole") == whole
    for name in ("report.html", "RESULTS.md"):
        assert (folder / "whole" / name).stat().st_size > 1000


# --- interruptions -------------------------------------------------------------------------------


def study_killed_in(config: StudyConfig, kind: str) -> None:
    """Run until a cell of a kind (of the searches the second) has done its work, and die."""
    original, calls = work.WORK[kind], []
    last = 2 if kind == "search" else 1

    def dying(*args: Any) -> Any:
        found = original(*args)
        calls.append(kind)
        if len(calls) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    work.WORK[kind] = dying
    run_study(config)
    raise AssertionError(f"{kind} was never reached")


def study_killed_in_training(config: StudyConfig) -> None:
    """Run until a model of the study has saved its first checkpoint, and die."""
    from manyicl.training import checkpoint

    seal = checkpoint.seal

    def dying(folder: Path) -> None:
        seal(folder)
        if "/train/" in str(folder):
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoint.seal = dying
    run_study(config)
    raise AssertionError("no checkpoint was ever saved")


def kept(run_dir: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in run_dir.rglob("cells/**/result.json")}


@pytest.mark.slow
def test_a_study_killed_in_every_kind_of_cell_ends_as_if_nobody_had(folder, whole):
    """On one folder, one death after the other; what was kept is never computed again."""
    config = toy_study(folder, "killed")
    before: dict[str, int] = {}
    kinds = ["search", "in training", "train", "evaluate", "orders", "retention"]
    for kind in [*kinds, "left_out", "dedicated_search", "dedicated"]:
        target, args = study_killed_in, (config, kind)
        if kind == "in training":
            target, args = study_killed_in_training, (config,)
        assert exit_code(target, *args) == -signal.SIGKILL, kind
        now = kept(folder / "killed")
        assert before.items() <= now.items(), kind
        before = now
    results = run_study(config)
    assert before.items() <= kept(folder / "killed").items()
    assert without_clocks(results) == without_clocks(whole)
    again = kept(folder / "killed")
    assert without_clocks(run_study(config)) == without_clocks(whole)
    assert kept(folder / "killed") == again


def test_ctrl_c_keeps_what_is_finished_and_reports_it(folder, monkeypatch):
    calls = []

    def stopping(*args: Any) -> Any:
        calls.append(args[1].title)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {}

    monkeypatch.setattr(work, "WORK", dict.fromkeys(work.WORK, stopping))
    config = toy_study(folder, "stopped")
    with pytest.raises(Interrupted, match=r"finished cells are kept\. The same command goes on"):
        run_study(config)
    results = StudyResults.load(folder / "stopped")
    assert results.missing == len(runner_cells(folder / "stopped", config)) - 2
    assert "not complete" in (folder / "stopped/report.html").read_text().lower()


def runner_cells(run_dir: Path, config: StudyConfig) -> list[Any]:
    from manyicl.study.plan import plan_cells
    from manyicl.study.run import open_study

    return plan_cells(open_study(config))


def test_a_cell_that_fails_leaves_the_others_and_is_tried_again(folder, monkeypatch, capsys):
    """A search fails: the model that needs it, and its measurements, are missing; nothing else."""
    original = dict(work.WORK)

    def failing(study: Any, cell: Any, *args: Any) -> Any:
        if cell.name == "many_shot-0.003":
            raise ValueError("a bug in one cell")
        return original[cell.kind](study, cell, *args)

    monkeypatch.setattr(work, "WORK", dict.fromkeys(work.WORK, failing))
    settings = toy_settings(folder, "failing", study__dedicated__tasks=["none"])
    code = main(["study", *settings])
    monkeypatch.undo()
    assert code == 1
    results = StudyResults.load(folder / "failing")
    failed = {failure.cell: failure.message for failure in results.failures}
    assert failed["search/many_shot-0.003"].startswith("ValueError: a bug in one cell (see ")
    assert failed["train/many_shot-tokens-0"] == "not run, because search/many_shot-0.003 failed"
    assert "evaluate/many_shot-tokens-0" in failed
    assert {model.regime for model in results.models} == {"base", "zero_shot"}
    assert results.missing == 0
    assert "failed: search/many_shot-0.003: ValueError" in capsys.readouterr().err
    # The bug is mended: the same command computes the rest.
    assert main(["study", *settings]) == 0
    assert StudyResults.load(folder / "failing").failures == ()


def test_a_rate_that_diverges_is_a_result_and_the_others_are_chosen_from(folder, monkeypatch):
    original = adapt._train

    def diverging(study: Any, asked: Any, where: Path, rate: float) -> Path:
        if asked["regime"] == "zero_shot" and rate == 3e-3:
            (where / "run" / "checkpoint-2").mkdir(parents=True)
            raise Diverged("step 2: the loss is not finite")
        return original(study, asked, where, rate)

    monkeypatch.setattr(adapt, "_train", diverging)
    settings = {"study__dedicated__tasks": ["none"], "study__left_out": []}
    results = run_study(toy_study(folder, "diverging", **settings))
    assert results.failures == ()
    found = {s.learning_rate: s for s in results.search if s.regime == "zero_shot"}
    assert found[3e-3].loss is None
    assert [rate for rate, point in found.items() if point.chosen] == [
        min((s.loss, rate) for rate, s in found.items() if rate and s.loss is not None)[1]
    ]
    assert StudyResults.from_json(results.to_json()) == results
    assert not list((folder / "diverging").rglob("checkpoint-*"))


def test_if_every_rate_diverges_the_message_says_so():
    searches = {f"search/x-{r:g}": {"loss": None, "learning_rate": r} for r in (1e-3, 3e-3)}
    with pytest.raises(RunError, match=r"diverged with every one of 0\.001, 0\.003\. Add lower"):
        adapt.chosen_rate(searches)


def test_a_worker_that_dies_costs_only_its_cell(folder, monkeypatch):
    """Killed twice (out of memory, say), a cell is given up; the others go on in a new process."""
    monkeypatch.setattr(runner, "_perform", deadly_perform)
    config = toy_study(folder, "deaths", study__workers=2)
    results = run_study(config)
    assert [failure.cell for failure in results.failures] == ["orders/base-none-0"]
    assert results.failures[0].message == "its process died twice (killed, or out of memory)"
    assert results.missing == 0


def deadly_perform(cell: Any, folder: Path, needs: dict[str, Any]) -> tuple[str, Any, float]:
    """Stands in for the work of a cell in a worker."""
    if cell.title == "orders/base-none-0":
        os.kill(os.getpid(), signal.SIGKILL)
    if cell.kind == "search":
        asked = cell.settings
        return "done", {"loss": 0.5, "learning_rate": asked["learning_rate"]}, 0.0
    if cell.kind == "train":
        model = {"regime": cell.settings["regime"], "budget": "tokens", "seed": 0}
        return "done", {"model": model}, 0.0
    return "done", {}, 0.0
