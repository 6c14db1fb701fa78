"""Probes of in-context learning: is what the context shows used for what comes next?"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch

from manyicl.pretraining.patterns import PATTERNS, Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BLOCK_TOKENS, NUM_BLOCKS = 64, 8
NUM_DOCUMENTS, PAIRS, MAX_TOKENS = 12, 48, 768
PROBED = (
    "dictionary", "noisy_keys", "word_sets", "altered_sentences", "cue_phrases", "by_word",
    "by_source", "picked_out",
)  # fmt: skip


class Probes:
    """Fixed documents, never trained on (their seeds are the probes' own)."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary):
        rng = random.Random("probes")
        special = len(tokenizer.all_special_ids)
        self._blocks = torch.tensor(
            [
                [rng.randrange(special, len(tokenizer)) for _ in range(BLOCK_TOKENS)] * 2
                for _ in range(NUM_BLOCKS)
            ]
        )
        self._documents = {
            name: [_encode(tokenizer, name, vocabulary, seed) for seed in range(NUM_DOCUMENTS)]
            for name in PROBED
        }

    def measure(self, model: Any, bf16: bool = False) -> dict[str, float]:
        """Return `first_copy` and `second_copy` (nats a token of repeated random blocks) and, by
        pattern, the share of settled answers in the second half whose first token is predicted
        right; a pattern whose documents have none is left out.
        """
        found: dict[str, float] = {}
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model(self._blocks).logits.float()
            losses = torch.nn.functional.cross_entropy(
                logits[:, :-1].transpose(1, 2), self._blocks[:, 1:], reduction="none"
            )
            found["first_copy"] = float(losses[:, : BLOCK_TOKENS - 1].mean())
            found["second_copy"] = float(losses[:, BLOCK_TOKENS:].mean())
            for name, documents in self._documents.items():
                hits: list[float] = []
                for ids, positions in documents:
                    if not len(positions):
                        continue
                    kept = model(ids[None], logits_to_keep=positions - 1).logits[0]
                    hits += (kept.argmax(-1) == ids[positions]).float().tolist()
                if hits:
                    found[name] = sum(hits) / len(hits)
        return {name: round(value, 4) for name, value in found.items()}


def _encode(
    tokenizer: PreTrainedTokenizerBase, name: str, vocabulary: Vocabulary, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a document's ids and where settled answers begin in its second half.

    Later tokens of an answer mostly follow from its first: they would hide what is asked here.
    """
    rng = random.Random(f"probe/{name}/{seed}")
    ids: list[int] = []
    settled: list[int] = []
    for piece in PATTERNS[name](rng, vocabulary, PAIRS):
        new = tokenizer.encode(piece.text, add_special_tokens=False)
        if len(ids) + len(new) > MAX_TOKENS:
            break
        if piece.settled:
            settled.append(len(ids))
        ids += new
    late = [position for position in settled if position >= len(ids) // 2]
    return torch.tensor(ids), torch.tensor(late, dtype=torch.long)
