"""Prefilling: a sequence of demonstrations becomes a prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from manyicl.episodes import EncodedSequence
from manyicl.inference.branches import Branch, BranchRow
from manyicl.inference.layers import Layers, Storage
from manyicl.inference.prefix import Prefix
from manyicl.inference.shared import run_row

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOKENS_AT_ONCE = 2048  # of a long prefix: what is computed of each part stays small


@torch.inference_mode()
def prefill(
    model: PreTrainedModel,
    sequence: EncodedSequence,
    *,
    cached: bool = True,
    storage: Storage = "model",
    tokens_at_once: int = TOKENS_AT_ONCE,
) -> Prefix:
    """Compute a prefix. `sequence` must have been joined with `trailing_separator=True`.

    Long ones are computed in parts of `tokens_at_once`, each of which sees what was kept of the
    parts before. Raises `NotShareableError` if the model's attention cannot be computed so.
    """
    ids = list(sequence.input_ids)
    if not cached:
        return Prefix(ids, sequence.stops, None)
    layers = Layers(len(ids), storage)
    keep = torch.zeros(1, dtype=torch.long, device=model.device)  # some logits have to be computed
    for start in range(0, len(ids), tokens_at_once):
        part = Branch(Prefix(ids[:start], (start,), layers), ids[start : start + tokens_at_once])
        run_row(model, BranchRow.of([part], model.device), keep, record=(layers, start))
    return Prefix(ids, sequence.stops, layers)
