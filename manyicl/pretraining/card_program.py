"""The part of the model card that tells how the model was made: stages, patterns, sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from manyicl.pretraining.card_history import Program, licences, programs, unrecorded
from manyicl.pretraining.patterns import GROUPS, PATTERNS
from manyicl.pretraining.settings import PretrainingConfig
from manyicl.pretraining.token_file import HELD_OUT_ONE_IN, PART_CHARS

BLOCKS = "A block of random tokens, again and again."
HEAD_START = (
    "**Before the first step.** The model did not start from random weights alone: they were "
    "arranged so that it compares lines from the start. In layer 0 one head looks at the previous "
    "token, and the others sum up the tokens just before, rare ones more, each into directions of "
    "its own. In layer 1 (and fainter in layer 2) one head looks for places that stand after the "
    "same token as now, the others also for lines whose sum is like that of the current line; they "
    "copy what stands there. In later layers the query and key maps of a head start equal, and its "
    "output map as the transpose of its value map (likes attend to likes, and copy). All of it was "
    "trained on."
)
EARLIER_HEAD_START = (
    "**Before the first step.** Program 1 did not start from random weights alone; the card of the "
    "model that it made says how they were arranged."
)
GONE = "a pattern of an earlier version, which no longer exists."


def table(rows: Sequence[Sequence[str]], numbers: bool = False) -> list[str]:
    """Return a Markdown table, the first row its head; `numbers` stand right from column 2 on."""
    width = len(rows[0])
    rule = ["---", *["--:" if numbers else "---"] * (width - 1)]
    return [_row(rows[0]), "|" + "|".join(rule) + "|", *(_row(row) for row in rows[1:])]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def program_lines(config: PretrainingConfig, measured: dict[str, Any]) -> list[str]:
    """Return the training programs in order: stages, optimizer, generated documents, head start."""
    told = programs(config, measured)
    lines = ["## Training program", ""]
    for number, program in enumerate(told, start=1):
        if len(told) > 1:
            lines += [f"### Program {number} of {len(told)}", "", _beginning(program, number), ""]
        lines += _stage_lines(program)
    if len(told) > 1:
        steps, tokens = (sum(getattr(p, key) for p in told) for key in ("steps", "tokens"))
        lines += [f"All programs: {steps:,} steps, {tokens / 1e6:.2f} M tokens.", ""]
    first = told[0].settings
    if first is not None and first["shape"].get("head_start", False):
        # Of a program before this one nobody knows which version made it.
        lines += [EARLIER_HEAD_START if len(told) > 1 else HEAD_START, ""]
    return [*lines, *_pattern_lines(told)]


def _beginning(program: Program, number: int) -> str:
    if number == 1:
        return "From random weights."
    return (
        f"From the weights of program {number - 1} (SHA-256 `{program.began_from}`), with the same "
        "tokenizer and a fresh optimizer."
    )


def _stage_lines(program: Program) -> list[str]:
    took = f"{program.steps:,} steps, {program.tokens / 1e6:.2f} M tokens in all. "
    settings = program.settings
    if settings is None:
        return [f"{took}Its stages and settings were not recorded.", ""]
    rows = [["stage", "M tokens", "row length", "rows a step", "learning rate", "rows hold"]]
    for stage, done in zip(settings["stages"], program.stages, strict=True):
        mixture = ", ".join(
            f"{kind} {100 * share:.0f} %"
            for kind, share in _shares(stage["mixture"]).items()
            if share
        )
        rows.append(
            [
                stage["name"],
                f"{done['tokens'] / 1e6:.2f}" + " (planned)" * done["planned"],
                f"{stage['row_tokens']:,}",
                str(stage["rows_per_step"]),
                " to ".join(f"{rate:g}" for rate in stage["learning_rate"]),
                mixture,
            ]
        )
    return [
        *table(rows),
        "",
        f"{took}Matrices were trained by Muon, embeddings, norms and biases by AdamW at "
        f"{settings['embedding_learning_rate']:g} times the rate. Weight of a token in the loss: 1 "
        f"in text; in generated documents {settings['settled_weight']:g} where what stands before "
        f"settles it, else {settings['open_weight']:g}.",
        "",
    ]


def _pattern_lines(told: list[Program]) -> list[str]:
    by_kind: Counter[str] = Counter()
    for program in told:
        stages = program.settings["stages"] if program.settings else []
        for stage, done in zip(stages, program.stages, strict=True):
            for kind, share in _shares(stage["mixture"]).items():
                by_kind[kind] += share * done["tokens"]  # type: ignore[assignment]
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
        "anew for each document. None is a row of a built-in task. In kind some come close to "
        "built-in tasks, with other words and labels: in `noisy_keys` one word of a line decides, "
        "as in `codebook` (held in); in `word_sets` a class is a set of words, as in `odd_symbols` "
        "(held in); in `by_word` a word of a sentence does, as in `animal_cities` (held out); in "
        "`templates` and `cue_phrases` lines are put together from phrases, as the messages of "
        "`bank_intent` (held in) and `helpdesk_queue` (held out) are; things are looked up in "
        "pages, as in `directory_question` (held in) and `schedule_question` (held out); and in "
        "`same_or_other` two sentences are compared, as in `same_message` (held in)."
        f"{unrecorded(told)}",
        "",
    ]
    for kind, tokens in sorted(made.items(), key=lambda item: -item[1]):
        lines.append(f"- `{kind}`, about {tokens / 1e6:.2f} M tokens")
        if kind == "blocks":
            lines[-1] += f": {BLOCKS}"
        elif kind in GROUPS:
            lines += [f"  - `{name}`: {_says(pattern)}" for name, pattern in GROUPS[kind].items()]
        else:
            lines[-1] += f": {_says(PATTERNS[kind]) if kind in PATTERNS else GONE}"
    return [*lines, ""]


def source_lines(config: PretrainingConfig, measured: dict[str, Any]) -> list[str]:
    """Return the sources of text with licences, shares and how much of each was read."""
    told = programs(config, measured)
    named = licences(told)
    # Of one name but another size, it is another text.
    found: Counter[tuple[str, int]] = Counter()
    for program in reversed(told):
        for name, (read, has) in program.sources.items():
            found[name, has] += read
    seen, total = sum(found.values()), sum(program.tokens for program in told)
    rows = [["source", "origin and licence", "share", "M tokens read", "M tokens it has", "times"]]
    for (name, has), read in found.items():
        rows.append(
            [
                name,
                named.get(name, "not stated in the settings"),
                f"{100 * read / seen:.1f} %" if seen else "",
                f"{read / 1e6:.2f}",
                f"{has / 1e6:.2f}",
                f"{read / has:.2f}",
            ]
        )
    return [
        "## Sources of text",
        "",
        f"{seen / 1e6:.2f} M of the {total / 1e6:.2f} M tokens are text.{unrecorded(told)} Share: "
        "of the text read. Times: how often the source was read on average. One document in "
        f"{HELD_OUT_ONE_IN}, chosen by a hash of its text, was held out; a document longer than "
        f"{PART_CHARS:,} characters was cut into parts first, each on its own side.",
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
