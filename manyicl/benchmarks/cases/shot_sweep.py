"""A sweep over k, against its largest k alone."""

from __future__ import annotations

from collections.abc import Sequence

from manyicl.benchmarks.case import Case, Finding, Size
from manyicl.benchmarks.records import SizeRecord
from manyicl.benchmarks.wording import times

SIDES = "manyicl.benchmarks.inference_sides"
GOAL = 1.3
POINTS = [0, 1, 2, 4, 8, 16, 32, 64, 96, 128]
NANO = {"model": "nano", "context": 8192, "task": "question_type", "num_shots": POINTS}
NANO |= {"pool": 200}
GPU = {**NANO, "model": "llama_1b", "dtype": "bfloat16", "tokens_per_batch": 8192}
SMOKE = {"model": "tiny", "context": 1024, "task": "question_type", "num_shots": [0, 2, 4]}
SMOKE |= {"pool": 20, "queries": 4, "threads": 1}


def cost(size: SizeRecord) -> float | None:
    """Return the sweep's seconds over the single evaluation's."""
    ratio = size.ratio("single", "sweep")
    return ratio.value if ratio else None


def bound(size: SizeRecord) -> float | None:
    """Return the same of the operations that must be done: no schedule goes below it."""
    both = [size.sides[side].turns for side in ("sweep", "single")]
    return both[0][0]["operations"] / both[1][0]["operations"] if all(both) else None


def findings(sizes: Sequence[SizeRecord]) -> list[Finding]:
    found = []
    for size in sizes:
        measured, least = cost(size), bound(size)
        if measured is not None and least is not None:
            found.append(
                Finding(
                    f"{size.name}: at most {GOAL} times the single evaluation",
                    f"{times(measured)}; the operations alone are {times(least)}"
                    + (": out of reach by counting" if least > GOAL else ""),
                    measured <= GOAL,
                )
            )
    return found


CASE = Case(
    name="shot_sweep",
    title="A sweep over ten numbers of shots, against the largest alone",
    about="`TaskSweep` with k = 0 … 128 in ten points, and with k = 128 only. Both compute the "
    "prefix of 128 shots once; the sweep crops it and answers every query ten times instead of "
    "once. What that must cost depends on the number of queries: with few, the prefix is all; with "
    "many, ten answers are ten answers (only shorter prefixes make them cheaper). The operations "
    "that must be done are counted for both and their ratio stands beside the measured one.",
    unit="evaluations",
    sides={name: f"{SIDES}:{name}" for name in ("sweep", "single")},
    sizes={
        "cpu": tuple(
            Size(f"nano, queries: {queries}", {**NANO, "queries": queries}, rounds=5)
            for queries in (1, 8, 32, 128)
        ),
        "gpu": tuple(
            Size(f"1b, queries: {queries}", {**GPU, "queries": queries}, rounds=5)
            for queries in (8, 32, 128)
        ),
    },
    smoke={"cpu": Size("smoke", SMOKE, 1), "gpu": Size("smoke", {**SMOKE, "dtype": "bfloat16"}, 1)},
    findings=findings,
)
