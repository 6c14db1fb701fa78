"""The loss of every token of a text: once each, from enough of what is before it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from builders import tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from manyicl.evaluation import token_loss
from manyicl.evaluation.token_loss import in_bits_per_byte, token_losses

VOCAB = 40
PARTS = pytest.mark.parametrize("head_in_parts", [False, True])


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=VOCAB, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                    intermediate_size=32, max_position_embeddings=128, initializer_range=0.5)
    ).eval()  # fmt: skip


def plain_loss(model, context, target) -> float:
    with torch.inference_mode():
        logits = model(torch.tensor(context)[None]).logits[0, -1]
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(target)))


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 70), st.sampled_from([4, 8, 16, 128]), st.booleans())
def test_every_token_is_predicted_once_from_half_a_window_at_least(model, size, context, in_parts):
    ids = np.random.default_rng(size).integers(1, VOCAB, size)
    losses = token_losses(model, ids, context, head_in_parts=in_parts)
    assert losses.shape == (size - 1,)
    half = context // 2
    # Which tokens a window predicts follows from its length alone.
    done, start = 1, 0
    for at in range(1, size):
        if at == min(start + context, size) and at >= done:
            start, done = max(0, min(at - half, size - context)), at
        assert at - start >= min(half, at)
        assert at - start < context
        assert losses[at - 1] == pytest.approx(plain_loss(model, ids[start:at], ids[at]), abs=1e-4)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3_text"])
def test_one_window_is_the_plain_loss_for_any_architecture(architecture):
    model = tiny_model(architecture)
    ids = np.random.default_rng(0).integers(1, 500, 70)
    with torch.inference_mode():
        logits = model(torch.from_numpy(ids)[None]).logits[0].float()
    expected = torch.nn.functional.cross_entropy(
        logits[:-1], torch.from_numpy(ids[1:]), reduction="none"
    )
    found = token_losses(model, ids.tolist(), 128)
    np.testing.assert_allclose(found, expected.numpy(), rtol=2e-4, atol=1e-4)


@PARTS
def test_no_more_losses_than_said_are_computed_at_once(model, monkeypatch, head_in_parts):
    ids = np.random.default_rng(1).integers(1, VOCAB, 50)
    whole = token_losses(model, ids, 64, head_in_parts=head_in_parts)
    sizes = []
    plain = torch.nn.functional.cross_entropy

    def counted(logits, targets, **how):
        sizes.append(len(logits))
        return plain(logits, targets, **how)

    monkeypatch.setattr(token_loss, "LOSSES_AT_ONCE", 20)
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", counted)
    in_parts = token_losses(model, ids, 64, head_in_parts=head_in_parts)
    assert sizes == [20, 20, 9]
    np.testing.assert_allclose(in_parts, whole, atol=1e-5)


def test_a_head_in_parts_never_holds_more_logits(model, monkeypatch):
    monkeypatch.setattr(token_loss, "LOSSES_AT_ONCE", 20)
    held = []
    hook = model.lm_head.register_forward_hook(lambda _, __, out: held.append(len(out)))
    try:
        token_losses(model, np.arange(1, 40), 64, head_in_parts=True)
    finally:
        hook.remove()
    assert held == [20, 18]


def test_a_window_is_no_longer_than_the_model_was_built_for(model):
    ids = np.random.default_rng(2).integers(1, VOCAB, 200)
    np.testing.assert_array_equal(token_losses(model, ids, 1000), token_losses(model, ids, 128))


def test_nothing_is_predicted_without_a_token_before_it(model):
    assert token_losses(model, [], 8).shape == token_losses(model, [3], 8).shape == (0,)


def test_nats_in_bits_per_byte():
    assert in_bits_per_byte(8 * math.log(2), 4) == pytest.approx(2)
