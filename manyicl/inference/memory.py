"""How much is computed and held at once, so that memory stays under a stated budget.

Half of a budget is for prefixes, a quarter for what a batch computes on its way, a quarter for
logits. The model itself is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from manyicl.episodes import EncodedSequence
from manyicl.errors import EpisodeError
from manyicl.inference.generate import KEPT_BATCHES
from manyicl.inference.layers import Storage
from manyicl.inference.prefill import prefill
from manyicl.inference.shared import unshareable
from manyicl.models.forward import trial_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LOGITS = 1 << 26  # entries at once where no budget is set: 256 MB in fp32
LEAST_TOKENS = 64  # a batch smaller than this is no use


@dataclass(frozen=True)
class Limits:
    """Tokens and logits computed at once, and bytes of prefixes held; 0 bytes: one prefix."""

    tokens: int
    logits: int = LOGITS
    prefix_bytes: int = 0

    @classmethod
    def of(cls, model: PreTrainedModel, tokens: int, memory_mb: int) -> Limits:
        """Return what `memory_mb` allows, at most `tokens` tokens at once.

        Raises `EpisodeError` if the budget is too small for this model to compute anything.
        """
        if not memory_mb:
            return cls(tokens)
        budget = memory_mb * 2**20
        allowed = budget // 4 // bytes_per_token(model)
        if allowed < min(tokens, LEAST_TOKENS):
            least = -(-LEAST_TOKENS * bytes_per_token(model) * 4 // 2**20)
            raise EpisodeError(
                f"evaluation.memory_mb: is {memory_mb}, too little to compute {LEAST_TOKENS} "
                f"tokens at once with this model. Set at least {least}, or 0 for no limit."
            )
        return cls(min(tokens, allowed), budget // 4 // 4, budget // 2)

    def prefixes_at_once(self, num_bytes: int, what: str) -> int:
        """Return how many prefixes of so many bytes may be held together.

        Raises `EpisodeError` naming `what` if not even one fits the budget.
        """
        if not self.prefix_bytes:
            return 1
        if num_bytes > self.prefix_bytes:
            raise EpisodeError(
                f"evaluation.memory_mb: leaves {self.prefix_bytes / 2**20:,.0f} MB for prefixes, "
                f"half of it, but {what} takes {num_bytes / 2**20:,.0f} MB. Set at least "
                f"{-(-2 * num_bytes // 2**20)}, lower evaluation.num_shots or "
                "evaluation.max_tokens, or keep prefixes as evaluation.prefix_storage=int8."
            )
        return max(1, self.prefix_bytes // max(1, num_bytes))


def bytes_per_prefix_token(model: PreTrainedModel, storage: Storage = "model") -> int:
    """Return what keys and values of one token take in all layers, found by computing some; 0 for
    a model whose prefixes cannot be kept."""
    ids = trial_ids(model, 4).tolist()
    if unshareable(model):
        return 0
    try:
        prefix = prefill(model, EncodedSequence("memory", ids, (), (len(ids),)), storage=storage)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # the engine finds the same, and keeps no prefixes either
        return 0
    return prefix.num_bytes // len(ids)


def bytes_per_token(model: PreTrainedModel) -> int:
    """Estimate the bytes one token of a batch takes while it is computed: the widest layer's
    activations, and keys and values of as many growing answers as advance together."""
    config = model.config.get_text_config()
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    if isinstance(inner, list | tuple):  # one for each layer
        inner = max(inner)
    activations = (8 * config.hidden_size + 4 * inner) * model.dtype.itemsize
    return activations + KEPT_BATCHES * bytes_per_prefix_token(model)
