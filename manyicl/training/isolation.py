"""Packed sequences must not see each other. Whether a model keeps them apart is tried out.

Most architectures read restarting `position_ids` as the starts of documents; some take them for
positions alone, or take none at all, and would train on neighbours without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from manyicl.errors import ConfigError
from manyicl.models.forward import computes_exactly, trial_ids, tried
from manyicl.models.packed_attention import packed_attention
from manyicl.training.loss import supervised_nll


@contextmanager
def sequences_kept_apart(model: Any, plan: Sequence[Sequence[Any]]) -> Iterator[None]:
    """Train on the rows of a plan inside the block, the fastest way that keeps sequences apart.

    Raises `ConfigError` if rows hold several sequences and the model cannot keep them apart.
    """
    if all(len(row) <= 1 for row in plan):
        yield
        return
    with packed_attention(model):
        check_isolation(model)
        yield


def check_isolation(model: Any) -> None:
    """Raise `ConfigError` if a sequence's loss depends on the sequence before it in the row."""
    ids = trial_ids(model, 40)
    with tried(model):
        packed = _nll_of_the_last(model, [ids[:16], ids[16:]])
        others = _nll_of_the_last(model, [ids[:16].flip(0), ids[16:]])
        alone = _nll_of_the_last(model, [ids[16:]])
    # Rows of equal lengths go the same way through the kernels, so rounding hides nothing there. A
    # sequence alone may not: in bf16 a model of many layers then differs by tenths of a nat.
    rounding = 1e-3 if computes_exactly(model) else 0.5
    near = torch.allclose(packed, alone, atol=rounding, rtol=0)
    if not (near and torch.allclose(packed, others, atol=1e-3, rtol=0)):
        raise ConfigError(
            f"episodes.packing: is true, but in models of the type {model.config.model_type!r} the "
            "sequences of one row see each other. Set episodes.packing=false."
        )


def _nll_of_the_last(model: Any, sequences: list[torch.Tensor]) -> torch.Tensor:
    ids = torch.cat(sequences)
    positions = torch.cat([torch.arange(len(part), device=ids.device) for part in sequences])
    keep = torch.arange(len(ids) - len(sequences[-1]), len(ids) - 1, device=ids.device)
    row = {"input_ids": ids[None], "position_ids": positions[None]}
    return supervised_nll(model, row | {"keep": keep, "targets": ids[keep + 1]})
