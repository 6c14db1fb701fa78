"""The comparing process's end of the pipe: one side's process, started, given turns, ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import manyicl
from manyicl.benchmarks.turns import Skipped

PATIENCE = 20  # seconds that a side has to end by itself


class SideFailed(Exception):
    """A side ended with an error, or was killed; the others go on."""


class SideProcess:
    """A side in a process of its own, in this process's group: one Ctrl-C ends all."""

    def __init__(self, function: str, settings: Mapping[str, Any], log: Path):
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        with log.open("a", encoding="utf-8") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "manyicl.benchmarks.worker", function],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                env=_environment(settings),
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._commands: IO[str] = self._process.stdin
        self._reports: IO[str] = self._process.stdout
        self._send(dict(settings))

    def ready(self) -> dict[str, Any]:
        """Block until the side has warmed up; return its facts and its memory before the work."""
        return self._receive()

    def turn(self, number: int) -> dict[str, Any]:
        """Give the side its turn and return its report."""
        self._send({"turn": number})
        return self._receive()

    def close(self) -> None:
        """End the process, whatever it does."""
        for stream in (self._commands, self._reports):
            with contextlib.suppress(OSError):
                stream.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> SideProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # it died: its last words, or its exit status, tell why
            self._commands.write(json.dumps(message) + "\n")
            self._commands.flush()

    def _receive(self) -> dict[str, Any]:
        line = self._reports.readline()
        message = json.loads(line) if line.endswith("\n") else {"failed": self._death()}
        if "skipped" in message:
            raise Skipped(message["skipped"])
        if "failed" in message:
            raise SideFailed(f"{message['failed']} (log: {self._log.name})")
        return message

    def _death(self) -> str:
        status = self._process.wait()
        if status == -signal.SIGKILL:
            return "killed (signal 9), most likely for want of memory"
        if status < 0:
            return f"ended by signal {-status}"
        return f"ended without a report (exit code {status})"


def _environment(settings: Mapping[str, Any]) -> dict[str, str]:
    threads = str(settings.get("threads") or os.cpu_count() or 1)
    checkout = str(Path(manyicl.__file__).parents[1])  # the same code, wherever this was started
    path = os.pathsep.join(filter(None, [checkout, os.environ.get("PYTHONPATH")]))
    return os.environ | {
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "PASSIVE",  # a waiting side must not spin while another is measured
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
