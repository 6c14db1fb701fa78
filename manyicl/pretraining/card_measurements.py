"""The part of the model card that tells what was measured."""

from __future__ import annotations

from typing import Any

from manyicl.pretraining.card_program import table
from manyicl.pretraining.raw_kshot import closed_label_table, family_table

MOST_CURVE_ROWS = 10


def measurement_lines(measured: dict[str, Any]) -> list[str]:
    """Return the tables of all measurements."""
    return [
        "## Measurements",
        "",
        "Of the weights in this folder"
        + (", matrix products in bf16." if measured["bf16"] else ", computed in fp32."),
        "",
        *_text(measured["bits_per_byte"], "last program" if measured.get("start") else "model"),
        *_positions(measured["by_position"]),
        *_probes(measured["probes"], measured["curve"]["probes"]),
        *_shots(measured["shots"]),
        *_kshot(measured.get("kshot")),
    ]


def _text(found: dict[str, Any], reader: str) -> list[str]:
    lines = ["### Bits per byte of held-out text", ""]
    if not found["sources"]:
        return [*lines, "No text is held out.", ""]
    rows = [["source", "documents", "tokens", "bytes", "nats a token", "model", "n-gram"]]
    for row in found["sources"]:
        counts = [f"{row[key]:,}" for key in ("documents", "tokens", "bytes")]
        scores = [f"{row['nats_per_token']:.3f}", _bits(row["model"]), _bits(row["ngram"])]
        rows.append([row["name"], *counts, *scores])
    overall = found["overall"]
    rows.append(
        ["by share in training", "", "", "", "", _bits(overall["model"]),
         _bits(overall.get("ngram"))]
    )  # fmt: skip
    return [
        *lines,
        "Lower is better. The held-out documents of a source stand one after another, each with "
        f"its end mark. Windows of {found['context']:,} tokens, half a window apart: "
        f"a token is predicted from {found['context'] // 2:,} to {found['context'] - 1:,} tokens "
        "before it (the first ones from what there is). Divisor: bytes of the text, and one for "
        "each end mark; both models predict both. The n-gram model is an interpolated modified "
        f"Kneser-Ney model of order {found['order']} over the same tokens, fitted on the "
        f"{found['ngram_tokens'] / 1e6:.2f} M tokens of text that the {reader} read, "
        "each taken once however often it was read.",
        "",
        *table(rows, numbers=True),
        "",
    ]


def _positions(found: dict[str, Any]) -> list[str]:
    lines = ["### Loss by position", ""]
    if not found["buckets"]:
        return [*lines, "No held-out document is long enough.", ""]
    drawn = ", ".join(f"{number} of {name}" for name, number in found["windows"].items())
    rows = [["tokens before", "nats a token"]]
    rows += [[f"{b['from']:,}-{b['to']:,}", f"{b['nats']:.3f}"] for b in found["buckets"]]
    return [
        *lines,
        f"Windows of {found['window_tokens']:,} tokens within one held-out document ({drawn}); all "
        "rows are of the same windows.",
        "",
        *table(rows, numbers=True),
        "",
    ]


def _probes(found: dict[str, float], curve: dict[str, list[list[float]]]) -> list[str]:
    names = list(found)
    points = {n: {point[0]: point[1] for point in curve.get(n, [])} for n in names}
    at = sorted({tokens for values in points.values() for tokens in values})
    if len(at) > MOST_CURVE_ROWS:  # evenly spaced, the last one in any case
        step = (len(at) - 1) / (MOST_CURVE_ROWS - 1)
        at = [at[round(i * step)] for i in range(MOST_CURVE_ROWS)]
    rows = [["M tokens", *names]]
    for tokens in at:
        cells = [f"{points[n][tokens]:.3f}" if tokens in points[n] else "" for n in names]
        rows.append([f"{tokens / 1e6:.2f}", *cells])
    rows.append(["this folder", *(f"{found[name]:.3f}" for name in names)])
    return [
        "### Probes of in-context learning",
        "",
        "`first_copy` and `second_copy`: nats a token of a block of random tokens and of its "
        "repetition (induction: the second is near 0). The others: share of answers in the second "
        "half of generated documents whose first token is found, of those that the text before "
        "settles; the seeds of these documents are not used in training.",
        "",
        *table(rows, numbers=True),
        "",
    ]


def _shots(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    spans = sorted({(b["from"], b["to"]) for buckets in found.values() for b in buckets})
    if not spans:
        return []
    rows = [["pattern", *(f"{low}-{high}" for low, high in spans)]]
    for name, buckets in found.items():
        by_span = {(b["from"], b["to"]): b for b in buckets}
        cells = [_accuracy(by_span[span]) if span in by_span else "" for span in spans]
        rows.append([name, *cells])
    return [
        "### Fuzzy matching by lines seen",
        "",
        "Per cent of answers that are right (all tokens), by the number of lines before, where "
        "what decides the answer (a word, phrase or source) has occurred in a line before, or the "
        "answer stands in its own line. In brackets: what a draw among the answers seen so far "
        "would get.",
        "",
        *table(rows, numbers=True),
        "",
    ]


def _kshot(found: dict[str, Any] | None) -> list[str]:
    lines = ["### Raw k-shot results", ""]
    if found is None:
        return [*lines, "Not measured yet: `manyicl pretrain ... --card --kshot`.", ""]
    lines += [
        f"The built-in tasks, not trained on: {found['num_queries']} queries a task at most, one "
        "seed, plain template; where k demonstrations do not fit the context, as many as fit. Mean "
        "over tasks of each task's main metric, in per cent.",
        "",
        *table(family_table(found), numbers=True),
        "",
    ]
    closed = closed_label_table(found)
    if len(closed) > 1:
        lines += ["Accuracy on tasks with closed labels, in per cent; `held out` and `held in` are "
                  "the sides of the fixed split for fine-tuning.", "",
                  *table(closed, numbers=True), ""]  # fmt: skip
    return lines


def _accuracy(bucket: dict[str, Any]) -> str:
    guess = "" if bucket["guess"] is None else f" ({100 * bucket['guess']:.0f})"
    return f"{100 * bucket['accuracy']:.0f}{guess}"


def _bits(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
