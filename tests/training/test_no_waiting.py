"""A step looks at the device once, before its optimizer step, however many rows it has."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from training.tiny_runs import tiny_config

from manyicl.training import run
from manyicl.training.run import train

# What makes a GPU's queue run dry: a number read by Python, a size that depends on values.
WAITS = {"_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "equal", "unique"}


class Waits(TorchDispatchMode):
    """Collects the names of operations that wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in WAITS:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("packing", [True, False])
def test_a_row_waits_for_no_more_than_the_bare_model_does(tmp_path, monkeypatch, packing):
    """transformers looks whether positions restart, and where: that is the model's own."""
    found: list[tuple[list[str], list[str]]] = []

    class Watched(run.ManyICLTrainer):
        def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
            names = ("input_ids", "position_ids")
            with Waits() as bare:
                model(**{name: inputs[name] for name in names}, use_cache=False)
            with Waits() as whole:
                loss = super().training_step(model, inputs, *args, **kwargs)
            found.append((whole.found, bare.found))
            return loss

    monkeypatch.setattr(run, "ManyICLTrainer", Watched)
    settings: dict[str, Any] = {"episodes__packing": packing, "training__steps": 2}
    train(tiny_config(tmp_path, episodes__shots="1-2", training__rows_per_step=3, **settings))
    assert len(found) == 6
    assert all(whole == bare for whole, bare in found)
    assert packing or all(len(bare) == 1 for _, bare in found)
