"""The loss: supervised positions, then the head, then the summed negative log-likelihood.

Answers are a few percent of a many-shot sequence, so the head and its logits (the largest tensors
of a small model) exist at supervised positions only; the value and the gradients are those of the
full-logits loss. Where even these are large, they are computed in chunks (`models/head_loss.py`),
and the last layer's feed-forward network runs at these positions alone (`models/last_layer.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from manyicl.models import logits_at
from manyicl.models.head_loss import chunked_head, loss_at, worth_chunks
from manyicl.models.last_layer import MOST_KEPT, computed_at, last_feed_forward


def supervised_nll(model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
    """Return the negative log-likelihood of each supervised token (N,), in nats, float32.

    `batch` is a packed row (see rows.Row). No attention mask is passed: with restarting
    `position_ids` the model keeps the sequences apart (see isolation.py), with an all-ones mask it
    would not.
    """
    logits = logits_at(model, batch["keep"], **_arguments(batch))
    return F.cross_entropy(logits.float(), batch["targets"], reduction="none")


@dataclass(frozen=True)
class Shortcuts:
    """What a step may leave out without changing its result, as far as the model allows it."""

    head: torch.nn.Linear | None = None
    """The model's head, if the loss can be computed in its place, in chunks."""
    feed_forward: torch.nn.Module | None = None
    """The last layer's feed-forward network, if it may run at supervised positions alone."""

    @classmethod
    def of(cls, model: Any, *, recomputes: bool) -> Shortcuts:
        """Try out what a model allows, before it is wrapped for several devices.

        `recomputes`: whether activations are computed again in the backward pass.
        """
        return cls(chunked_head(model), None if recomputes else last_feed_forward(model))


def supervised_loss(
    model: torch.nn.Module, batch: Mapping[str, Any], shortcuts: Shortcuts
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of weights * nll of a row, and its nll (N,) without gradient, both float32."""
    keep, head, network = batch["keep"], shortcuts.head, shortcuts.feed_forward
    few = len(keep) <= MOST_KEPT * batch["input_ids"].shape[1]
    with computed_at(network, keep) if network is not None and few else nullcontext():
        if head is not None and worth_chunks(len(keep), head):
            rest = (batch["targets"], batch["weights"])
            return loss_at(model, head, keep, *rest, **_arguments(batch))
        nll = supervised_nll(model, batch)
    return (nll * batch["weights"]).sum(), nll.detach()


def _arguments(batch: Mapping[str, Any]) -> dict[str, Any]:
    names = ("input_ids", "position_ids")
    return {name: batch[name] for name in names} | {"use_cache": False}
