"""Held-out measures: every token once, in the right context; bytes counted as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from manyicl.evaluation.token_loss import token_losses
from manyicl.models.scratch import train_tokenizer
from manyicl.pretraining.held_out import (
    draw_held_out,
    loss_by_position,
    position_buckets,
    split_documents,
    token_bytes,
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


def test_means_by_weight():
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
