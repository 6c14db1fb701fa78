"""The probe by shots: lines are counted right, and a model that knows the answer gets all."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
import torch

from manyicl.models.scratch import ASSISTANT_MARK, USER_MARK, train_tokenizer
from manyicl.pretraining.patterns import PATTERNS, Vocabulary
from manyicl.pretraining.patterns.piece import Piece
from manyicl.pretraining.probes import PROBED
from manyicl.pretraining.shots_probe import accuracy_by_shots, lines_of

WORDS = tuple(a + b + c for a in "bdfgk" for b in ("ar", "el", "in", "or") for c in ("to", "na"))


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    rng = random.Random(0)
    sources = tuple(
        tuple(" ".join(rng.choices(WORDS, k=6)) + "." for _ in range(60)) for _ in range(6)
    )
    return Vocabulary(WORDS[:5], WORDS[5:], sources)


def test_lines_with_and_without_a_heading():
    lines = [
        Piece("Q: a\nA:"), Piece(" x"), Piece("\n"),
        Piece("Q: b\nA:"), Piece(" y"), Piece("\n"),
        Piece("Q: a\nA:"), Piece(" x", True), Piece("\n"),
    ]  # fmt: skip
    for head in ([], [Piece("Sort these.\n\n")]):
        found = lines_of([*head, *lines])
        assert [(line, seen) for line, seen, _, _ in found] == [(0, 0), (1, 1), (2, 2)]
        assert [answer for _, _, _, answer in found] == [lines[1], lines[4], lines[7]]
        pieces = [p for _, _, before, answer in found for p in [*before, answer]]
        assert [*pieces, lines[-1]] == [*head, *lines]


@pytest.mark.parametrize("name", PROBED)
def test_settled_pieces_of_every_fuzzy_pattern_are_the_answers_of_lines(name, vocabulary):
    for seed in range(20):
        pieces = PATTERNS[name](random.Random(seed), vocabulary, 12)
        answers = [answer for _, _, _, answer in lines_of(pieces)]
        assert len(answers) == 12
        assert [p for p in pieces if p.settled] == [a for a in answers if a.settled]


class Knowing:
    """A model whose most probable next token is the one that comes; or never, if not `right`."""

    def __init__(self, vocab_size: int, right: bool):
        self.config = SimpleNamespace(max_position_embeddings=4096)
        self._vocab_size, self._right = vocab_size, right

    def __call__(self, ids: torch.Tensor, use_cache: bool = False) -> SimpleNamespace:
        following = torch.roll(ids, -1, dims=1) + (0 if self._right else 1)
        hot = torch.nn.functional.one_hot(following % self._vocab_size, self._vocab_size)
        return SimpleNamespace(logits=hot.float())


def test_accuracy_and_guess(vocabulary):
    tokenizer = train_tokenizer(WORDS, 320, (USER_MARK, ASSISTANT_MARK))
    for right in (True, False):
        model = Knowing(len(tokenizer), right)
        found = accuracy_by_shots(
            model, tokenizer, vocabulary, ("dictionary", "picked_out"), num_documents=4
        )
        for buckets in found.values():
            assert {b["accuracy"] for b in buckets} == {float(right)}
            assert all(b["answers"] > 0 for b in buckets)
        assert [(b["from"], b["to"]) for b in found["dictionary"]] == [
            (1, 4), (5, 8), (9, 16), (17, 32), (33, 47),
        ]  # fmt: skip
        assert all(0 < b["guess"] <= 1 for b in found["dictionary"])
        assert all(b["guess"] is None for b in found["picked_out"])  # it is in the line itself
