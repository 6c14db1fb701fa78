"""The last layer's feed-forward network where its output is read: at supervised positions.

Behind the last attention no position is read by another one. What its feed-forward network says at
the positions without loss reaches nothing; in a many-shot row these are nine of ten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from manyicl.models.forward import forward_replaced, logits_at, trial_ids, tried, without_adapter

MOST_KEPT = 0.5  # share of positions; with more, copying rows costs what computing fewer saves


def last_feed_forward(model: Any) -> torch.nn.Module | None:
    """Return the feed-forward network of a model's last layer, or None where it is needed whole.

    Tried out: computed at some positions only, it must leave the logits there as they are, which
    fails where a layer of another kind follows or the network mixes positions.
    """
    modules = without_adapter(model).modules()
    stacks = [m for m in modules if isinstance(m, torch.nn.ModuleList) and len(m)]
    deepest = max(stacks, key=len, default=None)
    network = getattr(deepest[-1], "mlp", None) if deepest is not None else None
    if not isinstance(network, torch.nn.Module):
        return None
    ids = trial_ids(model, 12)[None]
    keep = torch.tensor([2, 3, 7], device=model.device)
    with tried(model):
        try:
            wanted = logits_at(model, keep, input_ids=ids, use_cache=False)
            with computed_at(network, keep):
                found = logits_at(model, keep, input_ids=ids, use_cache=False)
        except torch.OutOfMemoryError:
            raise
        except Exception:  # a network that returns more than one tensor, such as a mixture's
            return None
    tolerance = 1e-4 if wanted.dtype == torch.float32 else 0.02
    scale = wanted.abs().max().clamp(min=1e-6)
    same = torch.allclose(found / scale, wanted / scale, atol=tolerance, rtol=0)
    return network if same else None


@contextmanager
def computed_at(network: torch.nn.Module, keep: torch.Tensor) -> Iterator[None]:
    """Inside the block the network computes positions `keep` (N,) of (1, T, D), others are zero.

    Activations must not be recomputed in a backward pass that comes after the block.
    """
    whole = network.forward

    def some(hidden: torch.Tensor) -> torch.Tensor:
        found = whole(hidden.index_select(1, keep))
        return found.new_zeros(1, hidden.shape[1], found.shape[2]).index_copy(1, keep, found)

    with forward_replaced(network, some):
        yield
