"""Sides without torch, for tests of the runner: they log each turn to the file in the settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyicl.benchmarks.turns import Skipped, Turns


def machine(settings: Mapping[str, Any], turns: Turns) -> None:
    turns.ready()
    for _ in turns:
        turns.report(units=1, machine={"fp32": 4e9, "bf16": 8e9, "bandwidth": 1e9, "threads": 1})


def ours(settings: Mapping[str, Any], turns: Turns) -> None:
    _work(settings, turns, "ours", units=30)


def peer(settings: Mapping[str, Any], turns: Turns) -> None:
    _work(settings, turns, "peer", units=10)


def missing(settings: Mapping[str, Any], turns: Turns) -> None:
    raise Skipped("the peer is not installed")


def failing(settings: Mapping[str, Any], turns: Turns) -> None:
    turns.ready()
    for turn in turns:
        if turn == 1:
            raise MemoryError("no room for 12 tensors\nsecond line")
        turns.report(units=1)


def broken(settings: Mapping[str, Any], turns: Turns) -> None:
    raise ValueError("shapes do not match")


def killed(settings: Mapping[str, Any], turns: Turns) -> None:
    turns.ready()
    turns.wait()
    os.kill(os.getpid(), signal.SIGKILL)


def talkative(settings: Mapping[str, Any], turns: Turns) -> None:
    print("a library prints to standard output")
    _work(settings, turns, "talkative", units=1)


def _work(settings: Mapping[str, Any], turns: Turns, name: str, units: float) -> None:
    _log(settings, f"start {name}")
    turns.ready(dtype="float32", threads=os.environ["OMP_NUM_THREADS"])
    for turn in turns:
        _log(settings, f"{name} {turn}")
        turns.report(units=units, operations=1e6, answer=turn)


def _log(settings: Mapping[str, Any], line: str) -> None:
    with Path(settings["log"]).open("a") as file:
        file.write(line + "\n")
