"""What a benchmark is: sides that do the same work, sizes of it, and the numbers to reach.

A side is a function `side(settings, turns)` in a process of its own (`turns.py`), named by
`module:function`, so that the process that compares loads no model and no peer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from manyicl.benchmarks.records import SizeRecord

Preset = Literal["cpu", "gpu"]
PRESETS: tuple[Preset, ...] = ("cpu", "gpu")


@dataclass(frozen=True)
class Size:
    """One size of a case. `settings` are JSON values that every side is given."""

    name: str
    settings: Mapping[str, Any]
    rounds: int = 5
    apart: bool = False
    """The device does not hold two sides at once: every turn starts its process anew."""


@dataclass(frozen=True)
class Finding:
    """A number to reach, what was measured, and whether it was reached (None: not measured)."""

    target: str
    measured: str
    met: bool | None = None


def no_findings(sizes: Sequence[SizeRecord]) -> list[Finding]:
    return []


def nothing_to_compare(size: SizeRecord) -> list[str]:
    return []


@dataclass(frozen=True)
class Case:
    """A benchmark. The first of `sides` is ours; every other one is compared with it."""

    name: str
    title: str
    about: str
    """What is compared and how it is kept fair; stands in the page."""
    unit: str
    """What a side's speed counts, in the plural."""
    sides: Mapping[str, str]
    sizes: Mapping[Preset, tuple[Size, ...]]
    smoke: Mapping[Preset, Size]
    """A size of seconds on one core that takes the same path through the code as the preset."""
    compared: bool = True
    """Whether ratios between the sides say anything."""
    disagreements: Callable[[SizeRecord], list[str]] = nothing_to_compare
    """What the sides should have in common and have not, in words; it is shown, never hidden."""
    findings: Callable[[Sequence[SizeRecord]], list[Finding]] = no_findings
    notes: Callable[[Sequence[SizeRecord]], list[str]] = field(default=lambda sizes: [])
    """Lines about what was measured that the table has no column for."""

    def sizes_of(self, preset: Preset, smoke: bool = False) -> tuple[Size, ...]:
        if smoke:
            return (self.smoke[preset],) if preset in self.smoke else ()
        return self.sizes.get(preset, ())
