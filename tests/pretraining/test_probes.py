"""Probes: what is asked of a model, and that nothing else is counted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pretraining.tiny_pretraining import documents, vocabulary

from manyicl.models.scratch import ASSISTANT_MARK, USER_MARK, train_tokenizer
from manyicl.pretraining import probes
from manyicl.pretraining.patterns import PATTERNS
from manyicl.pretraining.patterns.piece import Piece
from manyicl.pretraining.probes import PROBED, Probes

VOCABULARY = vocabulary()
TOKENIZER = train_tokenizer(documents(0), 500, (USER_MARK, ASSISTANT_MARK))


class Knowing:
    """A model that is sure of the next token; of some tokens it is sure that they never come.

    `asked`: for each document, the ids that it had to predict.
    """

    def __init__(self, unknown: set[int] | None = None):
        self._unknown = unknown or set()
        self.asked: list[list[int]] = []

    def __call__(self, ids: torch.Tensor, logits_to_keep: Any = None) -> SimpleNamespace:
        following = torch.roll(ids, -1, dims=1)
        if logits_to_keep is not None:
            following = following[:, logits_to_keep]
            self.asked.append(following[0].tolist())
        logits = 50.0 * torch.nn.functional.one_hot(following, len(TOKENIZER)).float()
        for token in self._unknown:
            logits[..., token] = -50.0
        return SimpleNamespace(logits=logits)


@pytest.fixture(autouse=True)
def _few(monkeypatch) -> None:
    monkeypatch.setattr(probes, "NUM_DOCUMENTS", 2)


def probe_one(monkeypatch, pieces: list[Piece]) -> Probes:
    """Return probes whose only pattern always gives this document."""
    monkeypatch.setattr(probes, "PROBED", ("dictionary",))
    monkeypatch.setitem(PATTERNS, "dictionary", lambda rng, vocabulary, size: pieces)
    return Probes(TOKENIZER, VOCABULARY)


def ids_of(text: str) -> list[int]:
    return TOKENIZER.encode(text, add_special_tokens=False)


def test_the_patterns_are_there_and_one_that_knows_gets_all():
    assert set(PROBED) <= set(PATTERNS)
    model = Knowing()
    found = Probes(TOKENIZER, VOCABULARY).measure(model)
    assert set(found) == {"first_copy", "second_copy", *PROBED}
    assert all(found[name] == 1.0 for name in PROBED)
    assert found["first_copy"] == found["second_copy"] == 0.0
    assert len(model.asked) == 2 * len(PROBED)


def test_only_first_tokens_of_settled_answers_in_the_second_half_count(monkeypatch):
    first, later = (Piece(f" {word}bxxlorp", settled=True) for word in ("quo", "wem"))
    between = Piece(" and then, again and again, something else to fill the page\n")
    assert len(ids_of(later.text)) > 2
    document = [first, between, between, Piece(" open", settled=False), later, between, later]
    model = Knowing()
    found = probe_one(monkeypatch, document).measure(model)
    assert found["dictionary"] == 1.0
    assert model.asked == [[ids_of(later.text)[0]] * 2] * 2
    rest = set(ids_of(later.text)[1:]) - set(ids_of(later.text)[:1])
    assert probe_one(monkeypatch, document).measure(Knowing(rest))["dictionary"] == 1.0
    begins = set(ids_of(later.text)[:1])
    assert probe_one(monkeypatch, document).measure(Knowing(begins))["dictionary"] == 0.0


def test_a_pattern_with_nothing_settled_is_left_out(monkeypatch):
    found = probe_one(monkeypatch, [Piece("nothing"), Piece(" known\n")]).measure(Knowing())
    assert set(found) == {"first_copy", "second_copy"}


def test_documents_are_the_same_in_every_run():
    one, other = Knowing(), Knowing()
    Probes(TOKENIZER, VOCABULARY).measure(one)
    Probes(TOKENIZER, VOCABULARY).measure(other)
    assert one.asked == other.asked
