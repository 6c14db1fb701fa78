"""`--profile`: its phases add up, its files are there, and the model does not know of it."""

from __future__ import annotations

import gzip
import json

import pytest
import torch
from training.tiny_runs import assert_same_weights, log_lines, rows_of, tiny_config

from manyicl.cli import main
from manyicl.errors import ConfigError
from manyicl.models import load_model
from manyicl.models.flops import Shape, training_flops
from manyicl.training import profile as module
from manyicl.training.profile import PHASES, WARM_UP, matrix_rate, profile_lines
from manyicl.training.run import train


def test_the_profile_adds_up_and_changes_no_weight(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "matrix_rate", lambda device, dtype: 1e9)
    plain, profiled = (tiny_config(tmp_path, run=name) for name in ("plain", "profiled"))
    train(plain)
    train(profiled, profile=True)
    assert_same_weights(tmp_path / "plain/model", tmp_path / "profiled/model")
    assert log_lines(tmp_path / "plain") == log_lines(tmp_path / "profiled")

    found = json.loads((tmp_path / "profiled/profile.json").read_text())
    phases = found["phases"]
    assert tuple(phases) == PHASES
    spent = sum(phase["seconds_per_step"] for phase in phases.values())
    assert spent == pytest.approx(found["seconds_per_step"])
    assert sum(phase["share"] for phase in phases.values()) == pytest.approx(1)
    assert all(phase["seconds_per_step"] > 0 for phase in phases.values())

    # Two steps to warm up and one to trace, of six: rows 4 to 9 of two a step are in the figures.
    assert (found["steps"], found["rows"]) == (3, 6)
    rows = [rows_of(profiled).row(2 * WARM_UP + index) for index in range(6)]
    assert found["tokens"] == sum(row.input_ids.numel() for row in rows)
    assert found["supervised_tokens"] == sum(len(row.targets) for row in rows)
    seconds = 3 * found["seconds_per_step"]
    assert found["tokens_per_s"] == pytest.approx(found["tokens"] / seconds)
    shape = Shape.of(load_model(str(tmp_path / "profiled/model")))
    flops = sum(
        training_flops(shape, length, 0, length) for row in rows for length in row.lengths
    ) + training_flops(Shape(0, 0, 0, shape.hidden_size, shape.vocab_size), 0,
                       found["supervised_tokens"], 0)  # fmt: skip
    assert found["flops_per_s"] == pytest.approx(flops / seconds)
    assert found["share_of_matrix_product_rate"] == pytest.approx(flops / seconds / 1e9)
    assert found["peak_memory_bytes"] > 1e7

    with gzip.open(tmp_path / "profiled/profile_trace.json.gz") as file:
        names = {event.get("name") for event in json.load(file)["traceEvents"]}
    assert {"aten::mm", "aten::embedding"} <= names


def test_the_command_prints_the_table(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(module, "matrix_rate", lambda device, dtype: 2e9)
    from manyicl.config import save_config

    save_config(tiny_config(tmp_path), tmp_path / "recipe.yaml")
    assert main(["train", str(tmp_path / "recipe.yaml"), "--profile"]) == 0
    printed = capsys.readouterr().out.splitlines()
    lines = profile_lines(tmp_path / "run")
    assert printed[-len(lines) :] == lines
    assert [line.split()[0] for line in lines[:8]] == ["phase", *PHASES, "step"]
    assert "of the rate of matrix products here (2 GFLOP/s in fp32)" in lines[8]


def test_a_run_too_short_to_profile_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="--profile: 3 steps are left in this run; at least 4"):
        train(tiny_config(tmp_path, training__steps=3), profile=True)
    train(tiny_config(tmp_path, training__steps=3))
    assert profile_lines(tmp_path / "run") == []


def test_the_rate_of_matrix_products_draws_no_random_numbers():
    before = torch.get_rng_state()
    assert matrix_rate(torch.device("cpu"), torch.float32, seconds=0.01) > 0
    assert torch.equal(torch.get_rng_state(), before)
