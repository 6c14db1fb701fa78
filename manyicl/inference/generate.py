"""Greedy generation on top of shared prefixes: queries advance together, finished ones leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from manyicl.inference.branches import Branch, BranchRow
from manyicl.inference.prefix import Prefix
from manyicl.inference.shared import Grown, run_row
from manyicl.models import logits_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Finished = Callable[[Sequence[int]], bool]
KEPT_BATCHES = 8  # so many batches of tokens may advance together, prompts and answers counted


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    prefixes: Prefix | Sequence[Prefix],
    prompts: Sequence[Sequence[int]],
    *,
    finished: Finished,
    max_new_tokens: int,
    tokens_per_batch: int = 1024,
) -> list[list[int]]:
    """Return the generated ids of every prompt, up to and with the end mark.

    `prefixes` is what all prompts are shown, or one prefix a prompt. `finished(ids)` says whether
    an answer has ended. Prompts are computed `tokens_per_batch` at a time; then all of them that
    have room (`KEPT_BATCHES`) grow together, a token of each in every step.
    """
    if isinstance(prefixes, Prefix):
        prefixes = [prefixes] * len(prompts)
    answers: list[list[int]] = [[] for _ in prompts]
    jobs: list[tuple[int, Branch]] = []
    for index, (prefix, prompt) in enumerate(zip(prefixes, prompts, strict=True)):
        if prefix.layers is None or not prompt:
            answers[index] = _generate_alone(model, prefix.ids, prompt, finished, max_new_tokens)
        else:
            jobs.append((index, Branch(prefix, prompt)))
    jobs.sort(key=lambda job: len(job[1].ids), reverse=True)  # about equally long ones together
    for group in _groups(jobs, KEPT_BATCHES * tokens_per_batch, max_new_tokens):
        group.sort(key=lambda job: (id(job[1].prefix.layers), len(job[1].prefix)))
        branches = [branch for _, branch in group]
        grown = _grow(model, branches, finished, max_new_tokens, tokens_per_batch)
        for (index, _), answer in zip(group, grown, strict=True):
            answers[index] = answer
    return answers


def _groups(
    jobs: Sequence[tuple[int, Branch]], tokens: int, answer: int
) -> Iterator[list[tuple[int, Branch]]]:
    """Yield consecutive jobs that take at most `tokens`, padded to the longest of them, with
    `answer` tokens more each."""
    group: list[tuple[int, Branch]] = []
    longest = 0
    for job in jobs:
        longest = max(longest, len(job[1].ids) + answer)
        if group and (len(group) + 1) * longest > tokens:
            yield group
            group, longest = [], len(job[1].ids) + answer
        group.append(job)
    if group:
        yield group


def _grow(
    model: PreTrainedModel,
    branches: Sequence[Branch],
    finished: Finished,
    max_new_tokens: int,
    tokens_per_batch: int,
) -> list[list[int]]:
    answers: list[list[int]] = [[] for _ in branches]
    logits, grown = _begin(model, branches, max_new_tokens, tokens_per_batch)
    active = list(range(len(branches)))
    while True:
        for index, token in zip(active, logits.argmax(-1).tolist(), strict=True):
            answers[index].append(token)
        going = [
            place
            for place, index in enumerate(active)
            if len(answers[index]) < max_new_tokens and not finished(answers[index])
        ]
        if not going:
            return answers
        if len(going) < len(active):
            active = [active[place] for place in going]
            grown.keep(torch.tensor(going, device=model.device))
        row = BranchRow.of_next_tokens(
            [answers[index][-1] for index in active],
            [len(branches[index].ids) + len(answers[index]) - 1 for index in active],
            [branches[index].prefix for index in active],
            model.device,
        )
        keep = torch.arange(len(active), device=model.device)
        logits = run_row(model, row, keep, grown=grown)
        grown.grow()


def _begin(
    model: PreTrainedModel, branches: Sequence[Branch], room: int, tokens_per_batch: int
) -> tuple[torch.Tensor, Grown]:
    """Compute the prompts; return the logits after each, and what they computed."""
    logits: list[torch.Tensor] = []
    parts: list[Grown] = []
    for group in _groups(list(enumerate(branches)), tokens_per_batch, 0):
        row = BranchRow.of([branch for _, branch in group], model.device)
        ends = torch.tensor(row.starts, device=model.device) + row.lengths - 1
        parts.append(Grown(row.lengths, room))
        logits.append(run_row(model, row, ends, grown=parts[-1]))
    return torch.cat(logits), Grown.together(parts)


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
