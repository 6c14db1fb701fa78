"""Option scoring: log-probabilities of candidate answers on top of a shared prefix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from manyicl.inference.branches import Branch, Row, forward_row
from manyicl.inference.prefix import Prefix, drop_last
from manyicl.models import logits_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class OptionQuery:
    """A prompt and its K candidate answers as ids, each with its end mark."""

    prompt: Sequence[int]
    options: Sequence[Sequence[int]]

    @property
    def num_tokens(self) -> int:
        return len(self.prompt) + sum(len(option) - 1 for option in self.options)


@torch.inference_mode()
def score_options(
    model: PreTrainedModel,
    prefix: Prefix,
    queries: Sequence[OptionQuery],
    *,
    tokens_per_batch: int = 1024,
) -> list[list[float]]:
    """Return for each query the log-probability (nats) of each option, end mark included.

    Queries and options are computed as branches of the prefix, as many at once as
    `tokens_per_batch` allows. The prefix is unchanged afterwards.
    """
    if prefix.cache is None:
        return [_score_alone(model, prefix.ids, query) for query in queries]
    scores: list[list[float]] = []
    for batch in _batches(queries, tokens_per_batch):
        scores += _score_batch(model, prefix, batch)
    return scores


def _batches(
    queries: Sequence[OptionQuery], tokens_per_batch: int
) -> Iterator[Sequence[OptionQuery]]:
    batch: list[OptionQuery] = []
    used = 0
    for query in queries:
        if batch and used + query.num_tokens > tokens_per_batch:
            yield batch
            batch, used = [], 0
        batch.append(query)
        used += query.num_tokens
    if batch:
        yield batch


def _score_batch(
    model: PreTrainedModel, prefix: Prefix, queries: Sequence[OptionQuery]
) -> list[list[float]]:
    branches: list[Branch] = []
    keep: list[int] = []  # positions in the row whose logits are needed
    # For every (query, option): which kept logits score it, and the tokens they predict.
    lookups: list[list[tuple[list[int], Sequence[int]]]] = []
    length = 0
    for query in queries:
        parent = len(branches)
        branches.append(Branch(query.prompt))
        length += len(query.prompt)
        last = len(keep)
        keep.append(length - 1)
        lookups.append([])
        for option in query.options:
            body = option[:-1]  # the last token is predicted, never read
            places = [last, *range(len(keep), len(keep) + len(body))]
            if body:
                branches.append(Branch(body, parent))
                keep += range(length, length + len(body))
                length += len(body)
            lookups[-1].append((places, option))
    row = Row.of(branches, len(prefix))
    try:
        logits = forward_row(model, prefix, row, length, torch.tensor(keep))
    finally:
        _restore(prefix)
    return [
        [_log_probability(logits, places, option) for places, option in query] for query in lookups
    ]


def _log_probability(logits: torch.Tensor, places: Sequence[int], option: Sequence[int]) -> float:
    rows = logits[list(places)].log_softmax(-1)  # (tokens of the option, V)
    targets = torch.tensor(list(option), device=logits.device)
    return float(rows.gather(1, targets[:, None]).sum())


def _restore(prefix: Prefix) -> None:
    assert prefix.cache is not None
    drop_last(prefix.cache, prefix.cache.get_seq_length() - len(prefix))


def _score_alone(
    model: PreTrainedModel, prefix_ids: Sequence[int], query: OptionQuery
) -> list[float]:
    """Score by plain full-prompt forwards: the definition the shared computation must equal."""
    scores = []
    context = [*prefix_ids, *query.prompt]
    for option in query.options:
        ids = torch.tensor([[*context, *option[:-1]]], device=model.device)
        keep = torch.arange(len(context) - 1, ids.shape[1], device=model.device)
        logits = logits_at(model, keep, input_ids=ids, use_cache=False).float()
        scores.append(_log_probability(logits, range(len(keep)), option))
    return scores


def adjust(
    scores: Sequence[float],
    options: Sequence[Sequence[int]],
    scoring: str,
    prior: Sequence[float] | None = None,
) -> list[float]:
    """Return the scores options are compared by.

    sum: log p(option | query); mean: the same per token; prior: log p(option | query) minus
    log p(option | empty query), which takes out how likely an option is anyway.
    """
    if scoring == "mean":
        return [s / len(option) for s, option in zip(scores, options, strict=True)]
    if scoring == "prior":
        assert prior is not None
        return [s - p for s, p in zip(scores, prior, strict=True)]
    return list(scores)
