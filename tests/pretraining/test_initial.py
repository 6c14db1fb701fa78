"""The model before its first step: heads that look at the previous token, in a stock Llama."""

from __future__ import annotations

import pytest
import torch
from builders import byte_level_tokenizer
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from manyicl.pretraining.initial import initial_model
from manyicl.pretraining.settings import ShapeConfig

SHAPES = {
    "small": ShapeConfig(vocab_size=500, hidden_size=64, num_hidden_layers=2, intermediate_size=96,
                         num_attention_heads=2, max_position_embeddings=256),
    "four heads": ShapeConfig(vocab_size=500, hidden_size=128, num_hidden_layers=3,
                              intermediate_size=96, num_attention_heads=4),
    "as nano": ShapeConfig(vocab_size=500, num_hidden_layers=2),
}  # fmt: skip


def attention_of(model, length: int = 96) -> torch.Tensor:
    """Return the attention of each layer and head on random tokens, mean over rows
    [layers, heads, queries, keys]."""
    model.set_attn_implementation("eager")
    ids = torch.randint(model.config.vocab_size, (4, length), generator=torch.manual_seed(5))
    with torch.no_grad():
        found = model(ids, output_attentions=True).attentions
    return torch.stack(found).mean(1)


def at_distance(attention: torch.Tensor, distance: int) -> torch.Tensor:
    """Return the mean weight on the token so far back, by layer and head."""
    return attention.diagonal(-distance, dim1=-2, dim2=-1)[..., 8:].mean(-1)


@pytest.mark.parametrize("name", SHAPES)
def test_heads_look_at_the_previous_token(name):
    shape = SHAPES[name]
    attention = attention_of(initial_model(shape, byte_level_tokenizer()))
    weight = at_distance(attention, 1)
    heads = shape.num_attention_heads
    previous = [(0, head) for head in range((heads + 1) // 2)] + [(1, 0)]
    for layer, head in previous:
        assert weight[layer, head] > 0.8, (layer, head)
        others = torch.stack([at_distance(attention, d)[layer, head] for d in (0, 2, 3, 5)])
        assert others.max() < 0.15
    for layer in range(shape.num_hidden_layers):
        for head in range(heads):
            if (layer, head) not in previous:
                assert weight[layer, head] < 0.5, (layer, head)


def test_window_heads_look_a_few_tokens_back():
    shape = SHAPES["as nano"]
    attention = attention_of(initial_model(shape, byte_level_tokenizer()))
    for head in range(2, 4):
        near = sum(at_distance(attention, d)[0, head] for d in range(16))
        assert near > 0.6, head


def test_heads_that_match_see_what_is_alike():
    """On a repeated block a matching head gives an earlier copy more than its neighbours."""
    model = initial_model(SHAPES["as nano"], byte_level_tokenizer())
    model.set_attn_implementation("eager")
    block = torch.randperm(500, generator=torch.manual_seed(2))[:24]
    with torch.no_grad():
        found = model(block.repeat(2)[None], output_attentions=True).attentions[1][0]
    for head in range(1, 4):
        copies = found[head].diagonal(-24)[4:].mean()
        assert copies > 1.5 * found[head].diagonal(-23)[4:].mean(), head


def test_without_head_start_nothing_is_set():
    shape = ShapeConfig(vocab_size=500, num_hidden_layers=2, head_start=False)
    model = initial_model(shape, byte_level_tokenizer())
    biases = [p for name, p in model.named_parameters() if name.endswith("_proj.bias")]
    assert biases
    assert all(not bias.any() for bias in biases)
    assert at_distance(attention_of(model), 1).max() < 0.1


def test_a_stock_model_loads_it(tmp_path):
    tokenizer = byte_level_tokenizer()
    model = initial_model(SHAPES["small"], tokenizer)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(loaded) is LlamaForCausalLM
    assert loaded.config.eos_token_id == tokenizer.eos_token_id
    assert loaded.config.max_position_embeddings == 256
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids).logits, model(ids).logits)


def test_the_seed_decides_the_weights():
    def weights(seed):
        shape = ShapeConfig(vocab_size=400, hidden_size=32, num_hidden_layers=2, seed=seed)
        return initial_model(shape, byte_level_tokenizer()).state_dict()

    one, same, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(tensor, same[name]) for name, tensor in one.items())
    assert not torch.equal(one["model.embed_tokens.weight"], other["model.embed_tokens.weight"])
