"""What the tests of loading share: settings, logits, and what a refusal must say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from manyicl.config import LoraConfig, ModelConfig
from manyicl.errors import ModelError
from manyicl.models import load_model

IDS = torch.tensor([[5, 9, 31, 7, 7, 120, 64]])


def lora(rank: int, names: str = "all-linear") -> ModelConfig:
    return ModelConfig(lora=LoraConfig(rank=rank, target_modules=names))


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=IDS).logits


def refused(path: Path | str, *parts: str, config: ModelConfig | None = None) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(str(path), config)
    for part in (str(path), *parts):
        assert part in str(caught.value)
