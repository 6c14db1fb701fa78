"""A prefix kept in fewer bytes: what it weighs, costs, and changes."""

from __future__ import annotations

from collections.abc import Sequence

from manyicl.benchmarks.case import Case, Size
from manyicl.benchmarks.records import SizeRecord
from manyicl.benchmarks.wording import megabytes, percent

SIDES = "manyicl.benchmarks.inference_sides"
NANO = {"model": "nano", "context": 8192, "task": "question_type", "queries": 100}
GPU = {**NANO, "model": "llama_1b", "dtype": "bfloat16", "tokens_per_batch": 8192}
SMOKE = {**NANO, "model": "tiny", "context": 1024, "queries": 6, "k": 4, "threads": 1}


def notes(sizes: Sequence[SizeRecord]) -> list[str]:
    found = []
    for size in sizes:
        whole = size.sides["as_computed"]
        if not whole.turns:
            continue
        reference = whole.each("answers")[0]
        best = [max(scores, key=scores.__getitem__) for scores in reference]
        for name, side in size.sides.items():
            if not side.turns:
                continue
            answers = side.each("answers")[0]
            kept = sum(max(s, key=s.__getitem__) == b for s, b in zip(answers, best, strict=True))
            largest = max(
                abs(scores[option] - whole_scores[option])
                for scores, whole_scores in zip(answers, reference, strict=True)
                for option in scores
            )
            found.append(
                f"{size.name}, {name}: {megabytes(side.facts['prefix_bytes'])} for "
                f"{side.facts['prefix_tokens']:,} tokens; accuracy "
                f"{percent(side.each('accuracy')[0])}; {kept} of {len(best)} answers as with the "
                f"prefix as computed, scores differ by up to {largest:.1e} nats."
            )
    return found


CASE = Case(
    name="prefix_storage",
    title="A prefix in fewer bytes",
    about="The same prefix and queries, the keys and values kept as computed, in int8, and in the "
    "host's memory (`offload`; on a CPU that is where they are anyway). nano's accuracy on this "
    "task is little above chance, so the change of the scores and of the answers says more than "
    "that of the accuracy.",
    unit="items",
    sides={
        "as_computed": f"{SIDES}:kept_as_computed",
        "int8": f"{SIDES}:kept_in_int8",
        "offload": f"{SIDES}:kept_offloaded",
    },
    sizes={
        "cpu": tuple(Size(f"nano, k={k}", {**NANO, "k": k}, rounds=3) for k in (64, 128)),
        "gpu": tuple(Size(f"1b, k={k}", {**GPU, "k": k}, rounds=3) for k in (64, 256)),
    },
    smoke={"cpu": Size("smoke", SMOKE, 1), "gpu": Size("smoke", {**SMOKE, "dtype": "bfloat16"}, 1)},
    notes=notes,
)
