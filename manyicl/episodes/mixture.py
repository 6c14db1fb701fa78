"""Mixture: which task the next sequence is drawn from. Seeded, stateful, resumable.

The unit is tokens of demonstrations, instructions and separators aside, so a mixture means the
same for short and long examples and for every regime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def mixture_weights(
    kind: str,
    rows: Sequence[int],
    tokens_per_row: Sequence[float],
    *,
    cap: int = 2000,
    temperature: float = 2.0,
) -> np.ndarray:
    """Return each task's share of the training tokens.

    proportional: by the tokens of min(rows, cap) rows, so every row is shown equally often;
    uniform: equal; temperature: by those tokens ** (1 / temperature).

    >>> mixture_weights("proportional", [100, 300, 9000], [10, 10, 10], cap=400).tolist()
    [0.125, 0.375, 0.5]
    """
    tokens = np.minimum(np.asarray(rows, dtype=float), cap) * np.asarray(tokens_per_row)
    if kind == "uniform":
        tokens = np.ones_like(tokens)
    elif kind == "temperature":
        tokens = tokens ** (1.0 / temperature)
    return tokens / tokens.sum()


class TaskMixture:
    """An endless draw of task indices that keeps every task close to its share of tokens.

    The next task is the one furthest behind its share, with a jitter of about one sequence, so
    shares are met closely and the order still differs from seed to seed.
    """

    def __init__(self, weights: Sequence[float] | np.ndarray, seed: int):
        self._weights = np.asarray(weights, dtype=float)
        self._rng = np.random.default_rng([0x7A5C, seed])
        self._tokens = np.zeros(len(self._weights))
        self._draws = 0

    def next(self) -> int:
        """Return the index of the task of the next sequence."""
        total = self._tokens.sum()
        jitter = total / self._draws if self._draws else 1.0
        behind = self._weights * total - self._tokens
        behind += jitter * self._rng.random(len(behind))
        behind[self._weights == 0] = -np.inf
        return int(behind.argmax())

    def count(self, task: int, num_tokens: int) -> None:
        """Tell the mixture how many tokens the sequence drawn from `task` came to."""
        self._tokens[task] += num_tokens
        self._draws += 1

    def state_dict(self) -> dict[str, Any]:
        return {
            "rng": self._rng.bit_generator.state,
            "tokens": self._tokens.tolist(),
            "draws": self._draws,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._rng.bit_generator.state = dict(state["rng"])
        self._tokens = np.asarray(state["tokens"], dtype=float)
        self._draws = int(state["draws"])
