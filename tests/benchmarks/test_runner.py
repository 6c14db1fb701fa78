"""The runner: alternation, kept results, sides that fail, processes that are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from manyicl.benchmarks import runner
from manyicl.benchmarks.case import Case, Size
from manyicl.benchmarks.records import read_case
from manyicl.benchmarks.runner import run_case
from manyicl.errors import RunError

FAKES = "benchmarks.fake_sides"


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[1]))
    monkeypatch.setattr(runner, "MACHINE", f"{FAKES}:machine")


def case(tmp_path: Path, *sides: str, sizes: int = 1, rounds: int = 3, **more: Any) -> Case:
    settings: Mapping[str, Any] = {"log": str(tmp_path / "log.txt"), "threads": 1}
    apart = more.pop("apart", False)
    return Case(
        name="fake",
        title="Fake",
        about="",
        unit="items",
        sides={side: f"{FAKES}:{side}" for side in sides},
        sizes={
            "cpu": tuple(
                Size(f"size {number}", {**settings, "number": number}, rounds, apart)
                for number in range(sizes)
            )
        },
        smoke={},
        **more,
    )


def log(tmp_path: Path) -> list[str]:
    path = tmp_path / "log.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_sides_take_turns_and_the_order_is_reversed_every_other_round(tmp_path):
    (size,) = run_case(case(tmp_path, "ours", "peer"), "cpu", tmp_path / "out")
    assert log(tmp_path) == [
        "start ours",
        "start peer",
        *("ours 0", "peer 0", "peer 1", "ours 1", "ours 2", "peer 2"),
    ]
    ours = size.sides["ours"]
    assert [turn["facts"]["answer"] for turn in ours.turns] == [0, 1, 2]
    assert ours.facts == {"dtype": "float32", "threads": "1"}
    assert all(turn["seconds"] > 0 and turn["units"] == 30 for turn in ours.turns)
    assert ours.baseline > 0
    assert ours.peak is not None
    assert ours.peak >= ours.baseline // 2


def test_a_share_of_the_limit_is_operations_by_seconds_by_the_rate_of_the_dtype(tmp_path):
    (size,) = run_case(case(tmp_path, "ours"), "cpu", tmp_path / "out", rounds=1)
    (turn,) = size.sides["ours"].turns
    assert size.fraction("ours") == pytest.approx(1e6 / turn["seconds"] / 4e9)
    size.sides["ours"].facts["dtype"] = "bfloat16"
    assert size.fraction("ours") == pytest.approx(1e6 / turn["seconds"] / 8e9)


def test_finished_sizes_are_kept_and_missing_ones_measured(tmp_path):
    out = tmp_path / "out"
    run_case(case(tmp_path, "ours", sizes=1, rounds=1), "cpu", out)
    before = log(tmp_path)
    sizes = run_case(case(tmp_path, "ours", sizes=2, rounds=1), "cpu", out)
    assert log(tmp_path) == [*before, "start ours", "ours 0"]
    assert [size.name for size in sizes] == ["size 0", "size 1"]
    assert read_case(out / "fake.json") == sizes
    run_case(case(tmp_path, "ours", sizes=2, rounds=1), "cpu", out, again=True)
    assert len(log(tmp_path)) == len(before) + 6


def test_more_rounds_are_measured_anew_and_fewer_are_there_already(tmp_path):
    out = tmp_path / "out"
    for rounds, starts in ((1, 1), (3, 2), (2, 2)):
        (size,) = run_case(case(tmp_path, "ours"), "cpu", out, rounds=rounds)
        assert log(tmp_path).count("start ours") == starts
    assert size.rounds == 3
    assert read_case(out / "fake.json") == [size]


def test_a_folder_that_cannot_be_made_is_said_before_anything_runs(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"file/out: cannot be made .*--out"):
        run_case(case(tmp_path, "ours"), "cpu", tmp_path / "file" / "out")
    assert not log(tmp_path)


def test_an_interrupted_run_keeps_what_was_finished(tmp_path):
    out, said = tmp_path / "out", []

    def interrupt(line: str) -> None:
        said.append(line)
        if "size 1" in line:
            raise KeyboardInterrupt

    whole = case(tmp_path, "ours", sizes=2, rounds=1)
    with pytest.raises(KeyboardInterrupt):
        run_case(whole, "cpu", out, say=interrupt)
    assert [size.name for size in read_case(out / "fake.json")] == ["size 0"]
    run_case(whole, "cpu", out)
    assert log(tmp_path).count("start ours") == 3  # size 0 once, size 1 twice


def test_a_failing_side_is_reported_and_the_others_go_on(tmp_path):
    (size,) = run_case(case(tmp_path, "ours", "failing"), "cpu", tmp_path / "out")
    failed = size.sides["failing"]
    assert failed.failed.startswith("MemoryError: no room for 12 tensors (log: ")
    assert len(failed.turns) == 1
    assert len(size.sides["ours"].turns) == 3


def test_a_side_that_ran_out_of_memory_has_given_its_result(tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        (size,) = run_case(case(tmp_path, "ours", "killed"), "cpu", out, rounds=1)
        assert "killed (signal 9)" in size.sides["killed"].failed
        assert size.complete
    assert log(tmp_path).count("ours 0") == 1


def test_a_side_that_failed_otherwise_is_measured_again(tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        (size,) = run_case(case(tmp_path, "ours", "broken"), "cpu", out, rounds=1)
        assert size.sides["broken"].failed.startswith("ValueError: shapes do not match")
        assert not size.complete
    assert log(tmp_path).count("ours 0") == 2


def test_a_missing_peer_is_skipped_and_the_size_counts_as_finished(tmp_path):
    out, said = tmp_path / "out", []
    for _ in range(2):
        (size,) = run_case(case(tmp_path, "ours", "missing"), "cpu", out, say=said.append)
    assert size.sides["missing"].skipped == "the peer is not installed"
    assert size.ratio("ours", "missing") is None
    assert said[-1].endswith("kept")


def test_sides_that_do_not_fit_together_start_anew_every_turn(tmp_path):
    run_case(case(tmp_path, "ours", "peer", rounds=2, apart=True), "cpu", tmp_path / "out")
    assert log(tmp_path) == [
        *("start ours", "ours 0", "start peer", "peer 0"),
        *("start peer", "peer 1", "start ours", "ours 1"),
    ]


def test_what_a_library_prints_does_not_reach_the_pipe(tmp_path):
    out = tmp_path / "out"
    (size,) = run_case(case(tmp_path, "talkative"), "cpu", out, rounds=1)
    assert len(size.sides["talkative"].turns) == 1
    (path,) = (out / "logs").glob("*talkative.log")
    assert "a library prints" in path.read_text()


def test_what_the_sides_should_have_in_common_is_kept_with_the_size(tmp_path):
    differing = case(tmp_path, "ours", disagreements=lambda size: ["other answers"])
    run_case(differing, "cpu", tmp_path / "out", rounds=1)
    (size,) = read_case(tmp_path / "out" / "fake.json")
    assert size.disagreements == ["other answers"]


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "fake.json"
    path.write_text('{"format": "other"}')
    with pytest.raises(RunError, match="Remove it"):
        read_case(path)
