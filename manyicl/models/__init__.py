"""Any causal LM: from a folder, a hub, or a config; with or without an adapter."""

from manyicl.models.load import (
    context_length,
    has_fast_bf16,
    load_model,
    load_tokenizer,
    model_identity,
)
from manyicl.models.scratch import base_tokenizer, build_base, train_tokenizer

__all__ = [
    "base_tokenizer",
    "build_base",
    "context_length",
    "has_fast_bf16",
    "load_model",
    "load_tokenizer",
    "model_identity",
    "train_tokenizer",
]
