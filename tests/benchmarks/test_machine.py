"""The machine's limits: positive, and those of the dtype that is asked for."""

from __future__ import annotations

import math

from manyicl.benchmarks import machine


def test_of_two_measurements_the_higher_rates_count():
    first = {"fp32": 2.0, "bf16": 5.0, "bandwidth": 1.0, "threads": 2}
    second = {"fp32": 3.0, "bf16": 4.0, "bandwidth": 1.5, "threads": 2}
    assert machine.better(first, second) == {**second, "bf16": 5.0}


def test_rates_are_measured(monkeypatch):
    monkeypatch.setattr(machine, "SIDES", {"cpu": ()})
    monkeypatch.setattr(machine, "FIRST_SIDE", 64)
    monkeypatch.setattr(machine, "COPIED_BYTES", {"cpu": 1 << 20})
    found = machine.measure("cpu", seconds=0.005)
    for rate in (found.fp32, found.bf16, found.bandwidth):
        assert rate > 0
        assert math.isfinite(rate)
    assert found.cores >= found.threads >= 1
    assert found.memory_bytes > 1 << 28
    assert found.rate("bfloat16") == found.bf16
    assert found.rate("float32") == found.fp32
