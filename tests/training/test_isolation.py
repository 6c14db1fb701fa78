"""A model that would let packed sequences see each other is found out before it trains."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from builders import ARCHITECTURES, tiny_model
from training.tiny_runs import tiny_config

from manyicl.errors import ConfigError
from manyicl.models.packed_attention import packed_attention
from manyicl.training.isolation import check_isolation
from manyicl.training.run import train

# Of these, OPT takes positions for positions alone, and BLOOM and Mamba take none.
LEAKY: dict[str, dict[str, Any]] = {
    "opt": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "ffn_dim": 48,
        "word_embed_proj_dim": 32,
        "max_position_embeddings": 512,
    },
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("scale", [1.0, 0.25])  # 0.25: as small as an untrained model's
def test_a_model_that_keeps_sequences_apart_passes(architecture, scale):
    model = tiny_model(architecture)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(scale)
    check_isolation(model)
    check_isolation(model.bfloat16())


@pytest.mark.parametrize("autocast", [True, False])
def test_many_layers_of_bf16_pass_however_they_round(autocast):
    """Sequence by sequence the row takes other kernels than a sequence alone."""
    model = tiny_model("llama", num_hidden_layers=24).bfloat16()
    on = torch.autocast("cpu", torch.bfloat16, enabled=autocast)
    with on, packed_attention(model) as by_sequence:
        assert by_sequence
        check_isolation(model)


@pytest.mark.parametrize("architecture", ["bloom", "mamba"])
def test_a_leak_in_bf16_is_found(architecture):
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    config = AutoConfig.for_model(architecture, vocab_size=128, **LEAKY[architecture])
    model: Any = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4.0)
    with pytest.raises(ConfigError, match="see each other"):
        check_isolation(model.bfloat16().eval())


@pytest.mark.parametrize("architecture", LEAKY)
def test_a_model_that_does_not_is_refused_and_trains_without_packing(architecture, tmp_path):
    settings = {
        "model__config": {"model_type": architecture, **LEAKY[architecture]},
        "episodes__shots": "1-2",
        "training__steps": 1,
    }
    with pytest.raises(ConfigError) as caught:
        train(tiny_config(tmp_path, **settings))
    assert str(caught.value).startswith("episodes.packing: is true, but")
    assert f"{architecture!r}" in str(caught.value)
    assert str(caught.value).endswith("Set episodes.packing=false.")
    train(tiny_config(tmp_path, episodes__packing=False, **settings))
