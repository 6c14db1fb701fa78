"""The loss: supervised positions, then the head, then the summed negative log-likelihood.

Answers are a few percent of a many-shot sequence, so the head and its logits (the largest tensors
of a small model) exist at supervised positions only; the value and the gradients are those of the
full-logits loss.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F


def supervised_nll(model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
    """Return the negative log-likelihood of each supervised token (N,), in nats, float32.

    `batch` is a packed row (see rows.Row). No attention mask is passed: with restarting
    `position_ids` the model keeps the sequences apart, with an all-ones mask it would not.
    """
    keep, targets = batch["keep"], batch["targets"]
    arguments = {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"]}
    if _takes_logits_to_keep(_forward_owner(model)):
        logits = model(**arguments, use_cache=False, logits_to_keep=keep).logits[0]
    else:
        logits = model(**arguments, use_cache=False).logits[0, keep]
    return F.cross_entropy(logits.float(), targets, reduction="none")


def _forward_owner(model: torch.nn.Module) -> type:
    """Return the class whose forward takes the arguments, below PEFT, DDP and FSDP wrappers."""
    inner: Any = model
    while True:
        if hasattr(inner, "get_base_model"):
            inner = inner.get_base_model()
        elif hasattr(inner, "module"):
            inner = inner.module
        else:
            return type(inner)


@lru_cache
def _takes_logits_to_keep(model_class: type) -> bool:
    forward: Any = model_class.forward
    return "logits_to_keep" in inspect.signature(forward).parameters
