"""Retention: what a model still can do besides the tasks it was fine-tuned on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from manyicl.config.schema import EvaluationConfig
from manyicl.errors import ConfigError
from manyicl.study.retention.plain_text import PYTHON_DOCS, PlainText
from manyicl.study.retention.probe_tasks import NUM_TEST, NUM_TRAIN

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from manyicl.inference import Engine

ANSWER_TOKENS = 32  # the longest answer of a probe is eight short numbers


@dataclass
class RetentionSettings:
    text: str = PYTHON_DOCS
    """Plain text that no task comes from: `python_docs` (the documentation topics of this Python),
    a folder of *.txt, a .txt, or a .jsonl with "text"."""
    max_tokens: int = 20_000
    """Tokens of it that bits per byte are measured on."""
    num_shots: int = 32
    """Demonstrations before each query of the in-context probes."""
    max_queries: int = 40
    """Test rows of each probe; 0 takes all 60."""
    generations: int = 16
    """Openings of the text that are continued."""
    new_tokens: int = 64
    """Longest continuation."""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ConfigError(
                f"study.retention.text: is empty. Use {PYTHON_DOCS}, or name a file or folder."
            )
        for key, low, high in (
            ("max_tokens", 100, None),
            ("num_shots", 0, NUM_TRAIN),
            ("max_queries", 0, NUM_TEST),
            ("generations", 1, None),
            ("new_tokens", 1, None),
        ):
            value = getattr(self, key)
            if value < low or (high is not None and value > high):
                allowed = f"at least {low}" if high is None else f"from {low} to {high}"
                raise ConfigError(f"study.retention.{key}: is {value}; it must be {allowed}.")


class Measurement(NamedTuple):
    """A measure's name as in `records.Retention`, its value, and which way is good."""

    measure: str
    value: float
    higher_is_better: bool


def measure_retention(
    engine: Engine,
    base: Engine | None,
    texts: PlainText,
    settings: RetentionSettings,
    *,
    tokenizer: PreTrainedTokenizerBase,
    seed: int,
) -> list[Measurement]:
    """Return bits per byte of `texts`, `icl/...` and `generation/...` of the engine's model.

    `base` None: the engine is the base itself. `tokenizer`: that of both. `seed` decides the
    demonstrations and what is drawn in generation; texts, probes and queries are the same for every
    seed and model, so that differences are paired. Raises what the measures raise: `StudyError`,
    `RunError`, and `EpisodeError` for a context too short for a probe.
    """
    from manyicl.study.retention.free_generation import free_generation
    from manyicl.study.retention.text_loss import bits_per_byte

    model: Any = engine.model
    found = [
        Measurement(
            "text_bits_per_byte",
            bits_per_byte(model, tokenizer, texts, settings.max_tokens),
            False,
        )
    ]
    for measure, value in icl_scores(engine, settings, [seed]).items():
        found.append(Measurement(f"icl/{measure}", value, True))
    written = free_generation(
        model,
        base.model if base else None,
        tokenizer,
        texts,
        num=settings.generations,
        new_tokens=settings.new_tokens,
        seed=seed,
    )
    # Only variety is good for itself; the rest is to stay where the base has it.
    for name, value in written.items():
        found.append(Measurement(f"generation/{name}", value, name == "distinct_2"))
    return found


def icl_scores(
    engine: Engine, settings: RetentionSettings, seeds: Sequence[int]
) -> dict[str, float]:
    """Return the mean score by measure (`flipped_labels`, ...) over its probe tasks and seeds."""
    by_measure: dict[str, list[float]] = {}
    for (measure, _), score in probe_scores(engine, settings, seeds).items():
        by_measure.setdefault(measure, []).append(score)
    return {name: sum(scores) / len(scores) for name, scores in by_measure.items()}


def probe_scores(
    engine: Engine, settings: RetentionSettings, seeds: Sequence[int]
) -> dict[tuple[str, str], float]:
    """Return the mean score over seeds by (measure, task), in [0, 1].

    Demonstrations that do not fit the context are left out, and a note says of which task.
    """
    from manyicl.evaluation.kshot import TaskSweep
    from manyicl.study.retention.probe_tasks import probe_tasks

    asked = EvaluationConfig(
        num_shots=[settings.num_shots],
        seeds=list(seeds),
        max_queries=settings.max_queries,
        max_new_tokens=ANSWER_TOKENS,
        samples=False,
    )
    found: dict[tuple[str, str], float] = {}
    for measure, tasks in probe_tasks().items():
        for task in tasks:
            (score,), _ = TaskSweep(engine, task, asked).run("retention", held_out=True)
            if score.effective_shots < settings.num_shots:
                print(
                    f"note: retention, {task.name}: {score.effective_shots:g} of "
                    f"{settings.num_shots} demonstrations fit the context",
                    file=sys.stderr,
                )
            found[measure, task.name] = score.mean
    return found
