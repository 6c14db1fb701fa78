"""Rows of a step: which tokens are targets, at what weight, and what the rows depend on."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pretraining.tiny_pretraining import documents, vocabulary

from manyicl.models.scratch import ASSISTANT_MARK, USER_MARK, train_tokenizer
from manyicl.pretraining.patterns import GROUPS, PATTERNS
from manyicl.pretraining.patterns.piece import Piece
from manyicl.pretraining.rows import RowMaker, Rows
from manyicl.pretraining.settings import StageConfig
from manyicl.pretraining.text_stream import TextStream

VOCABULARY = vocabulary()
TOKENIZER = train_tokenizer(documents(0), 500, (USER_MARK, ASSISTANT_MARK))
TEXT = np.arange(20, 420)
OPEN, SETTLED = 0.25, 2.0
seeds = st.integers(0, 10**6)


def maker(mixture: dict[str, float], tokens: int = 96, seed: int = 0, **stage) -> RowMaker:
    text = TextStream({"a": TEXT}, tokens) if "text" in mixture else None
    return RowMaker(
        StageConfig(row_tokens=tokens, rows_per_step=4, mixture=mixture, **stage),
        TOKENIZER,
        VOCABULARY,
        text,
        seed=seed,
        open_weight=OPEN,
        settled_weight=SETTLED,
    )


def same(one: Rows, other: Rows) -> bool:
    return torch.equal(one.ids, other.ids) and torch.equal(one.weights, other.weights)


@settings(max_examples=25)
@given(st.sampled_from(["text", "blocks", *GROUPS, *PATTERNS]), st.integers(9, 200), seeds)
def test_rows_of_any_kind_are_full_and_begin_without_a_target(kind, tokens, seed):
    rows = maker({kind: 1.0}, tokens, seed).step(seed % 7)
    assert rows.ids.shape == rows.weights.shape == (4, tokens)
    assert rows.ids.dtype == torch.int64
    assert rows.kinds == (kind,) * 4
    assert ((rows.ids >= 0) & (rows.ids < len(TOKENIZER))).all()
    assert not rows.weights[:, 0].any()
    if kind != "blocks" and tokens > 60:
        assert (rows.weights > 0).any(1).all()


def test_every_token_of_text_has_weight_one():
    rows = maker({"text": 1.0}).step(0)
    assert (rows.weights[:, 1:] == 1.0).all()
    for row in rows.ids:
        assert torch.equal(row, torch.arange(int(row[0]), int(row[0]) + 96))


@settings(max_examples=40)
@given(st.integers(9, 150), seeds, st.sampled_from([0, 5, 40, 10**6]))
def test_targets_of_a_repeated_block_are_all_settled_by_the_first_copy(tokens, seed, known):
    rows = maker({"blocks": 1.0}, tokens, seed, block_vocabulary=known).step(3)
    special = len(TOKENIZER.all_special_ids)
    assert (rows.ids >= special).all()
    if known:
        assert (rows.ids < special + known).all()
    for ids, weights in zip(rows.ids, rows.weights, strict=True):
        targets = weights.nonzero()[:, 0]
        assert set(weights[targets].tolist()) == {SETTLED}
        size = int(targets[0]) - 1  # the first token of the copy cannot be known
        assert max(4, tokens // 4) <= size <= max(4, tokens // 2)
        assert torch.equal(targets, torch.arange(size + 1, tokens))
        assert torch.equal(ids[size:], ids[: tokens - size])


def test_weights_lie_on_the_tokens_of_their_pieces(monkeypatch):
    def document(rng, vocabulary, size):
        del vocabulary, size
        name = rng.choice(("ab", "cde"))
        return [Piece(f"key {name} ->"), Piece(f" {name}{name}", settled=True), Piece("\n")]

    monkeypatch.setitem(PATTERNS, "dictionary", document)
    rows = maker({"dictionary": 1.0}).step(0)
    for ids, weights in zip(rows.ids.tolist(), rows.weights.tolist(), strict=True):
        position = 0
        while position < len(ids):
            end = ids.index(0, position) if 0 in ids[position:] else len(ids)
            text = TOKENIZER.decode(ids[position:end])
            name = "cde" if "cde" in text[:9] else "ab"
            parts = [(f"key {name} ->", OPEN), (f" {name}{name}", SETTLED), ("\n", OPEN)]
            expected = [
                (token, weight)
                for part, weight in parts
                for token in TOKENIZER.encode(part, add_special_tokens=False)
            ]
            found = list(zip(ids[position:end], weights[position:end], strict=True))
            if position == 0:
                found[0] = (found[0][0], OPEN)
            assert found == expected[: len(found)]
            if end < len(ids):
                assert len(found) == len(expected)
                assert weights[end] == 0.0  # whether a document is over cannot be known
            position = end + 1


def test_rows_depend_on_seed_stage_and_step_alone():
    mixture = {"blocks": 0.3, "lookups": 0.4, "sentences": 0.3}
    one = maker(mixture)
    steps = [one.step(number) for number in range(3)]
    assert same(maker(mixture).step(2), steps[2])
    random.seed(1)
    assert same(one.step(0), steps[0])
    assert not same(steps[0], steps[1])
    assert not same(maker(mixture, seed=1).step(0), steps[0])
    assert not same(maker(mixture, name="other").step(0), steps[0])


def test_kinds_follow_the_mixture():
    one = maker({"text": 0.5, "blocks": 0.3, "dictionary": 0.2, "pages": 0.0}, tokens=16)
    kinds = [kind for number in range(300) for kind in one.step(number).kinds]
    assert kinds.count("text") / len(kinds) == pytest.approx(0.5, abs=0.05)
    assert kinds.count("blocks") / len(kinds) == pytest.approx(0.3, abs=0.05)
    assert kinds.count("dictionary") / len(kinds) == pytest.approx(0.2, abs=0.05)
    assert "pages" not in kinds
