"""The loss with its gradients in one pass over chunks of rows, so that no logits are kept.

With a vocabulary of 8k the logits of a step weigh more than everything else in a small model;
softmax and its backward are bound by memory. Here a chunk's logits stay in the cache.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK_ROWS = 256  # 256 x 8,192 fp32 logits are 8 MB


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
        grad_head = torch.zeros(head.shape, dtype=torch.float32, device=head.device)
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
            grad_head += grad.T @ hidden[rows]
        ctx.save_for_backward(grad_hidden, grad_head.to(head.dtype))
        ctx.mark_non_differentiable(nll)
        return (nll * weights).sum(), nll

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_hidden, grad_head = ctx.saved_tensors
        return grad_hidden * grads[0], grad_head * grads[0], None, None
