"""A training step, against TRL's SFTTrainer on the same sequences and targets."""

from __future__ import annotations

from collections.abc import Sequence

from manyicl.benchmarks.case import Case, Finding, Size
from manyicl.benchmarks.records import SizeRecord
from manyicl.benchmarks.wording import megabytes, percent, times

SIDES = "manyicl.benchmarks.training_sides"
SIDE_NAMES = ("ours", "ours_checkpointed", "trl", "trl_defaults")
SAME_LOSS = 2e-4  # relative: fp32 sums in another order; bf16 rounds every logit
SAME_LOSS_BF16 = 2e-2

NANO = {"model": "nano", "context": 4096, "rows_per_step": 2, "steps": 1}
LLAMA_100M = {"model": "llama_100m", "context": 4096, "rows_per_step": 1, "steps": 1}
LLAMA_100M |= {"and_checkpointed": True}
GPU_1B = {"model": "llama_1b", "context": 65536, "rows_per_step": 1, "steps": 2, "autocast": True}
GPU_8B = {  # fp32 weights with their AdamW state do not fit a card: bf16 weights on both sides
    "model": "llama_8b",
    "context": 65536,
    "rows_per_step": 1,
    "steps": 1,
    "dtype": "bfloat16",
}
CHECKPOINTED = {"activation_checkpointing": True}
EMULATED = {"rows_per_step": 1, "emulated_bf16": True}
SMOKE = {"model": "tiny", "context": 512, "tokens": 256, "rows_per_step": 2, "steps": 1}
SMOKE |= {
    "threads": 1,
    "emulated_bf16": True,
    "and_checkpointed": True,
    "pool": 60,
    "tasks": ["ticket_team", "hotel_request"],
}


def disagreements(size: SizeRecord) -> list[str]:
    """Say where the first step's loss is not the same: the targets would not be either."""
    mine = size.sides["ours"].facts.get("first_loss")
    found = []
    for name in SIDE_NAMES[1:]:
        facts = size.sides[name].facts if name in size.sides else {}
        theirs = facts.get("first_loss")
        if mine is None or theirs is None:
            continue
        half = "bfloat16" in (facts["dtype"], size.sides["ours"].facts["dtype"])
        if abs(mine - theirs) > (SAME_LOSS_BF16 if half else SAME_LOSS) * abs(mine):
            found.append(f"first loss: {mine:.6f} (ours), {theirs:.6f} ({name})")
    return found


def findings(sizes: Sequence[SizeRecord]) -> list[Finding]:
    found: list[Finding] = []
    for size in sizes:
        on_cpu = size.environment["device"] == "cpu"
        ours, trl = size.sides["ours"], size.sides["trl"]
        ratio, goal = size.ratio("ours", "trl"), 1.5 if on_cpu else 1.3
        if ratio is not None and not size.settings.get("emulated_bf16"):
            found.append(
                Finding(
                    f"{size.name}: at least {goal} times TRL's tokens/s",
                    f"{times(ratio.value)}",
                    ratio.value >= goal,
                )
            )
        if on_cpu and "100m" in size.name and ours.peak and trl.peak:
            found.append(_memory(size, "peak memory", ours.peak, trl.peak))
            found += _checkpointed(size, trl.peak)
        if not on_cpu and "8k" in size.name and ours.working and trl.working:
            found.append(_memory(size, "activation memory", ours.working, trl.working))
        share, goal = size.fraction("ours"), 0.35 if on_cpu else 0.45
        if share is not None and (not on_cpu or size.name == "nano, 2k tokens"):
            found.append(
                Finding(
                    f"{size.name}: at least {percent(goal)} of the measured matrix rate",
                    percent(share),
                    share >= goal,
                )
            )
    return found


def _checkpointed(size: SizeRecord, peak: int) -> list[Finding]:
    """Whether both can be had at once, with activation checkpointing on our side alone."""
    side, ratio = size.sides["ours_checkpointed"], size.ratio("ours_checkpointed", "trl")
    if not side.peak or ratio is None:
        return []
    return [
        Finding(
            f"{size.name}: both at once, with activation checkpointing on our side",
            f"{times(ratio.value)} the tokens/s, {side.peak / peak:.2f} of the peak memory "
            f"({megabytes(side.peak)} to {megabytes(peak)})",
            ratio.value >= 1.5 and side.peak <= peak / 2,
        )
    ]


def _memory(size: SizeRecord, what: str, ours: int, theirs: int) -> Finding:
    return Finding(
        f"{size.name}: at most half of TRL's {what}",
        f"{ours / theirs:.2f} of it ({megabytes(ours)} to {megabytes(theirs)})",
        ours <= theirs / 2,
    )


def notes(sizes: Sequence[SizeRecord]) -> list[str]:
    found = []
    for size in sizes:
        ours = size.sides["ours"]
        if not ours.turns:
            continue
        work = ours.turns[-1]["facts"]["work"]
        losses = ", ".join(
            f"{side.facts['first_loss']:.4f} ({name})"
            for name, side in size.sides.items()
            if "first_loss" in side.facts
        )
        found.append(
            f"{size.name}: {ours.facts['parameters'] / 1e6:,.1f} M parameters; "
            f"{percent(work['supervised'] / work['tokens'])} of the tokens carry loss; loss of the "
            f"first step: {losses}."
        )
    return found


CASE = Case(
    name="training_step",
    title="A training step, against TRL's SFTTrainer",
    about="The same model, sequences, targets, order, optimizer (transformers' default AdamW), "
    "clipping and batch; one sequence a micro-batch, nothing cut, nothing packed. `trl` has "
    "our switches (precision, activation checkpointing), `trl_defaults` its own: bf16 and "
    "activation checkpointing on; `ours_checkpointed` is ours with activation checkpointing. "
    "Ours encodes the rows while it trains; TRL gets them ready. The "
    "loss of the first step is compared. Of the memory columns, `total` is the most the process "
    "held, `working` what a step took above what was held between steps.",
    unit="tokens",
    sides={name: f"{SIDES}:{name}" for name in SIDE_NAMES},
    sizes={
        "cpu": (
            Size("nano, 512 tokens", {**NANO, **EMULATED, "tokens": 512}, rounds=3),
            Size("nano, 2k tokens", {**NANO, "tokens": 2048}, rounds=3),
            Size("100m, 50k vocabulary, 1k tokens", {**LLAMA_100M, "tokens": 1024}, rounds=3),
            Size("100m, 50k vocabulary, 2k tokens", {**LLAMA_100M, "tokens": 2048}, rounds=3),
        ),
        "gpu": (
            Size("1b, 8k tokens", {**GPU_1B, "tokens": 8192}, apart=True),
            Size("1b, 32k tokens", {**GPU_1B, **CHECKPOINTED, "tokens": 32768}, 3, apart=True),
            Size("1b, 64k tokens", {**GPU_1B, **CHECKPOINTED, "tokens": 65536}, 3, apart=True),
            Size("8b, 8k tokens", {**GPU_8B, **CHECKPOINTED, "tokens": 8192}, 3, apart=True),
            Size("8b, 32k tokens", {**GPU_8B, **CHECKPOINTED, "tokens": 32768}, 3, apart=True),
            Size("8b, 64k tokens", {**GPU_8B, **CHECKPOINTED, "tokens": 65536}, 3, apart=True),
        ),
    },
    smoke={
        "cpu": Size("smoke", SMOKE, rounds=2),
        "gpu": Size("smoke", {**SMOKE, **CHECKPOINTED, "dtype": "bfloat16"}, 1, apart=True),
    },
    disagreements=disagreements,
    findings=findings,
    notes=notes,
)
