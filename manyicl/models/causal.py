"""Whether a model is a causal language model whose numbers are finite, found out by trying."""

from __future__ import annotations

from typing import Any

import torch

from manyicl.errors import Diverged, ModelError
from manyicl.models.forward import computes_exactly, trial_ids, tried

NOT_CAUSAL = (1e-4, 0.02)  # difference of next-token distributions; in 16 bits
NOT_NUMBERS = (
    "the model computes numbers that are not finite: its weights are damaged, a training went "
    "wrong, or float16 is too narrow for it (model.dtype=float32 or bfloat16 is not)."
)


def check_causal(model: Any) -> None:
    """Raise `ModelError` for a model in which tokens see later ones, `Diverged` for one whose
    numbers are not finite. Two texts are computed that differ in their last token alone."""
    ids = trial_ids(model, 8).repeat(2, 1)
    ids[1, -1] = ids[0, 0]
    try:
        with tried(model):
            logits = model(input_ids=ids, use_cache=False).logits.float()
    except torch.OutOfMemoryError:
        raise
    except Exception:  # of many reasons; what the model is used for next says which
        return
    if not torch.isfinite(logits.logsumexp(-1)).all():
        raise Diverged(NOT_NUMBERS)
    first, second = logits[:, :-1].softmax(-1)
    if (first - second).abs().sum(-1).max() > NOT_CAUSAL[not computes_exactly(model)]:
        raise ModelError(
            f"model.path: in this {model.config.model_type!r} model tokens see those after them, "
            "the answer included, so it can neither be scored nor trained as a causal language "
            "model. Name a decoder, or set is_decoder in its config.json if it was trained as one."
        )
