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
        self._weighted = torch.zeros(2, dtype=torch.float64)  # weighted nll, weight
        self._seen = [0, 0]  # tokens: supervised, all

    def add(
        self,
        nll: torch.Tensor,
        weights: torch.Tensor,
        shots: torch.Tensor,
        num_tokens: int,
        num_shots: int,
    ) -> None:
        """Count one row: nll, weights and shots of its N supervised tokens, shots < `num_shots`."""
        nll, weights = nll.detach().double(), weights.double()
        size = max(len(self._nll), num_shots)
        # A place for tokens of no answer (shot -1) comes first; choosing by a mask would wait for
        # the device to count.
        by_shot = nll.new_zeros(2, size + 1)
        by_shot.index_add_(1, shots - NO_SHOT, torch.stack([nll, torch.ones_like(nll)]))
        self._nll = _grown(self._nll.to(nll.device), size) + by_shot[0, 1:]
        self._tokens = _grown(self._tokens.to(nll.device), size) + by_shot[1, 1:]
        sums = torch.stack([(nll * weights).sum(), weights.sum()])
        self._weighted = self._weighted.to(nll.device) + sums
        self._seen = [self._seen[0] + len(nll), self._seen[1] + num_tokens]

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
        seen = torch.tensor(self._seen, dtype=torch.float64, device=self._weighted.device)
        totals = torch.cat([self._weighted, seen])
        if reduce is None:
            return self._nll, self._tokens, totals
        size = int(reduce(torch.tensor(float(len(self._nll))), "max"))
        nll, tokens = _grown(self._nll, size), _grown(self._tokens, size)
        return reduce(nll, "sum"), reduce(tokens, "sum"), reduce(totals, "sum")

    def state_dict(self, reduce: Reduce | None = None) -> dict[str, list[float]]:
        """Return the sums so far, over all processes."""
        nll, tokens, totals = self._sums(reduce)
        return {"nll": nll.tolist(), "tokens": tokens.tolist(), "totals": totals.tolist()}

    def load_state_dict(self, state: dict[str, list[float]]) -> None:
        self._nll = torch.tensor(state["nll"], dtype=torch.float64)
        self._tokens = torch.tensor(state["tokens"], dtype=torch.float64)
        self._weighted = torch.tensor(state["totals"][:2], dtype=torch.float64)
        self._seen = [int(number) for number in state["totals"][2:]]


def at_shots(by_shot: list[list[float]]) -> dict[int, float]:
    """Thin a curve to shots 0, 1, 2, 4, 8 ... for a console line or a tracker.

    >>> at_shots([[0, 3.0], [1, 2.0], [2, 1.5], [3, 1.4], [4, 1.3]])
    {0: 3.0, 1: 2.0, 2: 1.5, 4: 1.3}
    """
    return {int(k): loss for k, loss in by_shot if k == 0 or (int(k) & (int(k) - 1)) == 0}


def _grown(values: torch.Tensor, size: int) -> torch.Tensor:
    return torch.nn.functional.pad(values, (0, max(0, size - len(values))))
