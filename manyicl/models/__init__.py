"""Any causal LM: from a folder, a hub, or a config; with or without an adapter."""

from manyicl.models.forward import logits_at
from manyicl.models.load import (
    context_length,
    end_tokens,
    free_memory,
    frozen_identity,
    has_fast_bf16,
    load_model,
    load_tokenizer,
    model_identity,
    model_without_weights,
    stored_context_length,
    stored_dtype,
    widen_slow_bf16,
)
from manyicl.models.scratch import (
    base_tokenizer,
    build_base,
    built_context_length,
    train_tokenizer,
)

__all__ = [
    "base_tokenizer",
    "build_base",
    "built_context_length",
    "context_length",
    "end_tokens",
    "free_memory",
    "frozen_identity",
    "has_fast_bf16",
    "load_model",
    "load_tokenizer",
    "logits_at",
    "model_identity",
    "model_without_weights",
    "stored_context_length",
    "stored_dtype",
    "train_tokenizer",
    "widen_slow_bf16",
]
