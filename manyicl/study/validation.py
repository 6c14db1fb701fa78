"""What a search is scored with: the loss of answers of tasks that its trials did not train on.

A loss in nats tells learning rates apart where accuracies of a few hundred answers cannot. Queries
and demonstrations come from the train split, so that no test row decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from manyicl.episodes import EncodedPool, Pool, shared_order
from manyicl.inference import Engine
from manyicl.inference.room import fitting_rows
from manyicl.inference.score import OptionQuery, score_options
from manyicl.tasks import Task

QUERIES = 48  # a task; fewer where half its rows are fewer


def validation_loss(
    engine: Engine, tasks: Sequence[Task], num_shots: int, max_tokens: int, seed: int
) -> float:
    """Return the mean loss (nats per answer token) after `num_shots` demonstrations.

    Demonstrations are random ones, as many as fit `max_tokens` with the query and its answer;
    every task weighs the same. A query longer than that is left out.
    """
    return float(np.mean([_task_loss(engine, task, num_shots, max_tokens, seed) for task in tasks]))


def _task_loss(engine: Engine, task: Task, num_shots: int, max_tokens: int, seed: int) -> float:
    pool = EncodedPool(Pool(task), engine.encoder)
    order = pool.pool.rng("validation", seed).permutation(len(pool)).tolist()
    queries = order[: max(1, min(QUERIES, len(pool) // 2))]
    opening = len(pool.opening())
    lengths = {row: len(pool.demonstration(row)) for row in queries}
    queries = [row for row in queries if opening + lengths[row] <= max_tokens] or queries[:1]
    # Their near-duplicates are excluded, and so are they themselves.
    near = pool.pool.near_duplicates
    exclude = set(queries).union(*(near[row] for row in queries))
    shown = shared_order(pool.pool, "random", seed, exclude)
    room = max_tokens - max(lengths[row] for row in queries)
    prefix = engine.prefix(pool, fitting_rows(pool, shown, room, num_shots))
    asked = [
        OptionQuery(list(demonstration.prompt), [list(demonstration.target)])
        for demonstration in map(pool.demonstration, queries)
    ]
    scores = score_options(engine.model, prefix, asked, tokens_per_batch=engine.limits.tokens)
    return -sum(score[0] for score in scores) / sum(len(query.options[0]) for query in asked)
