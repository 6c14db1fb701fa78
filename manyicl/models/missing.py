"""Weights that a checkpoint does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manyicl.errors import ModelError, listing


def refuse_missing(key: str, path: str, found: Mapping[str, Any]) -> None:
    """Raise `ModelError` for weights that were not there: transformers would draw them at random
    and say so only where nobody looks.

    `found` is what `from_pretrained(output_loading_info=True)` tells; `key` is the setting that
    named the model.
    """
    missing = sorted(found.get("missing_keys", ()))
    if not missing:
        return
    strange = sorted(found.get("unexpected_keys", ()))
    also = f" It holds others that the model does not have: {listing(strange, 3)}." * bool(strange)
    raise ModelError(
        f"{key}: {path}: lacks {len(missing)} of the model's weights: {listing(missing, 3)}."
        f"{also} Name a folder that holds a whole causal language model (one saved from inside a "
        "wrapper has other names, and one without its head, or with another, lacks that)."
    )
