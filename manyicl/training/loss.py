"""The loss: supervised positions, then the head, then the summed negative log-likelihood.

Answers are a few percent of a many-shot sequence, so the head and its logits (the largest tensors
of a small model) exist at supervised positions only; the value and the gradients are those of the
full-logits loss. Where even these are large, they are computed in chunks (`models/head_loss.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from manyicl.models import logits_at
from manyicl.models.head_loss import loss_at, worth_chunks


def supervised_nll(model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
    """Return the negative log-likelihood of each supervised token (N,), in nats, float32.

    `batch` is a packed row (see rows.Row). No attention mask is passed: with restarting
    `position_ids` the model keeps the sequences apart (see isolation.py), with an all-ones mask it
    would not.
    """
    logits = logits_at(model, batch["keep"], **_arguments(batch))
    return F.cross_entropy(logits.float(), batch["targets"], reduction="none")


def supervised_loss(
    model: torch.nn.Module, batch: Mapping[str, Any], head: torch.nn.Linear | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of weights * nll of a row, and its nll (N,) without gradient, both float32.

    `head` is the model's `chunked_head`: with it, many logits never exist at once.
    """
    if head is not None and worth_chunks(len(batch["targets"]), head):
        rest = (batch["targets"], batch["weights"])
        return loss_at(model, head, batch["keep"], *rest, **_arguments(batch))
    nll = supervised_nll(model, batch)
    return (nll * batch["weights"]).sum(), nll.detach()


def _arguments(batch: Mapping[str, Any]) -> dict[str, Any]:
    names = ("input_ids", "position_ids")
    return {name: batch[name] for name in names} | {"use_cache": False}
