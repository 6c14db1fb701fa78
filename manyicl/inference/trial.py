"""Trials: what a model of any kind can do, found out on a few tokens before it is relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from manyicl.episodes import EncodedSequence
from manyicl.errors import Diverged, ModelError, first_line
from manyicl.inference.prefill import prefill
from manyicl.inference.score import OptionQuery, score_options
from manyicl.models.forward import trial_ids, tried

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-2  # nats: far above rounding in fp32, far below a wrong mask
HALF_TOLERANCE = 0.03  # of a score: bf16 and fp16 round every logit
NOT_CAUSAL = (1e-4, 0.02)  # difference of next-token distributions; in 16 bits
NOT_NUMBERS = (
    "model.path: the model computes numbers that are not finite. Its weights are damaged, or "
    "float16 is too narrow for it: restore them, or set model.dtype to float32 or bfloat16."
)


def check_causal(model: PreTrainedModel) -> None:
    """Raise `ModelError` for a model in which tokens see later ones, `Diverged` for one whose
    numbers are not finite. Two texts are computed that differ in their last token alone."""
    ids = trial_ids(model, 8).repeat(2, 1)
    ids[1, -1] = ids[0, 0]
    try:
        with tried(model):
            logits = model(input_ids=ids, use_cache=False).logits.float()
    except Exception:  # of many reasons; what the model is used for next says which
        return
    if not torch.isfinite(logits.logsumexp(-1)).all():
        raise Diverged(NOT_NUMBERS)
    first, second = logits[:, :-1].softmax(-1)
    exact = model.dtype == torch.float32
    if (first - second).abs().sum(-1).max() > NOT_CAUSAL[not exact]:
        raise ModelError(
            f"model.path: in this {model.config.model_type!r} model tokens see those after them, "
            "the answer included, so it can neither be scored nor trained as a causal language "
            "model. Name a decoder, or set is_decoder in its config.json if it was trained as one."
        )


def why_not_shared(model: PreTrainedModel) -> str | None:
    """Return why prefixes cannot be shared, None if they can: what is computed in parts is compared
    with the plain computation."""
    ids = trial_ids(model, 24).tolist()
    queries = [
        OptionQuery(ids[12:16], [ids[16:18], ids[18:21]]),
        OptionQuery(ids[15:17], [ids[2:4]]),
    ]
    sequence = EncodedSequence("trial", ids[:12], (), (12,))
    with tried(model):
        try:
            shared = score_options(model, prefill(model, sequence), queries)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:  # whatever a model does not expect, it may raise
            return f"its attention cannot be computed in parts: {first_line(error)[:120]}"
        plain = score_options(model, prefill(model, sequence, cached=False), queries)
    flat = [torch.tensor([x for scores in side for x in scores]) for side in (shared, plain)]
    exact = model.dtype == torch.float32
    if torch.allclose(*flat, atol=TOLERANCE, rtol=0 if exact else HALF_TOLERANCE):
        return None
    return "computed in parts, its attention gives other answers"
