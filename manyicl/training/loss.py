"""The loss: supervised positions, then the head, then the summed negative log-likelihood.

Answers are a few percent of a many-shot sequence, so the head and its logits (the largest tensors
of a small model) exist at supervised positions only; the value and the gradients are those of the
full-logits loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from manyicl.models import logits_at


def supervised_nll(model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
    """Return the negative log-likelihood of each supervised token (N,), in nats, float32.

    `batch` is a packed row (see rows.Row). No attention mask is passed: with restarting
    `position_ids` the model keeps the sequences apart (see isolation.py), with an all-ones mask it
    would not.
    """
    logits = logits_at(
        model,
        batch["keep"],
        input_ids=batch["input_ids"],
        position_ids=batch["position_ids"],
        use_cache=False,
    )
    return F.cross_entropy(logits.float(), batch["targets"], reduction="none")
