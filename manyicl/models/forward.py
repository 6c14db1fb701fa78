"""Logits at chosen positions, from models that can compute them there alone and from others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch


def logits_at(model: torch.nn.Module, keep: torch.Tensor, **arguments: Any) -> torch.Tensor:
    """Return the logits at the positions `keep` of a batch of one, shape (N, V).

    The head runs at those positions only where the model's forward takes `logits_to_keep`.
    Arguments that it does not take are left out.
    """
    takes = _forward_parameters(_forward_owner(model))
    if "position_ids" not in takes:
        arguments.pop("position_ids", None)
    if keeps_logits(model):
        return model(**arguments, logits_to_keep=keep).logits[0]
    return model(**arguments).logits[0, keep]


def keeps_logits(model: torch.nn.Module) -> bool:
    """Return whether the model's head can run at chosen positions alone."""
    return "logits_to_keep" in _forward_parameters(_forward_owner(model))


def without_adapter(model: Any) -> Any:
    """Return the Hugging Face model itself, below a PEFT wrapper if there is one."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def vocabulary_size(model: Any) -> int:
    """Return how many tokens the model embeds."""
    return model.get_input_embeddings().weight.shape[0]


def trial_ids(model: Any, number: int) -> torch.Tensor:
    """Return so many token ids of the model's vocabulary, (number,), to try a computation on."""
    return (torch.arange(number, device=model.device) * 7 + 3) % vocabulary_size(model)


@contextmanager
def tried(model: Any) -> Iterator[None]:
    """Compute a trial inside the block, so that it shows what the model does and not how it rounds.

    No gradients; fp32 products in full precision, which some containers make TF32; and bf16 for
    fp32 weights where flash attention takes nothing wider, as in training.
    """
    flash = _takes_16_bits(model) and model.dtype == torch.float32
    products = torch.backends.cuda.matmul
    before, products.fp32_precision = products.fp32_precision, "ieee"
    try:
        with torch.no_grad(), torch.autocast(model.device.type, torch.bfloat16, enabled=flash):
            yield
    finally:
        products.fp32_precision = before


def computes_exactly(model: Any) -> bool:
    """Return whether a trial rounds as fp32 does, and not as 16 bits do."""
    return model.dtype == torch.float32 and not _takes_16_bits(model)


def _takes_16_bits(model: Any) -> bool:
    return "flash" in str(model.config._attn_implementation)


def _forward_owner(model: torch.nn.Module) -> type:
    """Return the class whose forward takes the arguments, below PEFT, DDP and FSDP wrappers."""
    inner: Any = model
    while True:
        if hasattr(inner, "get_base_model"):
            inner = inner.get_base_model()
        elif hasattr(inner, "module"):
            inner = inner.module
        else:
            return type(inner)


@lru_cache
def _forward_parameters(model_class: type) -> frozenset[str]:
    forward: Any = model_class.forward
    return frozenset(inspect.signature(forward).parameters)


@contextmanager
def forward_replaced(module: torch.nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Inside the block the module computes `forward`; its hooks and wrappers stay."""
    before = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if before is not None:  # some libraries replace it themselves
            module.forward = before
