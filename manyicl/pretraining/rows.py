"""The rows of a training step: text, repeated blocks and pattern documents, with loss weights."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from manyicl.pretraining.patterns import GROUPS, PATTERNS, Pattern, Vocabulary
from manyicl.pretraining.settings import StageConfig
from manyicl.pretraining.text_stream import TextStream

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENS_PER_PAIR = 6  # a pattern document of so many pairs rarely falls short of the row
MIN_BLOCK = 4


@dataclass(frozen=True)
class Rows:
    """A step's rows. `ids`, `weights` [rows, tokens]: of a token as a target; 0 is no target."""

    ids: Tensor
    weights: Tensor
    kinds: tuple[str, ...]


class RowMaker:
    """Makes the rows of one stage. A row that is not text depends on seed, stage and step alone."""

    def __init__(
        self,
        stage: StageConfig,
        tokenizer: PreTrainedTokenizerBase,
        vocabulary: Vocabulary,
        text: TextStream | None,
        *,
        seed: int,
        open_weight: float,
        settled_weight: float,
    ):
        self._stage, self._vocabulary, self.text = stage, vocabulary, text
        backend: Any = tokenizer.backend_tokenizer  # pyright: ignore[reportAttributeAccessIssue]
        self._backend = backend
        end: Any = tokenizer.eos_token_id
        self._end: int = end
        self._num_special = len(tokenizer.all_special_ids)
        self._vocab_size = len(tokenizer)
        self._seed = f"{seed}/{stage.name}"
        self._weights = (open_weight, settled_weight)

    def step(self, number: int) -> Rows:
        """Return the rows of step `number` of the stage; text rows come from the stream."""
        stage = self._stage
        shape = (stage.rows_per_step, stage.row_tokens)
        ids, weights = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        rng = random.Random(f"{self._seed}/{number}")
        kinds = sorted(rng.choices(*_shares(stage.mixture), k=stage.rows_per_step))
        for index, kind in enumerate(kinds):
            if kind == "text":
                assert self.text is not None
                ids[index], weights[index] = self.text.take(1)[0], 1.0
            elif kind == "blocks":
                ids[index], weights[index] = self._repeated_block(rng)
            else:
                patterns = GROUPS[kind] if kind in GROUPS else {kind: PATTERNS[kind]}
                ids[index], weights[index] = self._pattern_row(rng, patterns)
        weights[:, 0] = 0.0  # the first token of a row has nothing before it
        return Rows(torch.from_numpy(ids), torch.from_numpy(weights), tuple(kinds))

    def _repeated_block(self, rng: random.Random) -> tuple[np.ndarray, np.ndarray]:
        """A block of random tokens again and again; targets from the second token of the copy."""
        tokens = self._stage.row_tokens
        size = rng.randint(max(MIN_BLOCK, tokens // 4), max(MIN_BLOCK, tokens // 2))
        first = self._num_special
        last = min(first + (self._stage.block_vocabulary or self._vocab_size), self._vocab_size)
        block = np.array([rng.randrange(first, last) for _ in range(size)])
        weights = np.zeros(tokens, np.float32)
        weights[size + 1 :] = self._weights[1]
        return np.resize(block, tokens), weights

    def _pattern_row(
        self, rng: random.Random, patterns: dict[str, Pattern]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Documents of random length one after another, each with its end mark; the last is cut."""
        tokens = self._stage.row_tokens
        ids: list[int] = []
        weights: list[float] = []
        names = sorted(patterns)
        while len(ids) < tokens:
            name = rng.choice(names)
            most = tokens // TOKENS_PER_PAIR + 2
            size = most if rng.random() < 0.6 else rng.randint(4, max(4, most // 4))
            pieces = patterns[name](rng, self._vocabulary, size)
            encoded = self._backend.encode_batch_fast(
                [piece.text for piece in pieces], add_special_tokens=False
            )
            for piece, encoding in zip(pieces, encoded, strict=True):
                ids += encoding.ids
                weights += [self._weights[piece.settled]] * len(encoding.ids)
                if len(ids) >= tokens:
                    break
            ids.append(self._end)
            weights.append(0.0)
        return np.array(ids[:tokens]), np.array(weights[:tokens], np.float32)


def _shares(mixture: dict[str, float]) -> tuple[Sequence[str], Sequence[float]]:
    return list(mixture), list(mixture.values())
