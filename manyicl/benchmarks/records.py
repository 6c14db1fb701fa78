"""What was measured, as it is kept: one JSON file a case, in it one record a size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import xxhash

from manyicl.benchmarks.ratio import Ratio, paired_ratio
from manyicl.errors import RunError
from manyicl.files import write_whole

FORMAT = "manyicl-benchmark-1"


@dataclass
class SideRecord:
    """One side of one size: a report a turn, in order."""

    turns: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    baseline: int = 0
    """Bytes held before the work: the loaded model."""
    failed: str = ""
    skipped: str = ""

    @property
    def out_of_memory(self) -> bool:
        """Whether it failed for want of memory, which is a result: trying again finds the same."""
        words = ("OutOfMemoryError", "MemoryError", "allocate memory", "killed (signal 9)")
        return any(word in self.failed for word in words)

    @property
    def speeds(self) -> list[float]:
        """Units a second, by turn."""
        return [turn["units"] / turn["seconds"] for turn in self.turns]

    @property
    def speed(self) -> float | None:
        return median(self.speeds) if self.turns else None

    @property
    def seconds(self) -> float | None:
        return median(turn["seconds"] for turn in self.turns) if self.turns else None

    @property
    def peak(self) -> int | None:
        """The most bytes held in all."""
        return max(turn["peak"] for turn in self.turns) if self.turns else None

    @property
    def increase(self) -> int | None:
        """The most bytes held above the loaded model."""
        return None if self.peak is None else max(0, self.peak - self.baseline)

    @property
    def working(self) -> int | None:
        """The most bytes a turn took above what was held when it began: activations, mostly."""
        return max(turn["working"] for turn in self.turns) if self.turns else None

    @property
    def operations_per_second(self) -> float | None:
        found = [turn["operations"] / turn["seconds"] for turn in self.turns]
        return median(found) if found and all(found) else None

    def each(self, fact: str) -> list[Any]:
        """Return a fact of every turn that reported it."""
        return [turn["facts"][fact] for turn in self.turns if fact in turn["facts"]]


@dataclass
class SizeRecord:
    """One size of a case, with the machine's own rates in the same minutes."""

    name: str
    settings: dict[str, Any]
    rounds: int
    key: str
    sides: dict[str, SideRecord]
    machine: dict[str, Any]
    environment: dict[str, Any]
    disagreements: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every side was measured, or is known not to be measurable here."""
        return all(not side.failed or side.out_of_memory for side in self.sides.values())

    def ratio(self, ours: str, other: str) -> Ratio | None:
        """Return how many times as fast one side is; None where one was not measured."""
        if ours not in self.sides or other not in self.sides:
            return None
        return paired_ratio(self.sides[ours].speeds, self.sides[other].speeds)

    def fraction(self, side: str) -> float | None:
        """Return a side's share of the machine's matrix-product rate, in the dtype it used."""
        record = self.sides[side]
        rate = self.machine.get("bf16" if record.facts.get("dtype") == "bfloat16" else "fp32")
        if not rate or record.operations_per_second is None:
            return None
        return record.operations_per_second / rate


def size_key(
    case: str, settings: Mapping[str, Any], machine: str, versions: Mapping[str, str]
) -> str:
    """Return a hash of all that a kept measurement must agree in to be taken for this one.

    `versions` are those of the packages that take part, ours included. (A commit is no version: so
    that a run goes on while code is written, new code is measured with `--again`.)
    """
    parts = [FORMAT, case, dict(settings), machine, dict(versions)]
    text = json.dumps(parts, sort_keys=True)
    return xxhash.xxh3_64_hexdigest(text.encode())


def read_case(path: Path) -> list[SizeRecord]:
    """Read a case's records; none if there is no file. Raises `RunError` on any other content."""
    if not path.is_file():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(found["format"])
        return [
            SizeRecord(
                **size | {"sides": {name: SideRecord(**s) for name, s in size["sides"].items()}}
            )
            for size in found["sizes"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{path}: is no result of this version's benchmarks ({error}). Remove it, and it is "
            "measured again."
        ) from None


def write_case(path: Path, case: str, sizes: list[SizeRecord]) -> None:
    """Write a case's records, whole or not at all; a size a line."""
    lines = ",\n".join(json.dumps(asdict(size)) for size in sizes)
    head = f'{{"format": {json.dumps(FORMAT)}, "case": {json.dumps(case)}, "sizes": ['
    write_whole(path, f"{head}\n{lines}\n]}}\n")
