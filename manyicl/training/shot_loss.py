"""Loss by shot index: the in-context learning curve, free with the many-shot objective.

The answer after k demonstrations is trained as the k-shot problem, so the loss at each k falls out
of every step. A falling curve over k means the model reads its demonstrations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from manyicl.training.objective import NO_SHOT

Reduce = Callable[[torch.Tensor, str], torch.Tensor]  # over processes, by "sum" or "max"


class ShotLoss:
    """Sums since the last log line, kept as tensors so that a step never waits for them."""

    def __init__(self) -> None:
        self._nll = torch.zeros(0, dtype=torch.float64)
        self._tokens = torch.zeros(0, dtype=torch.float64)
        self._totals = torch.zeros(4, dtype=torch.float64)  # weighted nll, weight, supervised, all

    def add(
        self, nll: torch.Tensor, weights: torch.Tensor, shots: torch.Tensor, num_tokens: int
    ) -> None:
        """Count one row: nll, weights and shots of its N supervised tokens."""
        nll = nll.detach().double()
        device = nll.device
        answers = shots != NO_SHOT
        size = max(len(self._nll), int(shots.max()) + 1 if len(shots) else 0)
        self._nll = _grown(self._nll.to(device), size)
        self._tokens = _grown(self._tokens.to(device), size)
        self._nll.index_add_(0, shots[answers], nll[answers])
        self._tokens.index_add_(0, shots[answers], torch.ones_like(nll[answers]))
        weights = weights.double()
        sums = [(nll * weights).sum(), weights.sum(), nll.new_tensor(len(nll)), num_tokens]
        self._totals = self._totals.to(device) + torch.stack(
            [torch.as_tensor(value, device=device, dtype=torch.float64) for value in sums]
        )

    def flush(self, reduce: Reduce | None = None) -> dict[str, Any]:
        """Return the figures since the last call and start anew.

        Keys: loss (the objective), supervised_tokens, tokens, supervised_share, and loss_by_shot
        (mean nats per answer token, [[shot, loss], ...]).
        """
        nll, tokens, totals = self._sums(reduce)
        self.__init__()
        weighted, weight, supervised, seen = totals.tolist()
        by_shot = [
            [shot, total / count]
            for shot, (total, count) in enumerate(zip(nll.tolist(), tokens.tolist(), strict=True))
            if count
        ]
        return {
            "loss": weighted / weight if weight else math.nan,
            "supervised_tokens": int(supervised),
            "tokens": int(seen),
            "supervised_share": supervised / seen if seen else 0.0,
            "loss_by_shot": by_shot,
        }

    def _sums(self, reduce: Reduce | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        if reduce is None:
            return self._nll, self._tokens, self._totals
        size = int(reduce(torch.tensor(float(len(self._nll))), "max"))
        nll, tokens = _grown(self._nll, size), _grown(self._tokens, size)
        return reduce(nll, "sum"), reduce(tokens, "sum"), reduce(self._totals, "sum")

    def state_dict(self, reduce: Reduce | None = None) -> dict[str, list[float]]:
        """Return the sums so far, over all processes."""
        nll, tokens, totals = self._sums(reduce)
        return {"nll": nll.tolist(), "tokens": tokens.tolist(), "totals": totals.tolist()}

    def load_state_dict(self, state: dict[str, list[float]]) -> None:
        self._nll = torch.tensor(state["nll"], dtype=torch.float64)
        self._tokens = torch.tensor(state["tokens"], dtype=torch.float64)
        self._totals = torch.tensor(state["totals"], dtype=torch.float64)


def at_shots(by_shot: list[list[float]]) -> dict[int, float]:
    """Thin a curve to shots 0, 1, 2, 4, 8 ... for a console line or a tracker.

    >>> at_shots([[0, 3.0], [1, 2.0], [2, 1.5], [3, 1.4], [4, 1.3]])
    {0: 3.0, 1: 2.0, 2: 1.5, 4: 1.3}
    """
    return {int(k): loss for k, loss in by_shot if k == 0 or (int(k) & (int(k) - 1)) == 0}


def _grown(values: torch.Tensor, size: int) -> torch.Tensor:
    return torch.nn.functional.pad(values, (0, max(0, size - len(values))))
