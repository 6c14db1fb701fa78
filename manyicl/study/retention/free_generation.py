"""What a model writes when it is given the opening of a plain text, and no task."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from manyicl.errors import RunError
from manyicl.evaluation.token_loss import in_bits_per_byte, token_losses
from manyicl.models import context_length, end_tokens
from manyicl.study.records import StudyError
from manyicl.study.retention.plain_text import PlainText, sample
from manyicl.study.retention.text_loss import CONTEXT, TextCodec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OPENING_TOKENS = 48
MARKUP = re.compile(r"^[ \t]*(?:Input|Output):", re.MULTILINE)  # of the plain template


def free_generation(
    model: Any,
    base: Any | None,
    tokenizer: PreTrainedTokenizerBase,
    texts: PlainText,
    *,
    num: int = 16,
    new_tokens: int = 64,
    seed: int = 0,
) -> dict[str, float]:
    """Continue the openings of `num` documents and return what the continuations are like.

    Sampled at temperature 1 from the whole vocabulary, with draws that `seed` alone decides; the
    documents are the same for every seed. `base` None: the model is the base itself.

    - `bits_per_byte_under_base`: how surprising the base finds them; left out if all are empty.
    - `distinct_2`: different pairs of successive words / all such pairs, over all continuations
      (low where a model repeats itself); 0 if there is no pair.
    - `task_markup`: share with a line that begins with "Input:" or "Output:".
    - `early_end`: share in which the end of the document was drawn before `new_tokens`.

    Raises `StudyError` for a text without documents that are long enough and where the context is
    too short, `RunError` where the model gives numbers that are not finite.
    """
    codec = TextCodec(tokenizer)
    openings = _openings(codec, texts, num)
    limit = context_length(model)
    needed = len(codec.start) + OPENING_TOKENS + new_tokens
    if limit and needed > limit:
        raise StudyError(
            f"study.retention.new_tokens: {new_tokens} tokens after an opening take {needed} "
            f"tokens, more than the {limit} of the model's context. Use fewer."
        )
    ends = codec.ends | end_tokens(model)
    prompts = [[*codec.start, *opening] for opening in openings]
    written = continue_texts(model, prompts, new_tokens, ends, codec.size, seed)
    whole = [codec.decode([*opening, *new]) for opening, new in zip(openings, written, strict=True)]
    begun = [len(codec.decode(opening)) for opening in openings]
    news = [text[start:] for text, start in zip(whole, begun, strict=True)]
    found: dict[str, float] = {}
    num_bytes = sum(len(new.encode()) for new in news)
    if num_bytes:
        nats = sum(
            float(token_losses(base or model, [*prompt, *new], CONTEXT)[-len(new) :].sum())
            for prompt, new in zip(prompts, written, strict=True)
            if new
        )
        if not math.isfinite(nats):
            raise RunError("free generation: the base's loss is not finite; it diverged.")
        found["bits_per_byte_under_base"] = in_bits_per_byte(nats, num_bytes)
    found["distinct_2"] = distinct_bigrams(news)
    found["task_markup"] = sum(map(has_markup, whole, begun)) / num
    found["early_end"] = sum(len(new) < new_tokens for new in written) / num
    return found


def continue_texts(
    model: Any,
    prompts: Sequence[Sequence[int]],
    new_tokens: int,
    ends: set[int],
    vocabulary: int,
    seed: int,
) -> list[list[int]]:
    """Sample after each prompt (all of one length) up to, not including, a token of `ends`.

    Ids from `vocabulary` on stand for no text and are never drawn. An own loop, since a model's
    generation settings (top-k, penalties) change `generate` even at temperature 1.
    """
    draws = torch.Generator().manual_seed(seed)
    ids = torch.tensor(prompts, device=model.device)
    written: list[list[int]] = [[] for _ in prompts]
    open_rows = set(range(len(prompts)))
    step, cache = ids, None
    with torch.inference_mode():
        for _ in range(new_tokens):
            out = model(input_ids=step, past_key_values=cache, use_cache=True)
            cache = getattr(out, "past_key_values", None)
            logits = out.logits[:, -1, :vocabulary].float().cpu()
            if not torch.isfinite(logits).all():
                raise RunError("free generation: the model's logits are not finite; it diverged.")
            drawn = torch.multinomial(logits.softmax(-1), 1, generator=draws)
            for row in sorted(open_rows):
                token = int(drawn[row])
                if token in ends:
                    open_rows.remove(row)
                else:
                    written[row].append(token)
            if not open_rows:
                break
            ids = torch.cat([ids, drawn.to(ids.device)], dim=1)
            step = ids if cache is None else ids[:, -1:]
    return written


def distinct_bigrams(texts: Sequence[str]) -> float:
    """Return different pairs of successive words / all pairs; 0 without any.

    >>> distinct_bigrams(["a b a b", "a b"])
    0.5
    """
    pairs = [pair for text in texts for pair in pairwise(text.split())]
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def has_markup(text: str, start: int) -> bool:
    """Tell whether a line that begins at `start` or later opens an input or an answer of a task."""
    return any(match.start() >= start for match in MARKUP.finditer(text))


def _openings(codec: TextCodec, texts: PlainText, num: int) -> list[list[int]]:
    """Return `num` openings of equal length, each of another document as far as there are."""
    found: list[list[int]] = []
    for document in sample(texts):
        ids = codec.encode(document)[:OPENING_TOKENS]
        if len(ids) == OPENING_TOKENS:
            found.append(ids)
        if len(found) == num:
            break
    if not found:
        raise StudyError(
            f"{texts.name}: no document has {OPENING_TOKENS} tokens, so none can be continued. "
            "Join its rows to longer ones, or name another text."
        )
    return [found[index % len(found)] for index in range(num)]
