"""Greedy generation on top of a shared prefix: queries advance together, finished ones leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from manyicl.inference.branches import Branch, Row, forward_row
from manyicl.inference.prefix import Prefix, drop_last
from manyicl.models import logits_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Finished = Callable[[Sequence[int]], bool]


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    prefix: Prefix,
    prompts: Sequence[Sequence[int]],
    *,
    finished: Finished,
    max_new_tokens: int,
    tokens_per_batch: int = 1024,
) -> list[list[int]]:
    """Return the generated ids of every prompt, up to and with the end mark.

    `finished(ids)` says whether an answer has ended. The prefix is unchanged afterwards.
    """
    if prefix.cache is None:
        return [
            _generate_alone(model, prefix.ids, prompt, finished, max_new_tokens)
            for prompt in prompts
        ]
    answers: list[list[int]] = []
    batch: list[Sequence[int]] = []
    for prompt in prompts:
        used = sum(map(len, batch)) + len(batch) * max_new_tokens
        if batch and used + len(prompt) + max_new_tokens > tokens_per_batch:
            answers += _generate_batch(model, prefix, batch, finished, max_new_tokens)
            batch = []
        batch.append(prompt)
    if batch:
        answers += _generate_batch(model, prefix, batch, finished, max_new_tokens)
    return answers


def _generate_batch(
    model: PreTrainedModel,
    prefix: Prefix,
    prompts: Sequence[Sequence[int]],
    finished: Finished,
    max_new_tokens: int,
) -> list[list[int]]:
    assert prefix.cache is not None
    row = Row.of([Branch(prompt) for prompt in prompts], len(prefix))
    answers: list[list[int]] = [[] for _ in prompts]
    active = list(range(len(prompts)))
    ends = torch.tensor([len(prompt) for prompt in prompts]).cumsum(0) - 1
    try:
        logits = forward_row(model, prefix, row, len(row.ids), ends)
        for _ in range(max_new_tokens):
            for index, token in zip(active, logits.argmax(-1).tolist(), strict=True):
                answers[index].append(token)
            active = [
                index
                for index in active
                if len(answers[index]) < max_new_tokens and not finished(answers[index])
            ]
            if not active:
                break
            for index in active:  # each answer's newest token joins its own branch
                row.ids.append(answers[index][-1])
                row.positions.append(len(prefix) + len(prompts[index]) + len(answers[index]) - 1)
                row.owners.append(index)
            keep = torch.arange(len(active))
            logits = forward_row(model, prefix, row, len(active), keep)
    finally:
        drop_last(prefix.cache, prefix.cache.get_seq_length() - len(prefix))
    return answers


def _generate_alone(
    model: PreTrainedModel,
    prefix_ids: Sequence[int],
    prompt: Sequence[int],
    finished: Finished,
    max_new_tokens: int,
) -> list[int]:
    """Generate by plain full-prompt forwards: the definition the shared computation must equal."""
    answer: list[int] = []
    while len(answer) < max_new_tokens and not (answer and finished(answer)):
        ids = torch.tensor([[*prefix_ids, *prompt, *answer]], device=model.device)
        last = torch.tensor([ids.shape[1] - 1], device=model.device)
        logits = logits_at(model, last, input_ids=ids, use_cache=False)
        answer.append(int(logits[0].argmax()))
    return answer
