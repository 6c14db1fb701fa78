"""The k-shot curve of a task on rows set aside from its train split, and what guessing scores.

The test split is never opened: who chooses shots by it has no test left. A part of the train rows
are the queries; no near-duplicate of one is shown to any (`evaluation/kshot.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from manyicl.config import EvaluationConfig
from manyicl.episodes import EncodedPool, Pool
from manyicl.errors import ConfigError, EpisodeError
from manyicl.evaluation.baselines import majority
from manyicl.evaluation.kshot import TaskSweep
from manyicl.evaluation.metrics import metrics_for, score_predictions
from manyicl.inference import Engine
from manyicl.inference.room import UNLIMITED
from manyicl.study.advice.rules import Measured
from manyicl.tasks import Example, Task
from manyicl.tasks.task import Metric

MIN_ROWS, MIN_QUERIES = 16, 8
QUERY_SHARE = 4  # one train row in so many is a query
Advance = Callable[[int, int, str], None]
"""Told (steps done, steps in all, what was measured)."""


@dataclass(frozen=True)
class AdviseSettings:
    """How much is measured."""

    queries: int = 40
    """Train rows set aside as queries: a quarter of the rows, at most so many, at least 8."""
    seeds: int = 3
    """Draws of random demonstrations."""
    max_shots: int = 128
    """Largest k measured, if context and pool hold it; 0 sets no limit."""
    max_tokens: int = 0
    """Token budget of prefix, query and answer; 0 takes the model's own limit."""
    max_new_tokens: int = 64
    """Longest generated answer."""
    seed: int = 0
    """Of the choice of queries."""

    def __post_init__(self) -> None:
        least = {"queries": MIN_QUERIES, "seeds": 1, "max_shots": 0, "max_tokens": 0}
        for name, number in {**least, "max_new_tokens": 1}.items():
            if getattr(self, name) < number:
                option = "--" + name.replace("_", "-")
                raise ConfigError(f"{option}: is {getattr(self, name)}; at least {number}.")


def set_aside(engine: Engine, task: Task, settings: AdviseSettings) -> tuple[Task, int]:
    """Return the task with train rows parted in two: its `test` are queries, its `train` the rest.

    The second value counts rows that were passed over as queries because the context does not hold
    them. Raises `EpisodeError` where it holds fewer than eight.
    """
    rows = task.train
    wanted = max(MIN_QUERIES, min(settings.queries, len(rows) // QUERY_SHARE))
    opening = len(EncodedPool(Pool(task), engine.encoder).opening())
    limits = [number for number in (engine.context_length, settings.max_tokens) if number]
    limit = min(limits, default=UNLIMITED)
    chosen: list[int] = []
    too_long = 0
    for row in Pool(task).rng("advise", settings.seed).permutation(len(rows)).tolist():
        if len(chosen) == wanted:
            break
        if opening + engine.query_tokens(task, rows[row], settings.max_new_tokens) > limit:
            too_long += 1
        else:
            chosen.append(row)
    if len(chosen) < MIN_QUERIES:
        raise EpisodeError(
            f"task '{task.name}': {too_long} of {len(rows)} train rows do not fit the {limit:,} "
            f"tokens of the context as queries; at least {MIN_QUERIES} have to. Use a model of "
            "longer context, a higher --max-tokens, a lower --max-new-tokens, or shorter rows."
        )
    parts: dict[str, list[Example]] = {
        "test": [rows[row] for row in sorted(chosen)],
        "train": [example for row, example in enumerate(rows) if row not in set(chosen)],
    }
    return dataclasses.replace(task, load=lambda split: parts[split], folder=None), too_long


def shot_numbers(held: int, most: int = 0) -> list[int]:
    """Return 0, 1, 2, 4 ... up to what is held, and at most `most` (0: no limit)."""
    top = min(held, most) if most else held
    return [0, *(2**power for power in range(top.bit_length()) if 2**power <= top)]


def measure_curve(
    sweep: TaskSweep,
    config: EvaluationConfig,
    shots: Sequence[int],
    metric: Metric,
    advance: Advance,
) -> Iterator[Measured]:
    """Yield every point, k by k: random shots, then similar ones, telling of each step."""
    steps = len(config.seeds) + len(shots) - 1
    by_seed = []
    for seed in config.seeds:
        by_seed.append(_run(sweep, config, "random", shots, seed, metric))
        advance(len(by_seed), steps, f"random, draw {seed + 1}")
    for k in shots:
        parts = [found[k] for found in by_seed]
        yield dataclasses.replace(
            parts[0],
            scores=np.concatenate([part.scores for part in parts]),
            effective_shots=float(np.mean([part.effective_shots for part in parts])),
            prompt_tokens=float(np.mean([part.prompt_tokens for part in parts])),
        )
    for step, k in enumerate(shots[1:], start=len(config.seeds) + 1):
        yield _run(sweep, config, "similar", [k], config.seeds[0], metric)[k]
        advance(step, steps, f"similar, {k} shot{'' if k == 1 else 's'}")


def _run(
    sweep: TaskSweep,
    config: EvaluationConfig,
    selection: Any,
    shots: Sequence[int],
    seed: int,
    metric: Metric,
) -> dict[int, Measured]:
    asked = dataclasses.replace(config, selection=selection, num_shots=list(shots), seeds=[seed])
    scores, samples = sweep.with_config(asked).run("advise", held_out=True)
    found = {}
    for score in scores:
        rows = [sample for sample in samples if sample.num_shots == score.num_shots]
        found[score.num_shots] = Measured(
            selection,
            score.num_shots,
            score.effective_shots,
            np.array([[row.metrics[metric] for row in rows]]),
            float(np.mean([len(row.prompt) for row in rows])),
        )
    return found


def single_answer_metric(task: Task) -> Metric:
    """Return the task's metric, or that of single answers: macro-F1 is no mean over queries."""
    if task.metric != "macro_f1":
        return task.metric
    return next(metric for metric in metrics_for(task) if metric != "macro_f1")


def guessing(task: Task, metric: Metric) -> tuple[Any, float, float | None]:
    """Return the scores of guessing that points are compared with (one a query), the score of the
    most frequent answer, and that of chance."""
    answers = majority(task, task.train, task.test)
    scores = score_predictions(metric, answers, task.test, task.labels).per_item
    frequent = float(np.mean(scores))
    if task.kind == "generation":
        return scores, frequent, None
    # By the options of each query: in multiple choice their number may differ.
    chances = [1 / len(task.options_of(query)) for query in task.test]
    chance = float(np.mean(chances))
    return (chances if chance > frequent else scores), frequent, chance
