"""The runner: sides in alternation, round by round; what is finished is kept.

In round 0 the sides go in order, in round 1 in reverse, and so on: a machine that grows slower over
time is then nobody's loss. A side that fails is reported as such and the others go on.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from manyicl.benchmarks.case import Case, Preset, Size
from manyicl.benchmarks.machine import better
from manyicl.benchmarks.process import SideFailed, SideProcess
from manyicl.benchmarks.records import SideRecord, SizeRecord, read_case, size_key, write_case
from manyicl.benchmarks.turns import Skipped
from manyicl.errors import RunError

PACKAGES = ("torch", "transformers", "trl", "lm_eval")
MACHINE = "manyicl.benchmarks.machine:side"
Say = Callable[[str], None]


def run_case(
    case: Case,
    preset: Preset,
    folder: Path,
    *,
    rounds: int | None = None,
    smoke: bool = False,
    again: bool = False,
    say: Say = lambda line: None,
) -> list[SizeRecord]:
    """Measure the sizes of a case that `folder` does not hold yet, and return all of them.

    `rounds` replaces each size's own number. A size counts as held if settings, machine and
    versions are the same, its rounds at least as many, and no side failed for another reason than
    memory; `again` measures it anew. Raises `RunError` if results cannot be read or written.
    """
    path = folder / f"{case.name}.json"
    _make(folder)
    kept = {size.key: size for size in read_case(path)}
    wanted = case.sizes_of(preset, smoke)
    done: list[SizeRecord] = []
    for size in wanted:
        number = rounds or size.rounds
        environment = _environment(f"manyicl bench {case.name} --preset {preset}")
        machine = f"{environment['cpu']}, {environment['device']}"
        versions = environment["packages"] | {"manyicl": environment["manyicl"]}
        key = size_key(case.name, size.settings, machine, versions)
        found = kept.get(key)
        enough = found is not None and found.complete and found.rounds >= number
        if found is not None and enough and not again:
            say(f"{case.name}, {size.name}: measured before, kept")
        else:
            logs = folder / "logs"
            with _limits(logs, {"seconds": 0.02} if smoke else {}) as limits:
                found = _run_size(case, size, number, key, environment, logs, say)
            found.machine = limits
        done.append(found)
        rest = [old for old in kept.values() if old.key not in {s.key for s in done}]
        later = {other.name for other in wanted[len(done) :]}
        write_case(path, case.name, done + [old for old in rest if old.name in later])
    return done


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "logs").mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be made or written to ({error.strerror}). Choose another with --out."
        ) from None


def _run_size(
    case: Case,
    size: Size,
    rounds: int,
    key: str,
    environment: dict[str, Any],
    logs: Path,
    say: Say,
) -> SizeRecord:
    record = SizeRecord(size.name, dict(size.settings), rounds, key, {}, {}, environment)
    record.sides = {name: SideRecord() for name in case.sides}
    settings = {**size.settings, "rounds": rounds}

    def start(name: str) -> SideProcess:
        return SideProcess(case.sides[name], settings, logs / _file_name(case, size, name))

    with contextlib.ExitStack() as processes:
        running: dict[str, SideProcess] = {}
        for name, side in record.sides.items():
            (logs / _file_name(case, size, name)).unlink(missing_ok=True)
            if not size.apart:
                with _failures(side, f"{case.name}, {size.name}, {name}", say):
                    running[name] = processes.enter_context(start(name))
                    _take_ready(side, running[name])
        for number in range(rounds):
            for name in _order(list(case.sides), number):
                side = record.sides[name]
                if side.failed or side.skipped:
                    continue
                label = f"{case.name}, {size.name}, round {number + 1} of {rounds}, {name}"
                with _failures(side, label, say), contextlib.ExitStack() as alone:
                    process = running.get(name) or alone.enter_context(start(name))
                    if size.apart:
                        _take_ready(side, process)
                    side.turns.append(process.turn(number))
                    seconds = side.turns[-1]["seconds"]
                    say(f"{label}: {side.speeds[-1]:,.4g} {case.unit}/s, {seconds:.2f} s")
    record.disagreements = case.disagreements(record)
    for line in record.disagreements:
        say(f"{case.name}, {size.name}: DISAGREE: {line}")
    return record


def _file_name(case: Case, size: Size, side: str) -> str:
    """Return the name of a side's log.

    >>> _file_name(Case("a", "", "", "", {}, {}, {}), Size("1b, 8k tokens", {}), "trl")
    'a-1b_8k_tokens-trl.log'
    """
    return f"{case.name}-{re.sub(r'[^a-z0-9]+', '_', size.name.lower())}-{side}.log"


def _take_ready(side: SideRecord, process: SideProcess) -> None:
    message = process.ready()
    side.facts, side.baseline = message["ready"], message["baseline"]


@contextlib.contextmanager
def _failures(side: SideRecord, label: str, say: Say) -> Iterator[None]:
    try:
        yield
    except Skipped as reason:
        side.skipped = str(reason)
        say(f"{label}: skipped: {reason}")
    except SideFailed as reason:
        side.failed = str(reason)
        say(f"{label}: FAILED: {reason}")


def _order(names: Sequence[str], number: int) -> list[str]:
    return list(names) if number % 2 == 0 else list(reversed(names))


@contextlib.contextmanager
def _limits(logs: Path, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Measure the machine before and after; what was found stands in the dictionary afterwards."""
    found = _measure_machine(logs, settings)
    yield found
    if again := _measure_machine(logs, settings):
        found |= better(found or again, again)


def _measure_machine(logs: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Measure in a process that gives the memory back; empty where that fails."""
    try:
        with SideProcess(MACHINE, settings, logs / "machine.log") as process:
            process.ready()
            return process.turn(0)["facts"]["machine"]
    except SideFailed:
        return {}


def _environment(command: str) -> dict[str, Any]:
    from manyicl.evaluation.environment import describe_environment

    packages = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            packages[name] = metadata.version(name)
    return {**describe_environment(), "command": command, "packages": packages}
