"""The loss with its gradients in one pass over chunks of rows, so that no logits are kept.

With a large vocabulary the logits weigh more than everything else in a step; softmax and its
backward are bound by memory. Here a chunk's logits stay in the cache.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from manyicl.models.forward import forward_replaced, keeps_logits, logits_at, tried, without_adapter

CHUNK_ROWS = 256  # 256 x 8,192 fp32 logits are 8 MB
MOST_LOGITS = 1 << 24  # 64 MB of fp32 logits; below, all at once are as fast and simpler


class HeadLoss(torch.autograd.Function):
    """`apply(hidden [N, D], head [V, D], targets [N], weights [N])` -> loss, nll [N].

    loss = sum of weights * nll; `nll` carries no gradient. `hidden` and `head` have one dtype;
    softmax and sums run in fp32.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        grad_hidden = torch.empty_like(hidden)
        trained = ctx.needs_input_grad[1]
        grad_head = head.new_zeros(head.shape if trained else (), dtype=torch.float32)
        nll = torch.empty(len(hidden), device=head.device)
        for start in range(0, len(hidden), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            target = targets[rows, None]
            logits = (hidden[rows] @ head.T).float()
            total = torch.logsumexp(logits, 1, keepdim=True)
            nll[rows] = (total - logits.gather(1, target))[:, 0]
            grad = logits.sub_(total).exp_()  # softmax - one-hot is the gradient of the nll
            grad.scatter_add_(1, target, grad.new_full(target.shape, -1.0))
            grad = grad.mul_(weights[rows, None]).to(hidden.dtype)
            grad_hidden[rows] = grad @ head
            if trained:
                grad_head += grad.T @ hidden[rows]
        ctx.save_for_backward(grad_hidden, grad_head.to(head.dtype))
        ctx.mark_non_differentiable(nll)
        return (nll * weights).sum(), nll

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        grad_hidden, grad_head = ctx.saved_tensors
        trained = ctx.needs_input_grad[1]
        return grad_hidden * grads[0], grad_head * grads[0] if trained else None, None, None


def chunked_head(model: Any) -> torch.nn.Linear | None:
    """Return the head of a model whose logits are one plain matrix product, else None.

    Found out by trying: what the head returns must come out of the model as it is, which scaled
    and soft-capped logits (Cohere, Gemma 2) do not. Adapters on the head and biases are not plain.
    """
    head = without_adapter(model).get_output_embeddings()
    if type(head) is not torch.nn.Linear or head.bias is not None or not keeps_logits(model):
        return None
    said = torch.tensor([[[-300.0], [-0.5], [70.25]]], device=model.device, dtype=model.dtype)
    ids = torch.arange(3, device=model.device)
    try:
        with tried(model), forward_replaced(head, lambda hidden: said):
            heard = logits_at(model, ids, input_ids=ids[None], use_cache=False)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # a model that computes with its logits expects a vocabulary of them
        return None
    return head if torch.equal(heard, said[0].to(heard.dtype)) else None


def worth_chunks(num: int, head: torch.nn.Linear) -> bool:
    """Return whether `num` rows of logits would take more memory than gradients kept instead."""
    kept_head = head.in_features if head.weight.requires_grad else 0
    # Logits, their softmax and its gradient, against one gradient of the head.
    return num * head.out_features > MOST_LOGITS and 3 * num > kept_head


def loss_at(
    model: torch.nn.Module,
    head: torch.nn.Linear,
    keep: Tensor,
    targets: Tensor,
    weights: Tensor,
    **arguments: Any,
) -> tuple[Tensor, Tensor]:
    """Return the weighted sum of the nll at positions `keep` (N,), and the nll without gradient.

    The model is called as a whole, as wrappers for several devices need it; its `chunked_head`
    returns the loss in the place of logits.
    """

    def loss_and_nll(hidden: Tensor) -> Tensor:
        kind, weight = hidden.device.type, head.weight
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            hidden, weight = hidden.to(dtype), weight.to(dtype)
        with torch.autocast(kind, enabled=False):
            loss, nll = HeadLoss.apply(  # pyright: ignore[reportGeneralTypeIssues]
                hidden[0], weight, targets, weights
            )
        return torch.cat([loss[None], nll])[None, :, None]

    with forward_replaced(head, loss_and_nll):
        found = logits_at(model, keep, **arguments)[:, 0]
    return found[0], found[1:].detach()
