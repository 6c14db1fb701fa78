"""Inspected training rows as one self-contained HTML page, and the words screen and page share."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from manyicl.errors import listing
from manyicl.files import write_whole
from manyicl.report import html, numbers
from manyicl.training.inspection import InspectedSequence, Inspection, Piece, PlanSummary, TaskShare
from manyicl.training.plan import num_steps

TASK_COLUMNS = ("task", "family", "train rows", "too long", "sequences", "demonstrations", "tokens")
TASK_COLUMNS += ("% of tokens", "% supervised")
NEWLINE = "↵\n"  # a newline that carries loss is shown, others only break the line

# Control characters would steer a terminal and vanish in a page: each is shown by its picture.
_PICTURES = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"}
_PICTURES |= {0x7F: "\u2421"} | {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}


def write_inspection(inspection: Inspection, path: str | Path) -> Path:
    """Write the page and return its path. Raises `RunError` if it cannot be written."""
    return write_whole(path, render_inspection(inspection))


def render_inspection(inspection: Inspection) -> str:
    """Return the page's HTML: no scripts, nothing from outside; all text of tasks is escaped."""
    plan = inspection.plan
    template = html.template(
        "manyicl.report", "inspection.html.jinja", count=numbers.count, plural=numbers.plural
    )
    return template.render(
        rows=[
            {
                "title": row_title(inspection, at),
                "numbers": row_numbers(inspection, at),
                "sequences": [
                    {"title": sequence_title(sequence), "pieces": _pieces(inspection, sequence)}
                    for sequence in row.sequences
                ],
            }
            for at, row in enumerate(inspection.rows)
        ],
        facts=plan_facts(inspection),
        shots=shot_buckets(plan.num_shots),
        columns=TASK_COLUMNS,
        tasks=[task_cells(plan, task) for task in plan.tasks],
        sampled=sampled_note(plan),
        objective=inspection.config.objective.supervise,
    )


def _pieces(inspection: Inspection, sequence: InspectedSequence) -> list[dict[str, Any]]:
    return [
        {
            "text": visible(piece),
            "kind": " ".join(
                name
                for name, holds in (("target", piece.supervised), ("special", piece.special))
                if holds
            ),
            "marker": marker(piece, inspection.uniform) if piece.opens_answer else "",
            "said": _said(piece),
        }
        for piece in sequence.pieces
    ]


def _said(piece: Piece) -> str:
    """Say what a piece is, for who points at it."""
    where = f"answer after {numbers.plural(piece.shot, 'shot')}" if piece.shot >= 0 else "context"
    tokens = numbers.plural(piece.stop - piece.start, "token")
    loss = f"loss weight {piece.weight:.4g} a token" if piece.supervised else "no loss"
    return f"{where}, {tokens} from {piece.start}, {loss}"


def visible(piece: Piece) -> str:
    """Return a piece's text with control characters, and newlines that carry loss, made visible."""
    text = piece.text.translate(_PICTURES)
    return text.replace("\n", NEWLINE) if piece.supervised else text


def marker(piece: Piece, uniform: bool) -> str:
    """Return what stands before an answer: its shot index, and its weight where weights differ."""
    return str(piece.shot) if uniform else f"{piece.shot} ×{piece.weight:.3g}"


def row_title(inspection: Inspection, at: int) -> str:
    row, plan = inspection.rows[at], inspection.plan
    step, steps = row.index // plan.rows_per_step + 1, num_steps(plan.rows, plan.rows_per_step)
    return f"Row {row.index} (rows 0 to {plan.rows - 1}), step {step} of {steps}"


def row_numbers(inspection: Inspection, at: int) -> str:
    """Return a row's tokens, sequences, shots and supervised share in one line."""
    row = inspection.rows[at]
    shots = sum(sequence.num_shots for sequence in row.sequences)
    return (
        f"{row.num_tokens:,} of {inspection.plan.max_tokens:,} tokens, "
        f"{numbers.plural(len(row.sequences), 'sequence')}, "
        f"{numbers.plural(shots, 'demonstration')}, "
        f"{row.num_supervised:,} supervised tokens ({_share(row.num_supervised, row.num_tokens)})"
    )


def sequence_title(sequence: InspectedSequence) -> str:
    said = (
        f"Task {sequence.task}: {numbers.plural(sequence.num_shots, 'demonstration')}, "
        f"{sequence.num_tokens:,} tokens, "
        f"{_share(sequence.num_supervised, sequence.num_tokens)} supervised; train examples "
        + listing([str(row) for row in sequence.train_rows], 20)
    )
    if sequence.symbols:
        pairs = [f"{label} = {symbol}" for label, symbol in sequence.symbols.items()]
        said += f"; symbols for labels: {listing(pairs, 10)}"
    return said


def plan_facts(inspection: Inspection) -> list[tuple[str, str]]:
    """Return what the whole run will show, as pairs of a name and a text."""
    plan, objective = inspection.plan, inspection.config.objective
    tokens, room = plan.total("tokens"), plan.rows * plan.max_tokens
    shots = sorted(plan.num_shots.elements())
    too_long = [f"{task.too_long:,} of {task.name}" for task in plan.tasks if task.too_long]
    asked = inspection.config.episodes.shots
    fewer = "none" if plan.fewer_shots == 0 else f"{plan.fewer_shots:,} of {plan.drawn:,} drawn"
    if asked == "fill":
        fewer = "does not apply: each takes as many as fit"
    return [
        ("rows", f"{plan.rows:,} ({num_steps(plan.rows, plan.rows_per_step):,} steps of "
                 f"{plan.rows_per_step})"),
        ("sequences", f"{plan.sequences:,} ({plan.sequences / plan.rows:.4g} a row)"),
        ("demonstrations", f"{plan.total('demonstrations'):,}"),
        ("tokens", f"{tokens:,} ({_share(tokens, room)} of the rows' room)"),
        ("supervised", f"{_supervised(plan)} of the tokens ({objective.supervise}, "
                       f"{objective.normaliser})"),
        ("demonstrations a sequence", f"{shots[0]} to {shots[-1]}, median "
                                      f"{shots[len(shots) // 2]}"),
        ("train examples left out", "none" if not too_long else
            f"longer than {plan.max_tokens:,} tokens: {listing(too_long, 10)}"),
        (f"fewer demonstrations than asked for ({asked})", fewer),
    ]  # fmt: skip


def shot_buckets(num_shots: Counter[int]) -> list[tuple[str, int, float]]:
    """Return (demonstrations in a sequence, sequences, share of the largest) by powers of two.

    >>> shot_buckets(Counter({1: 2, 2: 1, 3: 3}))
    [('1', 2, 0.5), ('2-3', 4, 1.0)]
    """
    counts: dict[int, int] = {}
    for shots, number in num_shots.items():
        power = shots.bit_length() - 1
        counts[power] = counts.get(power, 0) + number
    most = max(counts.values())
    return [
        (
            "1" if power == 0 else f"{1 << power}-{(2 << power) - 1}",
            counts.get(power, 0),
            counts.get(power, 0) / most,
        )
        for power in range(min(counts), max(counts) + 1)
    ]


def task_cells(plan: PlanSummary, task: TaskShare) -> tuple[str, ...]:
    """Return a task's line in the order of `TASK_COLUMNS`."""
    supervised = _share(task.sampled_supervised, task.sampled_tokens)
    return (
        task.name,
        task.family,
        f"{task.train_rows:,}",
        f"{task.too_long:,}" if task.too_long else "",
        f"{task.sequences:,}",
        f"{task.demonstrations:,}",
        f"{task.tokens:,}",
        _share(task.tokens, plan.total("tokens")),
        supervised,
    )


def sampled_note(plan: PlanSummary) -> str:
    """Say what the supervised shares were counted on."""
    if plan.sampled_rows == plan.rows:
        return ""
    return (
        f"Supervised shares: from {plan.sampled_rows:,} rows spread over the run's {plan.rows:,}."
    )


def _supervised(plan: PlanSummary) -> str:
    return _share(plan.total("sampled_supervised"), plan.total("sampled_tokens"))


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"
