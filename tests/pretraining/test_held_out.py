"""Held-out measures: every token once, in the right context; bytes counted as they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from manyicl.models.scratch import train_tokenizer
from manyicl.pretraining.held_out import (
    bits_per_byte,
    draw_held_out,
    loss_by_position,
    position_buckets,
    split_documents,
    token_bytes,
    token_losses,
    weighted_mean,
)

VOCAB, END = 40, 0


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
@given(st.integers(2, 70), st.sampled_from([4, 8, 16, 128]))
def test_every_token_is_predicted_once_from_half_a_window_at_least(model, size, context):
    ids = np.random.default_rng(size).integers(1, VOCAB, size)
    losses = token_losses(model, ids, context)
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


def test_one_window_is_the_plain_loss(model):
    ids = np.random.default_rng(1).integers(1, VOCAB, 50)
    with torch.inference_mode():
        logits = model(torch.from_numpy(ids)[None]).logits[0]
    expected = torch.nn.functional.cross_entropy(
        logits[:-1], torch.from_numpy(ids[1:]), reduction="none"
    )
    np.testing.assert_allclose(token_losses(model, ids, 64), expected.numpy(), atol=1e-5)


def test_bytes_of_tokens_add_up_to_the_text_and_its_end_marks():
    texts = ["Größe 12 → 3 €, naïve", "plain words\nand two lines", "日本"]
    tokenizer = train_tokenizer(texts, 300)
    ids = [i for text in texts for i in [*tokenizer.encode(text), tokenizer.eos_token_id]]
    found = draw_held_out("a", np.array(ids), tokenizer.eos_token_id, token_bytes(tokenizer), 999)
    assert found.num_bytes == sum(len(text.encode()) + 1 for text in texts)
    assert found.num_documents == 3
    np.testing.assert_array_equal(found.ids, ids)


def test_too_much_held_out_text_is_drawn_document_by_document():
    documents = [[i] * 9 + [END] for i in range(1, 31)]
    ids = np.array(documents, np.uint16).ravel()
    found = draw_held_out("a", ids, END, np.ones(VOCAB, int), 45)
    assert len(found.ids) == found.num_bytes == 45
    assert found.num_documents == 5
    drawn = split_documents(found.ids, END)
    assert [part.tolist() for part in drawn[:4]] != documents[:4]  # at random
    assert all(part.tolist() in documents for part in drawn[:4])
    again = draw_held_out("a", ids, END, np.ones(VOCAB, int), 45)
    np.testing.assert_array_equal(again.ids, found.ids)


def test_documents_are_cut_behind_end_marks():
    parts = split_documents(np.array([5, 0, 6, 7, 0, 8]), END)
    assert [part.tolist() for part in parts] == [[5, 0], [6, 7, 0], [8]]
    assert split_documents(np.array([], np.uint16), END) == []


def test_bits_and_means():
    assert bits_per_byte(8 * math.log(2), 4) == pytest.approx(2)
    assert weighted_mean({"a": 1.0, "b": 3.0}, {"a": 3, "b": 1, "c": 9}) == 1.5
    assert weighted_mean({"a": 1.0, "b": 3.0}, {"a": 0, "b": 0}) == 2


def test_position_buckets_cover_each_position_once():
    for length in (17, 32, 100, 4096):
        covered = [i for low, high in position_buckets(length) for i in range(low, high + 1)]
        assert covered == list(range(1, length))
    assert position_buckets(4096)[-1] == (2048, 4095)


def test_loss_by_position_takes_windows_within_documents(model):
    rng = np.random.default_rng(2)
    long = [rng.integers(1, VOCAB, 70) for _ in range(3)]
    ids = np.concatenate([[*part, END] for part in [*long, rng.integers(1, VOCAB, 9)]])
    found = loss_by_position(model, {"novels": ids, "mails": np.array([3, 4, 0])}, END, 64)
    # Three windows of 64 are too few; of 32 there are two in each long document.
    assert found["window_tokens"] == 32
    assert found["windows"] == {"novels": 6}
    windows = [part[start : start + 32] for part in long for start in (0, 32)]
    mean = np.mean([token_losses(model, window, 32) for window in windows], axis=0)
    assert [b["nats"] for b in found["buckets"]] == pytest.approx(
        [mean[:15].mean(), mean[15:].mean()], rel=1e-6
    )


def test_no_long_document_gives_no_buckets(model):
    assert loss_by_position(model, {"a": np.array([1, 2, 0])}, END, 64)["buckets"] == []
