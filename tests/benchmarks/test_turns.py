"""A side's end of the pipe, and the memory it reports."""

from __future__ import annotations

import io
import json

import pytest

from manyicl.benchmarks import memory
from manyicl.benchmarks.turns import Turns


def take(number: int) -> tuple[Turns, io.StringIO]:
    reports = io.StringIO()
    commands = "".join(json.dumps({"turn": turn}) + "\n" for turn in range(number))
    return Turns(io.StringIO(commands), reports), reports


def lines(reports: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in reports.getvalue().splitlines()]


def test_a_side_is_ready_then_reports_each_turn_until_there_is_none():
    turns, reports = take(2)
    turns.ready(model="toy")
    for turn in turns:
        turns.report(units=5, operations=7, turn=turn)
    ready, *found = lines(reports)
    assert ready["ready"] == {"model": "toy"}
    assert ready["baseline"] > 0
    assert [line["facts"]["turn"] for line in found] == [0, 1]
    assert all((line["units"], line["operations"]) == (5, 7) for line in found)


def test_what_follows_the_stop_of_the_clock_is_not_counted(monkeypatch):
    times = iter([10.0, 12.5, 99.0])
    monkeypatch.setattr("manyicl.benchmarks.turns.time.perf_counter", lambda: next(times))
    turns, reports = take(1)
    turns.ready()
    turns.wait()
    turns.stop()
    turns.report(units=1)
    assert lines(reports)[-1]["seconds"] == 2.5


@pytest.mark.skipif(not memory.CLEAR.exists(), reason="no resettable peak on this system")
def test_memory_of_a_turn_is_that_of_the_turn():
    turns, reports = take(2)
    turns.ready()
    block = 1 << 26
    for turn in turns:
        if turn == 0:
            held = bytearray(block)
            held[::4096] = b"x" * len(held[::4096])
            del held
        turns.report(units=1)
    _, first, second = lines(reports)
    assert first["working"] > 0.8 * block
    assert second["working"] < 0.5 * block
    assert second["peak"] >= first["peak"]
