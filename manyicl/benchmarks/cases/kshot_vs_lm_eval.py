"""k-shot evaluation, against lm-evaluation-harness on the same tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from manyicl.benchmarks.case import Case, Finding, Size
from manyicl.benchmarks.records import SizeRecord
from manyicl.benchmarks.wording import percent, times

SIDES = "manyicl.benchmarks.kshot_sides"
GOALS = {64: 50, 256: 200}  # times the harness's items a second, closed labels
ROUNDING = 5e-3  # nats between two exact computations of one score in fp32
ROUNDING_BF16 = 1.0

NANO = {"model": "nano", "context": 16384, "queries": 200, "batch_sizes": [1, 8]}
LABELS = {**NANO, "task": "question_type", "end_mark": True}
GPU = {"model": "llama_1b", "context": 16384, "dtype": "bfloat16", "tokens_per_batch": 8192}
GPU |= {"queries": 200, "batch_sizes": [1, 4, 16], "task": "question_type", "end_mark": True}
SMOKE = {"model": "tiny", "context": 2048, "queries": 4, "batch_sizes": [1, 4], "k": 4}
SMOKE |= {"peer_items": 2, "task": "question_type", "end_mark": True, "threads": 1}


def _sizes(base: dict[str, Any], items: dict[int, int], rounds: int = 3) -> tuple[Size, ...]:
    return tuple(
        Size(
            f"six labels, k={k}",
            {**base, "k": k, "peer_items": number, "trial_items": min(8, number)},
            rounds,
        )
        for k, number in items.items()
    )


def compared_items(size: SizeRecord) -> Iterator[tuple[str, dict[str, float], dict[str, float]]]:
    """Yield (item, our option scores, the harness's) of every item both answered."""
    if not size.sides["ours"].turns:
        return
    ours = size.sides["ours"].each("answers")[0]
    for answers in size.sides["lm_eval"].each("answers"):
        for item, scores in answers.items():
            yield item, ours[item], scores


def disagreements(size: SizeRecord) -> list[str]:
    """Name the items answered differently, and whether rounding explains it."""
    dtype = size.settings.get("dtype", "float32")
    tolerance = ROUNDING if dtype == "float32" else ROUNDING_BF16
    found, largest = [], 0.0
    for item, ours, theirs in compared_items(size):
        difference = max(abs(ours[option] - theirs[option]) for option in ours)
        largest = max(largest, difference)
        mine, other = (max(s, key=s.__getitem__) for s in (ours, theirs))
        if mine != other:
            margin = ours[mine] - ours[other]
            why = "a tie within rounding" if margin <= 2 * tolerance else "no tie: look into it"
            found.append(f"item {item}: {mine!r} (ours), {other!r} (lm_eval); {why}")
    if largest > tolerance:
        found.append(f"scores differ by up to {largest:.4f} nats")
    return found


def findings(sizes: Sequence[SizeRecord]) -> list[Finding]:
    found = []
    for size in sizes:
        ratio, goal = size.ratio("ours", "lm_eval"), GOALS.get(size.settings["k"])
        if ratio is not None and goal is not None:
            found.append(
                Finding(
                    f"{size.name}: at least {goal} times lm-eval's items/s",
                    times(ratio.value),
                    ratio.value >= goal,
                )
            )
        items = list(compared_items(size))
        same = sum(max(a, key=a.__getitem__) == max(b, key=b.__getitem__) for _, a, b in items)
        if items:
            found.append(
                Finding(
                    f"{size.name}: the same predictions",
                    f"{same} of {len(items)} items",
                    same == len(items),
                )
            )
    return found


def notes(sizes: Sequence[SizeRecord]) -> list[str]:
    found = []
    for size in sizes:
        ours, theirs = size.sides["ours"], size.sides["lm_eval"]
        if not ours.turns or ours.seconds is None:
            continue
        prefill = sorted(ours.each("prefill_seconds"))[len(ours.turns) // 2]
        queries = size.settings["queries"]
        each = (ours.seconds - prefill) / queries
        line = (
            f"{size.name}: prefix of {ours.facts['prefix_tokens']:,} tokens, "
            f"{ours.facts['options']} options; ours answers {queries} items a turn, "
            f"{percent(prefill / ours.seconds)} of it the prefix, then "
            f"{1000 * each:.2f} ms an item"
        )
        if theirs.turns and theirs.speed:
            line += (
                f"; lm-eval {size.settings['peer_items']} items a turn at its best batch size, "
                f"{theirs.facts['batch_size']}. Without the prefix ours would be "
                f"{times(1 / each / theirs.speed)} as fast: so the ratio grows with the items"
            )
        items = list(compared_items(size))
        if items:
            largest = max(abs(a[o] - b[o]) for _, a, b in items for o in a)
            line += f". Largest difference of an option's score: {largest:.1e} nats"
        found.append(line + ".")
    return found


CASE = Case(
    name="kshot_vs_lm_eval",
    title="k-shot evaluation, against lm-evaluation-harness",
    about="Closed labels, option scores. The harness runs `evaluate` with its Hugging Face "
    "back end on the same weights, a task over the same rows, the sampler `first_n` (every item "
    "has the same demonstrations, so a cache could help), its logits cache on, and the fastest of "
    "some batch sizes. That both score the same tokens is checked token by token; the template has "
    "single line breaks because the harness's joint tokenisation splits double ones. Options end "
    "with the end mark, but in the sizes that say so: there each label is a single token and the "
    "harness computes an item once for all options. Items a second include the prefix. The answers "
    "of both are compared item by item.",
    unit="items",
    sides={"ours": f"{SIDES}:ours", "lm_eval": f"{SIDES}:lm_eval"},
    sizes={
        "cpu": (
            *_sizes(LABELS, {0: 24, 16: 8, 64: 3, 256: 1}),
            *(
                Size(
                    f"six labels without end mark, k={k}",
                    {
                        **LABELS,
                        "end_mark": False,
                        "k": k,
                        "peer_items": number,
                        "trial_items": number,
                    },
                    rounds=3,
                )
                for k, number in ((64, 8), (256, 2))
            ),
            Size(
                "twenty labels, k=64",
                {**LABELS, "task": "hotel_request", "k": 64, "peer_items": 1},
                rounds=3,
            ),
        ),
        "gpu": _sizes(GPU, {0: 100, 16: 50, 64: 20, 256: 5}, rounds=5),
    },
    smoke={
        "cpu": Size("smoke", SMOKE, rounds=2),
        "gpu": Size("smoke", {**SMOKE, "dtype": "bfloat16", "end_mark": False}, rounds=1),
    },
    disagreements=disagreements,
    findings=findings,
    notes=notes,
)
