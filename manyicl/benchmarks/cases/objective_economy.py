"""The objective's own economy: supervised answers a second and an operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manyicl.benchmarks.case import Case, Finding, Size
from manyicl.benchmarks.records import SizeRecord
from manyicl.benchmarks.wording import times

SIDES = "manyicl.benchmarks.economy_sides"
ONE_TASK = {"tasks": ["ticket_team"]}  # the same demonstrations a token on every side
NANO = {
    **ONE_TASK,
    "model": "nano",
    "context": 4096,
    "tokens": 2048,
    "rows_per_step": 1,
    "steps": 2,
}
GPU = {
    **ONE_TASK,
    "model": "llama_1b",
    "context": 8192,
    "tokens": 8192,
    "rows_per_step": 1,
    "steps": 2,
}
SMOKE = {"model": "tiny", "context": 512, "tokens": 256, "rows_per_step": 1, "steps": 1}
SMOKE |= {**ONE_TASK, "threads": 1, "pool": 60}


def per_teraflop(size: SizeRecord, side: str) -> float | None:
    """Return the supervised answers of a million million operations."""
    turns = size.sides[side].turns
    work: list[dict[str, Any]] = [turn["facts"]["work"] for turn in turns]
    operations = sum(w["operations"] for w in work)
    return 1e12 * sum(w["answers"] for w in work) / operations if operations else None


def findings(sizes: Sequence[SizeRecord]) -> list[Finding]:
    found = []
    for size in sizes:
        ours = per_teraflop(size, "ours")
        for side, said in (
            ("few_shot", "few-shot fine-tuning on sequences of 5 shots"),
            ("last_answer", "the last answer alone of the same sequences"),
        ):
            other = per_teraflop(size, side)
            if ours and other:
                found.append(
                    Finding(
                        f"{size.name}: supervised answers per operation, against {said}",
                        f"{ours:,.0f} to {other:,.1f} a TFLOP: {times(ours / other)}",
                    )
                )
    return found


def notes(sizes: Sequence[SizeRecord]) -> list[str]:
    found = []
    for size in sizes:
        for side, record in size.sides.items():
            if not record.turns:
                continue
            work = record.turns[-1]["facts"]["work"]
            found.append(
                f"{size.name}, {side}: {work['answers']:.0f} supervised answers in "
                f"{work['tokens']:,.0f} tokens, {work['supervised']:,.0f} of which carry loss."
            )
    return found


CASE = Case(
    name="objective_economy",
    title="The objective's own economy",
    about="The same trainer, tasks and rows of tokens; only what carries loss differs. `ours` "
    "fills sequences and supervises every answer; `last_answer` supervises the last answer of the "
    "same sequences; `few_shot` that of sequences of five shots and a query, packed. A sequence "
    "of n demonstrations costs its tokens whatever is supervised, so `ours` has n answers for the "
    "price of one (the head runs a little more): n-fold against its own last answer, and six-fold "
    "against five shots and a query, less what attention over longer sequences costs (much in a "
    "model as narrow as nano). Answers in one sequence are not independent: this counts targets, "
    "not what is learned from them, which `manyicl study` measures.",
    unit="answers",
    sides={name: f"{SIDES}:{name}" for name in ("ours", "last_answer", "few_shot")},
    sizes={
        "cpu": (Size("nano, 2k tokens", NANO, rounds=3),),
        "gpu": (Size("1b, 8k tokens", {**GPU, "autocast": True}, rounds=3),),
    },
    smoke={"cpu": Size("smoke", SMOKE, 1), "gpu": Size("smoke", {**SMOKE, "autocast": True}, 1)},
    findings=findings,
    notes=notes,
)
