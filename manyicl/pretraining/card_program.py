"""The part of the model card that tells how the model was made: stages, patterns, sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from manyicl.pretraining.patterns import GROUPS, PATTERNS
from manyicl.pretraining.settings import PretrainingConfig

BLOCKS = "A block of random tokens, again and again."
HEAD_START = (
    "**Before the first step.** The model did not start from random weights alone. Biases on "
    "queries and keys make the first half of the heads of layer 0, and one head of layer 1, look "
    "at the previous token, and the other heads of layer 0 at the last few; in all other heads the "
    "query and key maps start equal, and the output map starts as the transpose of the value map "
    "(likes attend to likes, and copy). All of it was trained on."
)


def table(rows: Sequence[Sequence[str]], numbers: bool = False) -> list[str]:
    """Return a Markdown table, the first row its head; `numbers` stand right from column 2 on."""
    width = len(rows[0])
    rule = ["---", *["--:" if numbers else "---"] * (width - 1)]
    return [_row(rows[0]), "|" + "|".join(rule) + "|", *(_row(row) for row in rows[1:])]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def program_lines(config: PretrainingConfig, measured: dict[str, Any]) -> list[str]:
    """Return the training program: stages, optimizer, generated documents, head start."""
    done = measured["training"]["stages"]
    rows = [["stage", "M tokens", "row length", "rows a step", "learning rate", "rows hold"]]
    for stage, took in zip(config.stages, done, strict=True):
        mixture = ", ".join(
            f"{kind} {100 * share:.0f} %" for kind, share in _shares(stage.mixture).items() if share
        )
        rows.append(
            [
                stage.name,
                f"{took['tokens'] / 1e6:.2f}" + " (planned)" * took["planned"],
                f"{stage.row_tokens:,}",
                str(stage.rows_per_step),
                " to ".join(f"{rate:g}" for rate in stage.learning_rate),
                mixture,
            ]
        )
    lines = ["## Training program", "", *table(rows), ""]
    training = measured["training"]
    lines += [
        f"{training['steps']:,} steps, {training['tokens'] / 1e6:.2f} M tokens in all. "
        "Matrices were trained by Muon, embeddings, norms and biases by AdamW at "
        f"{config.embedding_learning_rate:g} times the rate. Weight of a token in the loss: 1 in "
        f"text; in generated documents {config.settled_weight:g} where what stands before settles "
        f"it, else {config.open_weight:g}.",
        "",
    ]
    if getattr(config.shape, "head_start", False):
        lines += [HEAD_START, ""]
    return [*lines, *_pattern_lines(config, measured)]


def _pattern_lines(config: PretrainingConfig, measured: dict[str, Any]) -> list[str]:
    done = measured["training"]["stages"]
    by_kind: Counter[str] = Counter()
    for stage, took in zip(config.stages, done, strict=True):
        for kind, share in _shares(stage.mixture).items():
            by_kind[kind] += share * took["tokens"]  # type: ignore[assignment]
    made = {kind: tokens for kind, tokens in by_kind.items() if kind != "text" and tokens}
    if not made:
        return []
    share = sum(made.values()) / sum(by_kind.values())
    lines = [
        "### Generated documents",
        "",
        f"About {100 * share:.0f} % of the tokens are documents generated during training, in "
        "which what comes next can be found in what came before: base models of today meet such "
        "patterns in their text, and learn from their context because of them. They are made of "
        "corpus words, corpus sentences, invented words and small word lists, with labels drawn "
        "anew for each document. They are disjoint in kind from the tasks used for evaluation, and "
        "no row of any task, built-in or not, was trained on. Some stand in the layouts that this "
        "project asks its questions in (`Input:` / `Output:` lines, chat turns), so the layouts "
        "are known to the model.",
        "",
    ]
    for kind, tokens in sorted(made.items(), key=lambda item: -item[1]):
        lines.append(f"- `{kind}`, about {tokens / 1e6:.2f} M tokens")
        if kind == "blocks":
            lines[-1] += f": {BLOCKS}"
        elif kind in GROUPS:
            lines += [f"  - `{name}`: {_says(pattern)}" for name, pattern in GROUPS[kind].items()]
        else:
            lines[-1] += f": {_says(PATTERNS[kind])}"
    return [*lines, ""]


def source_lines(config: PretrainingConfig, measured: dict[str, Any]) -> list[str]:
    """Return the sources of text with licences, shares and how much of each was read."""
    found = measured["sources"]
    seen = sum(source["seen_tokens"] for source in found)
    total = measured["training"]["tokens"]
    rows = [["source", "origin and licence", "share", "M tokens read", "M tokens it has", "times"]]
    for source in found:
        rows.append(
            [
                source["name"],
                config.licences.get(source["name"], "not stated in the settings"),
                f"{100 * source['seen_tokens'] / seen:.1f} %" if seen else "",
                f"{source['seen_tokens'] / 1e6:.2f}",
                f"{source['train_tokens'] / 1e6:.2f}",
                f"{source['seen_tokens'] / source['train_tokens']:.2f}",
            ]
        )
    return [
        "## Sources of text",
        "",
        f"{seen / 1e6:.2f} M of the {total / 1e6:.2f} M tokens are text. Share: of the text read. "
        "Times: how often the source was read on average. One document in a hundred, chosen by a "
        "hash of its text, was held out.",
        "",
        *table(rows),
        "",
    ]


def _shares(mixture: dict[str, float]) -> dict[str, float]:
    total = sum(mixture.values())
    return {kind: share / total for kind, share in mixture.items()}


def _says(pattern: Any) -> str:
    """Return the first line of a pattern's own description."""
    return (pattern.__doc__ or "not described.").strip().splitlines()[0]
