"""Muon for the matrices inside the layers, AdamW for embeddings, norms and biases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


class MuonWithAdam:
    """Two optimizers as one. Muon (Jordan 2024) orthogonalises the momentum of each matrix; its
    update is scaled to the root mean square of AdamW's, so one learning rate serves both.
    """

    def __init__(self, model: nn.Module, momentum: float, weight_decay: float, adam_scale: float):
        self._named = dict(model.named_parameters())
        matrices = [n for n, p in self._named.items() if p.ndim == 2 and "embed" not in n]
        rest = [name for name in self._named if name not in matrices]
        self._adam_scale = adam_scale
        self._muon = torch.optim.Muon(
            [self._named[name] for name in matrices],
            momentum=momentum,
            weight_decay=weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        self._adam = torch.optim.AdamW(
            [self._named[name] for name in rest], betas=(0.9, 0.95), weight_decay=0.0, fused=True
        )

    def set_learning_rate(self, value: float) -> None:
        for group in self._muon.param_groups:
            group["lr"] = value
        for group in self._adam.param_groups:
            group["lr"] = value * self._adam_scale

    def step(self) -> None:
        """Update the parameters and drop their gradients."""
        for optimizer in (self._muon, self._adam):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_tensors(self) -> dict[str, Tensor]:
        """Return the optimizer's state by `parameter/key`, for a safetensors file."""
        return {
            f"{name}/{key}": value.contiguous()
            for name, state in self._states()
            for key, value in state.items()
            if isinstance(value, Tensor)
        }

    def load_state_tensors(self, tensors: dict[str, Tensor]) -> None:
        for name, parameter in self._named.items():
            mine = {
                key.rpartition("/")[2]: value.clone()
                for key, value in tensors.items()
                if key.rpartition("/")[0] == name
            }
            if mine:
                owner = (
                    self._muon if any(parameter is p for p in _params(self._muon)) else self._adam
                )
                owner.state[parameter] = mine

    def _states(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, parameter in self._named.items():
            for optimizer in (self._muon, self._adam):
                if parameter in optimizer.state:
                    yield name, optimizer.state[parameter]


def _params(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    for group in optimizer.param_groups:
        yield from group["params"]
