"""Bits per byte of plain text under any causal language model.

bits per byte = sum over tokens of -ln p(token | tokens before it in its document) / ln 2 / bytes

Documents are encoded one by one behind a start token (BOS, or the end mark where a tokenizer has no
BOS), so that every token of the text is predicted; without either, a document's first token costs
log2 V bits. Bytes are those of the text in UTF-8, whatever the tokenizer: models with different
tokenizers compare. The start token is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from manyicl.episodes.encode import SegmentTokenizer
from manyicl.episodes.template import Segment
from manyicl.errors import RunError
from manyicl.evaluation.token_loss import in_bits_per_byte, token_losses
from manyicl.study.retention.plain_text import PlainText, sample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONTEXT = 1024


class TextCodec:
    """Text to token ids and back, special tokens in it as text like any other.

    `start`: the ids a document begins with (one, or none); `ends`: ids that end it.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        self._segments = SegmentTokenizer(tokenizer)
        bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
        first = eos if bos is None else bos
        self.start: list[int] = [] if first is None else [int(first)]  # pyright: ignore[reportArgumentType]
        self.ends: set[int] = set() if eos is None else {int(eos)}  # pyright: ignore[reportArgumentType]
        self.size = len(tokenizer)

    def encode(self, text: str) -> list[int]:
        return self._segments.encode((Segment(text),))

    def decode(self, ids: Sequence[int]) -> str:
        return self._segments.decode(ids)


def bits_per_byte(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    texts: PlainText,
    max_tokens: int = 20_000,
    context: int = CONTEXT,
) -> float:
    """Return the bits per byte (see above) of about `max_tokens` tokens of the text.

    The documents are drawn at random, always the same ones for one tokenizer; the last is cut at a
    space. Each token is predicted from at least context / 2 tokens where there are so many.
    Raises `RunError` where the model gives numbers that are not finite.
    """
    codec = TextCodec(tokenizer)
    nats, num_bytes, used = 0.0, 0, 0
    for document in sample(texts):
        text, ids = _cut(codec, document, max_tokens - used)
        if not ids:
            break
        if not codec.start:
            nats += math.log(codec.size)
        nats += float(token_losses(model, [*codec.start, *ids], context).sum())
        num_bytes += len(text.encode())
        used += len(ids)
    if not math.isfinite(nats):
        raise RunError("bits per byte: the model's loss on plain text is not finite; it diverged.")
    return in_bits_per_byte(nats, num_bytes)


def _cut(codec: TextCodec, text: str, room: int) -> tuple[str, list[int]]:
    """Return the text and its ids; at most `room` of them, by leaving out words at its end."""
    if room <= 0:
        return "", []
    ids = codec.encode(text)
    while len(ids) > room:
        # Cut as text and encoded anew: bytes and tokens are then those of the same text.
        shorter = text[: int(len(text) * room / len(ids))]
        text = shorter.rpartition(" ")[0] or shorter[:-1]
        ids = codec.encode(text)
    return text, ids
