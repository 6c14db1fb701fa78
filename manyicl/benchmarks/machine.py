"""The machine's own limits, measured on the spot: matrix products and memory bandwidth.

Speeds are read as fractions of these, so they are measured before and after every size, with the
same threads, and the better one counts: a machine that others use as well would else look slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from manyicl.benchmarks import memory
from manyicl.benchmarks.turns import Turns

MIN_SECONDS = 0.25  # of all repetitions together, and at least one product each
REPETITIONS = 5
SIDES = {"cpu": (1024, 2048), "cuda": (4096, 8192)}
"""Sides of square matrices to try after `FIRST_SIDE`; the best rate counts."""
FIRST_SIDE = 512
COPIED_BYTES = {"cpu": 1 << 28, "cuda": 1 << 31}


@dataclass(frozen=True)
class Machine:
    """What the machine can do at best. Rates in operations a second, bandwidth in bytes a second
    (a copy reads and writes, and counts both)."""

    name: str
    cores: int
    threads: int
    memory_bytes: int
    fp32: float
    bf16: float
    bandwidth: float

    def rate(self, dtype: str) -> float:
        """Return the matrix-product rate of `float32` or `bfloat16`."""
        return self.bf16 if dtype == "bfloat16" else self.fp32


def measure(device: str | None = None, seconds: float = MIN_SECONDS) -> Machine:
    """Measure `device`, by default the GPU where there is one."""
    import os

    import torch

    from manyicl.evaluation.environment import describe_environment

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    found: Mapping[str, Any] = {**describe_environment()}
    return Machine(
        name=found["device" if device == "cuda" else "cpu"],
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        memory_bytes=_memory_of(device),
        fp32=_product_rate(torch.float32, device, seconds),
        bf16=_product_rate(torch.bfloat16, device, seconds),
        bandwidth=_bandwidth(device, seconds),
    )


def better(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Join two measurements of one machine: of each rate the higher one."""
    rates = {rate: max(first[rate], second[rate]) for rate in ("fp32", "bf16", "bandwidth")}
    return {**second, **rates}


def side(settings: Mapping[str, Any], turns: Turns) -> None:
    """Measure in a process of its own, which then gives everything back."""
    turns.ready()
    for _ in turns:
        found = measure(seconds=settings.get("seconds", MIN_SECONDS))
        turns.report(units=1, machine=asdict(found))


def _product_rate(dtype: Any, device: str, seconds: float) -> float:
    import torch
    import torch.nn.functional as F

    best = 0.0
    for side in (FIRST_SIDE, *SIDES[device]):
        left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        # As a linear layer multiplies: other routines of the same product are slower in bf16.
        rate = _rate(lambda a=left, b=right: F.linear(a, b), 2 * side**3, seconds)
        best = max(best, rate)
        if 2 * (2 * side) ** 3 / best > 4 * seconds:
            break  # emulated: larger products would take minutes and be no faster
    return best


def _bandwidth(device: str, seconds: float) -> float:
    import torch

    number = COPIED_BYTES[device] // 4
    source = torch.ones(number, device=device)
    target = torch.empty_like(source)
    return _rate(lambda: target.copy_(source), 2 * 4 * number, seconds)


def _rate(work: Callable[[], Any], amount: float, seconds: float) -> float:
    """Return `amount` a second, the best of some repetitions: a limit is not what others leave."""
    work()
    rates: list[float] = []
    for _ in range(REPETITIONS):
        memory.settle()
        began, times = time.perf_counter(), 0
        while True:
            work()
            times += 1
            if times % 8 == 0 or times == 1:
                memory.settle()  # a device queues work: the clock must not run ahead of it
            if time.perf_counter() - began >= seconds / REPETITIONS:
                break
        memory.settle()
        rates.append(times * amount / (time.perf_counter() - began))
    return max(rates)


def _memory_of(device: str) -> int:
    import os

    import torch

    if device == "cuda":
        return torch.cuda.get_device_properties(0).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
