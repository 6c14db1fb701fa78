"""Loss by shot index on tasks of an evaluation: in-context learning without sampling noise."""

from __future__ import annotations

import numpy as np
import torch

from manyicl.config import ObjectiveConfig
from manyicl.episodes import EncodedPool, Pool, shared_order
from manyicl.errors import EpisodeError
from manyicl.inference import Engine
from manyicl.tasks import Task
from manyicl.training.loss import supervised_nll
from manyicl.training.rows import make_row

SEQUENCES = 4  # of different demonstrations, a task
FEWEST_SHOTS = 16  # tasks whose sequences are shorter are left out, so that every k has the same


def loss_by_shot(
    engine: Engine, tasks: list[Task], max_tokens: int, seed: int
) -> list[tuple[int, float]]:
    """Return (shot, mean loss) in nats per answer token, every task weighing the same.

    Only tasks of which at least `FEWEST_SHOTS` demonstrations fit `max_tokens` count, and only as
    many shots as fit in all of these, so that the curve is one of shots, not of tasks. Empty if
    there is no such task. Demonstrations come from the train split.
    """
    by_task: list[np.ndarray] = []
    for task in tasks:
        pool = EncodedPool(Pool(task), engine.encoder)
        try:
            curves = [
                _losses(engine, pool, max_tokens, seed * SEQUENCES + number)
                for number in range(SEQUENCES)
            ]
        except EpisodeError:  # not one demonstration fits
            continue
        length = min(len(curve) for curve in curves)
        if length >= FEWEST_SHOTS:
            by_task.append(np.mean([curve[:length] for curve in curves], axis=0))
    if not by_task:
        return []
    length = min(len(curve) for curve in by_task)
    mean = np.mean([curve[:length] for curve in by_task], axis=0)
    return [(shot, float(loss)) for shot, loss in enumerate(mean)]


def _losses(engine: Engine, pool: EncodedPool, max_tokens: int, seed: int) -> np.ndarray:
    """Return the mean loss of each answer of one sequence [shots]."""
    fitting = pool.fitting_rows(max_tokens)
    used, rows = len(pool.opening()), []
    for row in shared_order(pool.pool, "random", seed):
        if row not in fitting:
            continue
        used += len(pool.demonstration(row)) + (len(pool.encoder.separator) if rows else 0)
        if used > max_tokens:
            break
        rows.append(row)
    batch = make_row([pool.sequence(rows)], ObjectiveConfig()).as_batch()
    device = engine.model.device
    inputs = {k: v.to(device) for k, v in batch.items() if isinstance(v, torch.Tensor)}
    with torch.no_grad():
        nll = supervised_nll(engine.model, inputs).float().cpu()
    shots = batch["shots"]
    assert isinstance(shots, torch.Tensor)
    sums = torch.zeros(len(rows)).index_add_(0, shots, nll)
    counts = torch.zeros(len(rows)).index_add_(0, shots, torch.ones_like(nll))
    return (sums / counts).numpy()
