"""The loss of every token of a long text under a causal language model, and bits per byte."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from manyicl.evaluation.statistics import Floats
from manyicl.models import context_length, logits_at

LOSSES_AT_ONCE = 512  # positions whose logits are in memory in fp32


def token_losses(
    model: Any,
    ids: Sequence[int] | np.ndarray,
    context: int,
    *,
    bf16: bool = False,
    head_in_parts: bool = False,
) -> Floats:
    """Return the loss (nats) of each token but the first, float64 [tokens - 1].

    A token is predicted from at least context / 2 and at most context - 1 tokens before it, or from
    all there are: windows of `context` tokens (fewer if the model was built for fewer), each half a
    window after the last. `bf16`: the matrix products of a processor in bf16. `head_in_parts`: no
    more than `LOSSES_AT_ONCE` logits exist at a time; for models with a `model` and an `lm_head`.
    """
    context = max(2, min(context, context_length(model) or context))
    found = np.empty(max(len(ids) - 1, 0))
    done = 1
    while done < len(ids):
        start = max(0, min(done - context // 2, len(ids) - context))
        stop = min(start + context, len(ids))
        window = torch.from_numpy(np.array(ids[start:stop], np.int64))[None].to(model.device)
        first = done - start
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            parts = _logits(model, window, first, head_in_parts)
            losses = [
                torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
                for logits, targets in zip(
                    parts, window[0, first:].split(LOSSES_AT_ONCE), strict=True
                )
            ]
        found[done - 1 : stop - 1] = torch.cat(losses).double().cpu().numpy()
        done = stop
    return found


def in_bits_per_byte(nats: float, num_bytes: int) -> float:
    """Return a loss summed over the tokens of a text, in bits per byte of the text."""
    return nats / math.log(2) / num_bytes


def _logits(
    model: Any, window: torch.Tensor, first: int, head_in_parts: bool
) -> Iterator[torch.Tensor]:
    """Yield the logits that predict a window's tokens from `first` (at least 1) on, in parts."""
    if head_in_parts:
        hidden = model.model(window, use_cache=False).last_hidden_state[0, first - 1 : -1]
        yield from map(model.lm_head, hidden.split(LOSSES_AT_ONCE))
    else:
        keep = torch.arange(first - 1, window.shape[1] - 1, device=window.device)
        logits = logits_at(model, keep, input_ids=window, use_cache=False)
        yield from logits.split(LOSSES_AT_ONCE)
