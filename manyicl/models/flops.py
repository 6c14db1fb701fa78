"""Operations of training, counted from a model's shape.

Forward: two operations a multiplied weight and token; the output head only where it runs, which in
training is at supervised tokens; attention scores and values, 4 x width x context, summed over
layers. Backward costs twice the forward (Kaplan et al. 2020, section 2.1, with the head and the
attention counted exactly rather than folded into 6N).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Shape:
    """What the count needs to know of a causal LM."""

    body_parameters: int
    """Parameters of matrices that a token passes, without embeddings and head; of experts, the
    share that it is sent to."""
    layers: int
    attention_width: int
    """Heads times head size, the mean of the layers; 0 without attention heads."""
    hidden_size: int
    vocab_size: int

    @classmethod
    def of(cls, model: Any) -> Shape:
        config = model.config.get_text_config()
        embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
        if model.get_output_embeddings() is not None:
            embeddings.add(id(model.get_output_embeddings().weight))
        experts, share = _experts(config)
        body = sum(
            parameter.numel() * (share if tuple(parameter.shape[:-2]) == (experts,) else 1)
            for parameter in model.parameters()
            if parameter.dim() > 1 and id(parameter) not in embeddings
        )
        return cls(
            round(body),
            config.num_hidden_layers,
            _attention_width(config),
            config.hidden_size,
            config.vocab_size,
        )


def _experts(config: Any) -> tuple[int, float]:
    """Return how many experts a mixture has in one tensor, and the share that a token passes."""
    for name in ("num_local_experts", "num_experts", "n_routed_experts"):
        experts, active = getattr(config, name, None), getattr(config, "num_experts_per_tok", None)
        if experts and active:
            return experts, active / experts
    return 0, 1.0


def _attention_width(config: Any) -> int:
    def width(layer: Any) -> int:
        heads = getattr(layer, "num_attention_heads", None) or 0
        return heads * (getattr(layer, "head_dim", None) or layer.hidden_size // max(heads, 1))

    if getattr(config, "is_heterogeneous", False):  # it has no value for all layers (Gemma 4)
        layers = list(config.per_layer_config)
        return round(sum(map(width, layers)) / len(layers))
    return width(config)


def training_flops(
    shape: Shape, tokens: int, supervised_tokens: int, tokens_per_sequence: float
) -> float:
    """Return the operations of training on `tokens`, with loss at `supervised_tokens` of them.

    Attention is counted for sequences of equal length, causal: half the sequence on average.

    >>> training_flops(Shape(1000, 0, 8, 8, 10), 10, 3, tokens_per_sequence=5)
    61440.0
    """
    forward = 2 * shape.body_parameters * tokens
    forward += 2 * shape.hidden_size * shape.vocab_size * supervised_tokens
    forward += 4 * shape.layers * shape.attention_width * tokens * tokens_per_sequence / 2
    return 3.0 * forward
