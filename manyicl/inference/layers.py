"""The keys and values of a prefix, layer by layer: as computed, as int8, or in the host's memory.

A prefix takes 2 x layers x key heads x head width numbers a token. As int8 each block of 32 numbers
has one scale of its own, so that what is kept of a token does not depend on later tokens and a
cropped prefix still equals a shorter one.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

Storage = Literal["model", "int8", "offload"]
STORAGES: tuple[str, ...] = get_args(Storage)
BLOCK = 32


class Layers:
    """Keys and values of up to `capacity` tokens in every layer of a model.

    `storage`: `model` keeps them as the model computes them, `int8` in 9/32 of fp32 (9/16 of
    bf16), `offload` in the host's memory, from where a layer is fetched when it is needed.
    """

    def __init__(self, capacity: int, storage: Storage = "model"):
        self.capacity = capacity
        self.storage: Storage = storage
        self._parts: dict[int, tuple[_Part, _Part]] = {}

    def write(self, layer: int, start: int, keys: Tensor, values: Tensor) -> None:
        """Put keys and values (1, J, T, D) at the positions `start` to `start + T`."""
        if layer not in self._parts:
            self._parts[layer] = (
                _Part(self.capacity, keys, self.storage),
                _Part(self.capacity, values, self.storage),
            )
        for part, tensor in zip(self._parts[layer], (keys, values), strict=True):
            part.write(start, tensor)

    def read(self, layer: int, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Return keys and values (1, J, stop - start, D) as the model computes with them."""
        keys, values = self._parts[layer]
        return keys.read(start, stop), values.read(start, stop)

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def num_bytes(self) -> int:
        return sum(part.num_bytes for pair in self._parts.values() for part in pair)

    def tensors(self, length: int) -> dict[str, Tensor]:
        """Return the first `length` tokens as named tensors, for a safetensors file."""
        return {
            f"layers.{layer}.{name}{suffix}": tensor[:, :, :length].contiguous()
            for layer, pair in self._parts.items()
            for name, part in zip(("keys", "values"), pair, strict=True)
            for suffix, tensor in part.tensors.items()
        }

    @classmethod
    def of_tensors(
        cls, tensors: dict[str, Tensor], storage: Storage, dtype: torch.dtype, device: torch.device
    ) -> Layers:
        """Return what `tensors` told, on `device`. Raises `KeyError` if one is missing."""
        layers = cls(0, storage)
        number = len({name.split(".")[1] for name in tensors if name.startswith("layers.")})
        for layer in range(number):
            keys, values = (
                _Part.of_tensors(tensors, f"layers.{layer}.{name}", storage, dtype, device)
                for name in ("keys", "values")
            )
            layers._parts[layer] = keys, values
            layers.capacity = keys.tensors[""].shape[2]
        return layers


class _Part:
    """The keys, or the values, of one layer. `tensors[""]` holds them, `tensors[".scales"]` the
    scales of int8."""

    def __init__(self, capacity: int, like: Tensor, storage: Storage):
        self.dtype, self.device, self.storage = like.dtype, like.device, storage
        home = torch.device("cpu") if storage == "offload" else like.device
        _, heads, _, width = like.shape
        self.tensors: dict[str, Tensor] = {}
        if not capacity:
            return
        kept = torch.int8 if storage == "int8" else like.dtype
        pinned = storage == "offload" and like.device.type == "cuda"
        self.tensors[""] = torch.empty(
            1, heads, capacity, width, dtype=kept, device=home, pin_memory=pinned
        )
        if storage == "int8":
            blocks = width // _block(width)
            self.tensors[".scales"] = torch.empty(
                1, heads, capacity, blocks, dtype=torch.float32, device=home
            )

    @classmethod
    def of_tensors(
        cls,
        tensors: dict[str, Tensor],
        name: str,
        storage: Storage,
        dtype: torch.dtype,
        device: torch.device,
    ) -> _Part:
        part = cls(0, torch.empty(1, 1, 0, 1, dtype=dtype, device=device), storage)
        home = torch.device("cpu") if storage == "offload" else device
        part.tensors[""] = tensors[name].to(home)
        if storage == "int8":
            part.tensors[".scales"] = tensors[f"{name}.scales"].to(home)
        return part

    @property
    def num_bytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in self.tensors.values())

    def write(self, start: int, tensor: Tensor) -> None:
        stop = start + tensor.shape[2]
        if self.storage != "int8":
            self.tensors[""][:, :, start:stop] = tensor.to(self.tensors[""].device)
            return
        blocks = tensor.float().unflatten(-1, (-1, _block(tensor.shape[-1])))
        scales = blocks.abs().amax(-1) / 127
        rounded = (blocks / scales.clamp(min=1e-30)[..., None]).round_()
        self.tensors[""][:, :, start:stop] = rounded.flatten(-2).to(torch.int8)
        self.tensors[".scales"][:, :, start:stop] = scales

    def read(self, start: int, stop: int) -> Tensor:
        kept = self.tensors[""][:, :, start:stop]
        if self.storage == "int8":
            blocks = kept.unflatten(-1, (-1, _block(kept.shape[-1])))
            scales = self.tensors[".scales"][:, :, start:stop, :, None]
            return (blocks * scales).flatten(-2).to(self.dtype)
        return kept.to(self.device, self.dtype, non_blocking=True)


def _block(width: int) -> int:
    return BLOCK if width % BLOCK == 0 else width
