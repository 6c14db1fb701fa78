"""Fuzzy matching by shots: are answers right more often the more lines were seen?"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch

from manyicl.pretraining.patterns import PATTERNS, Vocabulary
from manyicl.pretraining.patterns.piece import Piece

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NUM_DOCUMENTS, LINES, MAX_TOKENS = 32, 48, 2048
BUCKETS = ((1, 4), (5, 8), (9, 16), (17, 32), (33, LINES - 1))
PIECES_A_LINE = 3  # text, answer, what follows it: see patterns/layout.py


def accuracy_by_shots(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    vocabulary: Vocabulary,
    names: tuple[str, ...],
    *,
    bf16: bool = False,
    num_documents: int = NUM_DOCUMENTS,
) -> dict[str, list[dict[str, Any]]]:
    """Return by pattern, for each bucket of lines before: share of settled answers that are right.

    An answer is right if each of its tokens is the most probable one. `guess`: share that a draw
    among the distinct answers seen so far would get; None where answers stand in their own line.
    Patterns must stand in lines (`lay_out`).
    """
    context = min(MAX_TOKENS, model.config.max_position_embeddings)
    return {
        name: _one_pattern(model, tokenizer, vocabulary, name, context, bf16, num_documents)
        for name in names
    }


def _one_pattern(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    vocabulary: Vocabulary,
    name: str,
    context: int,
    bf16: bool,
    num_documents: int,
) -> list[dict[str, Any]]:
    hits: list[list[bool]] = [[] for _ in BUCKETS]
    guesses: list[list[float]] = [[] for _ in BUCKETS]
    drawn = True  # whether answers are labels that come again, so that a draw among them may hit
    for seed in range(num_documents):
        pieces = PATTERNS[name](random.Random(f"shots/{name}/{seed}"), vocabulary, LINES)
        ids: list[int] = []
        asked: list[tuple[int, slice, float]] = []
        for line, seen, before, answer in lines_of(pieces):
            prompt = [id for piece in before for id in _encode(tokenizer, piece)]
            target = _encode(tokenizer, answer)
            if len(ids) + len(prompt) + len(target) > context:
                break
            start = len(ids) + len(prompt)
            drawn = drawn and not (line == 0 and answer.settled)
            if answer.settled:
                asked.append((line, slice(start, start + len(target)), 1 / max(seen, 1)))
            ids += prompt + target
        right = _is_most_probable(model, ids, bf16)
        for line, span, guess in asked:
            for at, (low, high) in enumerate(BUCKETS):
                if low <= line <= high:
                    hits[at].append(bool(right[span].all()))
                    guesses[at].append(guess)
    return [
        {"from": low, "to": high, "answers": len(h), "accuracy": sum(h) / len(h),
         "guess": sum(g) / len(g) if drawn else None}
        for (low, high), h, g in zip(BUCKETS, hits, guesses, strict=True)
        if h
    ]  # fmt: skip


def lines_of(pieces: list[Piece]) -> list[tuple[int, int, list[Piece], Piece]]:
    """Return (lines before, distinct answers before, pieces since the last answer, answer)."""
    head = len(pieces) % PIECES_A_LINE  # a heading is one piece more
    found: list[tuple[int, int, list[Piece], Piece]] = []
    between = pieces[:head]
    answers: set[str] = set()
    for line, start in enumerate(range(head, len(pieces), PIECES_A_LINE)):
        text, answer, after = pieces[start : start + PIECES_A_LINE]
        found.append((line, len(answers), [*between, text], answer))
        answers.add(answer.text)
        between = [after]
    return found


def _encode(tokenizer: PreTrainedTokenizerBase, piece: Piece) -> list[int]:
    return tokenizer.encode(piece.text, add_special_tokens=False)


def _is_most_probable(model: Any, ids: list[int], bf16: bool) -> torch.Tensor:
    """Return whether each token is the most probable one, bool [tokens]; the first never is."""
    tokens = torch.tensor(ids)
    right = torch.zeros(len(ids), dtype=torch.bool)
    if len(ids) > 1:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model(tokens[None], use_cache=False).logits[0, :-1]
        right[1:] = logits.argmax(-1) == tokens[1:]
    return right
