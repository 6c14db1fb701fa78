"""A training that leaves nothing behind, least of all on the model."""

from __future__ import annotations

import pytest
import torch
from training.tiny_runs import rows_of, tiny_config

from manyicl.models import load_model, load_tokenizer
from manyicl.study.in_memory import fit
from manyicl.training.base import base_path
from manyicl.training.data import held_in_tasks


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_trained_model_computes_as_one_that_was_loaded(tmp_path, precision):
    """For training in bf16 its forward computes under autocast; afterwards in the weights' type."""
    config = tiny_config(tmp_path, training__precision=precision)
    base = base_path(config, tmp_path / "run", held_in_tasks(config))
    model, fresh = (load_model(base, config.model, training=True) for _ in range(2))
    rows = rows_of(config)
    assert fit(model, rows, config, load_tokenizer(base), tmp_path / "fit") > 0
    assert not (tmp_path / "fit").exists()
    before = fresh.state_dict()
    assert any(not torch.equal(p, before[name]) for name, p in model.state_dict().items())
    fresh.load_state_dict(model.state_dict())
    ids = torch.tensor([[5, 9, 31, 7, 7, 120, 64]])
    with torch.no_grad():
        found, wanted = (each.eval()(input_ids=ids).logits for each in (model, fresh))
    assert torch.equal(found, wanted)
