"""The longest sequence a training step fits on the device, against TRL's SFTTrainer."""

from __future__ import annotations

from collections.abc import Sequence

from manyicl.benchmarks.case import Case, Finding, Size
from manyicl.benchmarks.records import SizeRecord
from manyicl.benchmarks.wording import times

SIDES = "manyicl.benchmarks.longest_sides"
LENGTHS = [8192 * step for step in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)]
LONG = {"lengths": LENGTHS, "context": max(LENGTHS), "rows_per_step": 1, "steps": 1}
SMOKE = {"model": "tiny", "lengths": [128, 256], "context": 512, "rows_per_step": 1, "steps": 1}
SMOKE |= {"threads": 1, "pool": 60, "tasks": ["ticket_team", "hotel_request"]}


def findings(sizes: Sequence[SizeRecord]) -> list[Finding]:
    found = []
    for size in sizes:
        ours, trl = (size.sides[side].each("longest") for side in ("ours", "trl"))
        if ours and trl and trl[0]:
            capped = " (the longest tried)" if ours[0] == max(size.settings["lengths"]) else ""
            found.append(
                Finding(
                    f"{size.name}: the longest context at least twice TRL's",
                    f"{ours[0]:,}{capped} to {trl[0]:,} tokens: {times(ours[0] / trl[0])}",
                    ours[0] >= 2 * trl[0],
                )
            )
    return found


CASE = Case(
    name="longest_context",
    title="The longest context that fits",
    about="One training step on one sequence, each length in turn until the device's memory ends. "
    "The same model, precision and activation checkpointing on both sides.",
    unit="lengths",
    sides={name: f"{SIDES}:{name}" for name in ("ours", "trl")},
    sizes={
        "gpu": (
            Size("1b", {**LONG, "model": "llama_1b", "autocast": True}, 1, apart=True),
            Size(
                "1b, activation checkpointing",
                {
                    **LONG,
                    "model": "llama_1b",
                    "autocast": True,
                    "activation_checkpointing": True,
                },
                1,
                apart=True,
            ),
            Size(
                "8b, activation checkpointing",
                {
                    **LONG,
                    "model": "llama_8b",
                    "dtype": "bfloat16",
                    "activation_checkpointing": True,
                },
                1,
                apart=True,
            ),
        )
    },
    smoke={"gpu": Size("smoke", SMOKE, 1, apart=True)},
    findings=findings,
)
