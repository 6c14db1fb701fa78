"""Whether a model's prefixes can be shared, found out on a few tokens before it is relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from manyicl.episodes import EncodedSequence
from manyicl.errors import first_line
from manyicl.inference.prefill import prefill
from manyicl.inference.score import OptionQuery, score_options
from manyicl.models.forward import computes_exactly, trial_ids, tried

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-2  # nats: far above rounding in fp32, far below a wrong mask
HALF_TOLERANCE = 0.03  # of a score: bf16 and fp16 round every logit


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
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever a model does not expect, it may raise
            return f"its attention cannot be computed in parts: {first_line(error)[:120]}"
        plain = score_options(model, prefill(model, sequence, cached=False), queries)
    flat = [torch.tensor([x for scores in side for x in scores]) for side in (shared, plain)]
    exact = computes_exactly(model)
    if torch.allclose(*flat, atol=TOLERANCE, rtol=0 if exact else HALF_TOLERANCE):
        return None
    return "computed in parts, its attention gives other answers"
