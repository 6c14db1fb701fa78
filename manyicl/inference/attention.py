"""Attention that also returns its normaliser, so that parts computed apart can be joined exactly.

Softmax attention over keys in two sets A and B is the mean of the attention over A and over B,
weighted by the sums of their exponentials (Hydragen, arXiv 2402.05099, section 3). So a long prefix
that many queries share is attended to once for all of them, and what each has of its own apart.

Shapes: B batch, H query heads, J key heads (H is a multiple of J), T queries, S keys, D width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

SCORES_AT_ONCE = 1 << 25  # entries of a score matrix that the plain way holds at a time


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float,
    causal: bool = False,
    mask: Tensor | None = None,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Return attention output (B, H, T, D) and log of the sum of exponentials (B, H, T), fp32.

    `query` (B, H, T, D), `key` and `value` (B, J, S, D) with S > 0; `mask` (B or 1, 1, T, S), bool,
    True where a query may look; `causal` takes T = S. A query that may look nowhere gets zeros and
    -inf, which `join` leaves out.
    """
    if not softcap and key.shape[-1] == value.shape[-1]:
        if query.device.type == "cpu":
            return _on_cpu(query, key, value, scale, causal, mask)
        if query.device.type == "cuda" and mask is None:
            return _on_cuda(query, key, value, scale, causal)
    return _plain(query, key, value, scale, causal, mask, softcap)


def join(parts: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the attention over all keys from its parts over disjoint sets of them."""
    if len(parts) == 1:
        return parts[0][0]
    total = torch.stack([log_sum for _, log_sum in parts]).logsumexp(0)
    return sum(
        output * (log_sum - total).exp()[..., None].to(output.dtype) for output, log_sum in parts
    )  # pyright: ignore[reportReturnType]


def _on_cpu(
    query: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The kernel behind scaled_dot_product_attention, which reads fewer key heads as they are."""
    added = None
    if mask is not None:
        added = torch.zeros(mask.shape, dtype=query.dtype).masked_fill_(~mask, -math.inf)
    output, log_sum = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, causal, attn_mask=added, scale=scale
    )
    if mask is not None:  # the kernel says 0 where there is nothing to see
        log_sum = log_sum.masked_fill(~mask.any(-1), -math.inf)
    return output, log_sum


def _on_cuda(
    query: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool
) -> tuple[Tensor, Tensor]:
    groups = query.shape[1] // key.shape[1]
    if groups > 1 and not causal:  # queries of one key head stand side by side, nothing is repeated
        folded = query.reshape(query.shape[0], key.shape[1], -1, query.shape[-1])
        output, log_sum = _on_cuda(folded, key, value, scale, False)
        return output.reshape(query.shape), log_sum.reshape(query.shape[:-1])
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    length = query.shape[2]
    half = query.dtype in (torch.float16, torch.bfloat16)
    recent = torch.cuda.get_device_capability(query.device)[0] >= 8
    if half and recent and query.shape[-1] <= 256:
        output, log_sum, *_ = torch.ops.aten._scaled_dot_product_flash_attention(
            query, key, value, 0.0, causal, False, scale=scale
        )
    else:
        output, log_sum, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(
            query, key, value, None, True, 0.0, causal, scale=scale
        )
    return output, log_sum[..., :length]


def _plain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    causal: bool,
    mask: Tensor | None,
    softcap: float | None,
) -> tuple[Tensor, Tensor]:
    """By the definition, a few queries at a time: for what no kernel takes."""
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    length, keys = query.shape[2], key.shape[2]
    if causal:
        mask = torch.ones(length, keys, dtype=torch.bool, device=query.device).tril()[None, None]
    step = max(1, SCORES_AT_ONCE // (query.shape[0] * query.shape[1] * keys))
    outputs, log_sums = [], []
    for start in range(0, length, step):
        scores = (query[:, :, start : start + step] @ key.transpose(2, 3)).float() * scale
        if softcap:
            scores = softcap * torch.tanh(scores / softcap)
        if mask is not None:
            scores = scores.masked_fill(~mask[:, :, start : start + step], -math.inf)
        log_sum = scores.logsumexp(-1)
        shift = log_sum.masked_fill(log_sum == -math.inf, 0.0)
        outputs.append((scores - shift[..., None]).exp().to(value.dtype) @ value)
        log_sums.append(log_sum)
    return torch.cat(outputs, 2), torch.cat(log_sums, 2)
