"""A side's end of the pipe: it works when it is its turn, and reports what the turn took.

    def side(settings, turns):
        model = ...                  # whatever precedes the measurement
        turns.baseline()             # memory is counted from here
        ...                          # warm-up
        turns.ready(parameters=...)  # facts for the record
        for turn in turns:           # blocks until the other sides are done
            ...
            turns.report(units=...)

The clock runs from the moment the turn is given to the report. Between turns a side waits on its
pipe and leaves the machine to the others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, TextIO

from manyicl.benchmarks import memory


class Skipped(Exception):
    """This side cannot be measured here, for a reason that is no failure."""


class Turns:
    """One line of JSON in for a turn, one line out for its report."""

    def __init__(self, commands: TextIO, reports: TextIO):
        self._commands, self._reports = commands, reports
        self._baseline: int | None = None
        self._most = 0  # of all turns and the warm-up
        self._idle = 0  # what is held when a turn begins
        self._began = 0.0
        self._elapsed: float | None = None

    def baseline(self) -> None:
        """Count memory from here: what is loaded now is not the work's."""
        self._baseline = memory.current()
        memory.reset_peak()

    def ready(self, **facts: Any) -> None:
        """Say that the first turn may come."""
        if self._baseline is None:
            self.baseline()
        self.send({"ready": facts, "baseline": self._baseline})

    def wait(self) -> int | None:
        """Block until this side's turn; return its number, or None when there is none left."""
        command = json.loads(self._commands.readline() or "{}")
        if "turn" not in command:
            return None
        self._most = max(self._most, memory.peak())
        memory.reset_peak()
        self._idle = memory.current()
        memory.settle()
        self._began, self._elapsed = time.perf_counter(), None
        return command["turn"]

    def stop(self) -> None:
        """Stop the turn's clock: what follows up to the report is bookkeeping."""
        memory.settle()
        self._elapsed = time.perf_counter() - self._began

    def report(self, units: float, operations: float = 0, **facts: Any) -> None:
        """End the turn. `operations` are those the work needs, counted from the model's shape."""
        if self._elapsed is None:
            self.stop()
        now = memory.peak()
        self._most = max(self._most, now)
        self.send(
            {
                "seconds": self._elapsed,
                "units": units,
                "operations": operations,
                "peak": self._most,
                "working": max(0, now - self._idle),
                "facts": facts,
            }
        )

    def __iter__(self) -> Iterator[int]:
        while (turn := self.wait()) is not None:
            yield turn

    def send(self, message: dict[str, Any]) -> None:
        self._reports.write(json.dumps(message) + "\n")
        self._reports.flush()
