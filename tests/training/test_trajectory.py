"""The losses of thirty steps, written down: whatever makes a step faster must not move them.

The numbers are those of the plain step: transformers' dense block masks, all logits at supervised
positions at once.
"""

from __future__ import annotations

import pytest
from training.tiny_runs import log_lines, rows_of, tiny_config

from manyicl.training.run import train

LOSSES = {
    "token_mean": [
        5.739982, 5.719835, 5.624452, 5.472829, 5.313374, 5.199183, 5.092632, 4.969056, 4.832458,
        4.717736, 4.617553, 4.526215, 4.427723, 4.304660, 4.232888, 4.187048, 4.064415, 4.024205,
        3.987108, 3.939463, 3.879430, 3.850723, 3.813790, 3.799249, 3.784528, 3.768615, 3.761222,
        3.741539, 3.758347, 3.745909,
    ],
    "answer_mean": [
        5.740806, 5.712587, 5.626986, 5.468705, 5.306516, 5.210981, 5.090194, 4.980487, 4.836378,
        4.729994, 4.613234, 4.541061, 4.433775, 4.313262, 4.236411, 4.215279, 4.058376, 4.040315,
        3.986629, 3.938881, 3.894562, 3.866012, 3.828348, 3.813958, 3.785896, 3.790402, 3.770832,
        3.739699, 3.772850, 3.768658,
    ],
}  # fmt: skip
# The norms show a wrong scale of the gradients, which clipping and AdamW would forgive.
FIRST_NORMS = {
    "token_mean": [1.659395, 1.402410, 1.545605, 1.375059, 1.553068],
    "answer_mean": [1.944230, 1.490257, 1.806546, 1.407487, 1.645205],
}


@pytest.mark.parametrize("normaliser", LOSSES)
def test_thirty_steps_give_the_losses_written_here(tmp_path, normaliser):
    config = tiny_config(
        tmp_path,
        episodes__shots="1-3",
        episodes__max_tokens=256,
        objective__normaliser=normaliser,
        training__steps=30,
        training__rows_per_step=2,
        training__learning_rate=3e-3,
        training__save_every=0,
    )
    train(config)
    assert {len(row) for row in rows_of(config).plan} == {2, 3, 4, 5, 6}  # sequences a row
    lines = log_lines(tmp_path / "run")
    assert [line["loss"] for line in lines] == pytest.approx(LOSSES[normaliser], rel=1e-4)
    norms = [line["grad_norm"] for line in lines[:5]]
    assert norms == pytest.approx(FIRST_NORMS[normaliser], rel=1e-4)
