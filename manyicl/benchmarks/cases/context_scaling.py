"""Cost per training token and per query as the context grows, and what a prefix weighs."""

from __future__ import annotations

from collections.abc import Sequence

from manyicl.benchmarks.case import Case, Size
from manyicl.benchmarks.records import SizeRecord
from manyicl.benchmarks.wording import megabytes

INFERENCE = "manyicl.benchmarks.inference_sides"
TRAINING = "manyicl.benchmarks.training_sides"
NANO = {"model": "nano", "rows_per_step": 1, "steps": 1, "queries": 32, "pool": 1000}
NANO |= {"task": "ticket_team"}
GPU = {**NANO, "model": "llama_1b", "dtype": "bfloat16", "tokens_per_batch": 8192}
SMOKE = {**NANO, "model": "tiny", "tokens": 256, "context": 512, "queries": 4, "threads": 1}
SMOKE |= {"pool": 60, "tasks": ["ticket_team", "hotel_request"]}
OF_MEMORY = 24e9


def notes(sizes: Sequence[SizeRecord]) -> list[str]:
    """Say what a shot weighs, and how far 24 GB go by what was measured."""
    found = []
    measured = [size for size in sizes if size.sides["prefill"].turns]
    if measured:
        facts = measured[-1].sides["prefill"].facts
        per_token = facts["prefix_bytes"] / facts["prefix_tokens"]
        per_shot = facts["prefix_bytes"] / facts["shots"]
        tokens = OF_MEMORY / per_token
        found.append(
            f"A prefix keeps {per_token / 1e3:,.1f} kB a token, {per_shot / 1e3:,.0f} kB a shot of "
            f"{facts['prefix_tokens'] / facts['shots']:.0f} tokens (`{measured[-1].name}`): "
            f"24 GB hold the keys and values of {tokens / 1e6:,.2f} million tokens, "
            f"{OF_MEMORY / per_shot:,.0f} shots. That is arithmetic; time ends it sooner."
        )
    trained = [size for size in sizes if size.sides["train"].increase]
    if len(trained) > 1:
        first, last = trained[0], trained[-1]
        held = [size.sides["train"].peak or 0 for size in (first, last)]
        tokens = [size.settings["tokens"] for size in (first, last)]
        slope = (held[1] - held[0]) / (tokens[1] - tokens[0])
        if slope > 0:
            reach = tokens[1] + (OF_MEMORY - held[1]) / slope
            found.append(
                f"Training holds {megabytes(held[0])} at {tokens[0]:,} tokens and "
                f"{megabytes(held[1])} at {tokens[1]:,}, {slope / 1e3:,.0f} kB a token (no "
                f"activation checkpointing): on that line 24 GB last for {reach:,.0f} tokens."
            )
    return found


def _sizes(base: dict[str, object], thousands: Sequence[int], rounds: int) -> tuple[Size, ...]:
    return tuple(
        Size(
            f"{base['model']}, {number}k tokens",
            {**base, "tokens": 1024 * number, "context": 1024 * number + 256},
            rounds=rounds if number < 8 else 2,
        )
        for number in thousands
    )


CASE = Case(
    name="context_scaling",
    title="Scale of contexts",
    about="One sequence of so many tokens: a training step on it, its computation as a prefix, and "
    "32 queries with five options each on that prefix. Units a second are training tokens, prefix "
    "tokens and queries. nano was trained at 4,096 tokens; beyond, its cost is real and its "
    "answers mean little.",
    unit="units",
    sides={
        "train": f"{TRAINING}:ours",
        "prefill": f"{INFERENCE}:prefill",
        "query": f"{INFERENCE}:query",
    },
    sizes={
        "cpu": _sizes(NANO, (1, 2, 4, 8, 16), rounds=3),
        "gpu": _sizes(GPU, (1, 2, 4, 8, 16, 32), rounds=3),
    },
    smoke={"cpu": Size("smoke", SMOKE, 1), "gpu": Size("smoke", {**SMOKE, "dtype": "bfloat16"}, 1)},
    compared=False,
    notes=notes,
)
