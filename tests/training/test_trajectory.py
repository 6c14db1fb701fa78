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
        5.730324, 5.739099, 5.602737, 5.471697, 5.315225, 5.217532, 5.102548, 4.968663, 4.836304,
        4.718715, 4.621922, 4.527660, 4.439921, 4.310220, 4.236395, 4.172859, 4.095982, 4.023675,
        3.971272, 3.943840, 3.882671, 3.843707, 3.820795, 3.798394, 3.786189, 3.773295, 3.740125,
        3.740566, 3.763902, 3.736031,
    ],
    "answer_mean": [
        5.728501, 5.739476, 5.605245, 5.462454, 5.322758, 5.219695, 5.102341, 4.973948, 4.837864,
        4.721845, 4.610297, 4.546181, 4.441124, 4.319617, 4.239041, 4.169747, 4.114487, 4.034211,
        3.969004, 3.942371, 3.899225, 3.853615, 3.849974, 3.800873, 3.814307, 3.780602, 3.738077,
        3.736229, 3.792124, 3.766993,
    ],
}  # fmt: skip
# The norms show a wrong scale of the gradients, which clipping and AdamW would forgive.
FIRST_NORMS = {
    "token_mean": [1.536966, 1.433160, 1.591343, 1.389248, 1.611688],
    "answer_mean": [1.837894, 1.528097, 1.760061, 1.518120, 1.662886],
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
