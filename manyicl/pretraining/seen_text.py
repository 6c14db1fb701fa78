"""Which text a pre-training has read: its streams replayed from settings and log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from manyicl.pretraining.settings import PretrainingConfig
from manyicl.pretraining.text_stream import TextStream

ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class StageDone:
    """What one stage took; where the log does not say (`planned`), what the settings ask for."""

    tokens: int
    text_rows: int
    planned: bool = False


@dataclass(frozen=True)
class SeenText:
    """By source: training tokens read, repeats included, and which tokens [source tokens] of it.

    `rows`: by stage, and there by source, the rows taken.
    """

    tokens: Mapping[str, int]
    masks: Mapping[str, np.ndarray]
    rows: tuple[Mapping[str, int], ...]


def stages_done(config: PretrainingConfig, log: Iterable[Mapping[str, Any]]) -> list[StageDone]:
    """Return what each stage took, from the lines of log.jsonl that end a stage."""
    ends = {line["finished"]: line for line in log if "finished" in line}
    found: list[StageDone] = []
    before = 0
    for number, stage in enumerate(config.stages):
        if number in ends:
            line = ends[number]
            found.append(StageDone(line["tokens"] - before, line["text_rows"]))
            before = line["tokens"]
            continue
        tokens = stage.num_steps * stage.tokens_per_step
        share = stage.mixture.get("text", 0.0) / sum(stage.mixture.values())
        rows = round(stage.num_steps * stage.rows_per_step * share)
        found.append(StageDone(tokens, rows, planned=True))
        before += tokens
    return found


def seen_text(
    config: PretrainingConfig,
    sizes: Mapping[str, int],
    weights: Mapping[str, float] | None,
    done: Sequence[StageDone],
) -> SeenText:
    """Replay the text streams of all stages over sources of `sizes` training tokens."""
    starts = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    # A stream over positions takes the same rows as one over ids: the draw knows sizes only.
    positions = {name: np.arange(at, at + sizes[name]) for name, at in starts.items()}
    seen = np.zeros(sum(sizes.values()), bool)
    taken: Counter[str] = Counter(dict.fromkeys(sizes, 0))
    by_stage: list[Mapping[str, int]] = []
    for number, stage in enumerate(done):
        by_stage.append({})
        if not stage.text_rows:
            continue
        stream = TextStream(
            positions,
            config.stages[number].row_tokens,
            weights=weights,
            seed=config.text_seed(number),
        )
        for start in range(0, stage.text_rows, ROWS_AT_ONCE):
            seen[stream.take(min(ROWS_AT_ONCE, stage.text_rows - start))] = True
        by_stage[-1] = stream.rows_taken
        for name, rows in stream.rows_taken.items():
            taken[name] += rows * stream.row_tokens
    masks = {name: seen[at : at + sizes[name]] for name, at in starts.items()}
    return SeenText(dict(taken), masks, tuple(by_stage))
