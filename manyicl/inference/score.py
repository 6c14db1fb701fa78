"""Option scoring: log-probabilities of candidate answers on top of shared prefixes.

A query and its options are one branch: the prompt, then the options as a tree, in which common
beginnings are one and the same. The last token of an option is predicted, never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from manyicl.inference.branches import Branch, BranchRow
from manyicl.inference.memory import LOGITS
from manyicl.inference.prefix import Prefix
from manyicl.inference.shared import run_row
from manyicl.models.forward import logits_at, vocabulary_size

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class OptionQuery:
    """A prompt and its K candidate answers as ids, each with its end mark."""

    prompt: Sequence[int]
    options: Sequence[Sequence[int]]


@dataclass(frozen=True)
class OptionTree:
    """What K options have to be read and predicted, behind a prompt.

    `ids` are the tokens read; `parents[i]` the node before node i, -1 the prompt's last token.
    Option `option[j]` gets the log-probability of `token[j]` after node `node[j]`, for every j.
    """

    ids: tuple[int, ...]
    parents: tuple[int, ...]
    node: tuple[int, ...]
    token: tuple[int, ...]
    option: tuple[int, ...]

    @classmethod
    def of(cls, options: Sequence[Sequence[int]]) -> OptionTree:
        """Build the tree.

        >>> tree = OptionTree.of([[5, 6, 9], [5, 7, 9], [8, 9]])
        >>> tree.ids, tree.parents
        ((5, 6, 7, 8), (-1, 0, 0, -1))
        """
        ids: list[int] = []
        parents: list[int] = []
        predicted: list[tuple[int, int, int]] = []
        found: dict[tuple[int, int], int] = {}  # (node before, token) -> node
        for number, option in enumerate(options):
            at = -1
            for place, token in enumerate(option):
                predicted.append((at, token, number))
                if place == len(option) - 1:
                    break
                if (at, token) not in found:
                    found[at, token] = len(ids)
                    ids.append(token)
                    parents.append(at)
                at = found[at, token]
        node, token, option = zip(*predicted, strict=True) if predicted else ((), (), ())
        return cls(tuple(ids), tuple(parents), node, token, option)


@torch.inference_mode()
def score_options(
    model: PreTrainedModel,
    prefixes: Prefix | Sequence[Prefix],
    queries: Sequence[OptionQuery],
    *,
    tokens_per_batch: int = 1024,
    logits_per_batch: int = LOGITS,
) -> list[list[float]]:
    """Return for each query the log-probability (nats) of each option, end mark included.

    `prefixes` is what all queries are shown, or one prefix a query. As many queries are computed
    at once as `tokens_per_batch` and `logits_per_batch` (entries) allow.
    """
    if isinstance(prefixes, Prefix):
        prefixes = [prefixes] * len(queries)
    scores: list[list[float]] = [[] for _ in queries]
    trees: dict[tuple[tuple[int, ...], ...], OptionTree] = {}
    jobs: list[tuple[int, Branch, OptionTree]] = []
    for index, (prefix, query) in enumerate(zip(prefixes, queries, strict=True)):
        if prefix.layers is None or not query.prompt:
            scores[index] = _score_alone(model, prefix.ids, query)
            continue
        key = tuple(map(tuple, query.options))
        if key not in trees:
            trees[key] = OptionTree.of(key)
        jobs.append((index, _branch(prefix, query, trees[key]), trees[key]))
    most_rows = max(1, logits_per_batch // vocabulary_size(model))
    for batch in _batches(jobs, tokens_per_batch, most_rows):
        for (index, _, _), found in zip(batch, _score_batch(model, batch), strict=True):
            scores[index] = found
    return scores


def _branch(prefix: Prefix, query: OptionQuery, tree: OptionTree) -> Branch:
    length = len(query.prompt)
    if not tree.ids:
        return Branch(prefix, query.prompt)
    parents = [*range(-1, length - 1), *(parent + length for parent in tree.parents)]
    return Branch(prefix, [*query.prompt, *tree.ids], parents)


def _batches(
    jobs: Sequence[tuple[int, Branch, OptionTree]], tokens: int, most_rows: int
) -> Iterator[list[tuple[int, Branch, OptionTree]]]:
    """Yield jobs of about equal length together, so that little is padded; prefix by prefix."""
    batch: list[tuple[int, Branch, OptionTree]] = []
    rows = 0
    for job in sorted(jobs, key=lambda job: len(job[1].ids), reverse=True):
        more_rows = 1 + len(job[2].ids)
        padded = (len(batch) + 1) * len(batch[0][1].ids) if batch else 0
        if batch and (padded > tokens or rows + more_rows > most_rows):
            yield sorted(batch, key=_by_prefix)
            batch, rows = [], 0
        batch.append(job)
        rows += more_rows
    if batch:
        yield sorted(batch, key=_by_prefix)


def _by_prefix(job: tuple[int, Branch, OptionTree]) -> tuple[int, int]:
    return id(job[1].prefix.layers), len(job[1].prefix)


def _score_batch(
    model: PreTrainedModel, batch: Sequence[tuple[int, Branch, OptionTree]]
) -> list[list[float]]:
    row = BranchRow.of([branch for _, branch, _ in batch], model.device)
    keep: list[int] = []  # positions in the row whose logits are needed
    rows: list[int] = []  # of every predicted token: its logits,
    tokens: list[int] = []  # itself,
    slots: list[int] = []  # and the option it belongs to, counted over the batch
    sizes: list[int] = []
    num_options = 0  # of the queries before
    for start, (_, branch, tree) in zip(row.starts, batch, strict=True):
        last = start + len(branch.ids) - len(tree.ids) - 1
        rows += [len(keep) + 1 + node for node in tree.node]
        tokens += tree.token
        slots += [num_options + number for number in tree.option]
        sizes.append(max(tree.option, default=-1) + 1)
        num_options += sizes[-1]
        keep += range(last, last + len(tree.ids) + 1)
    device = model.device
    logits = run_row(model, row, torch.tensor(keep, device=device))
    at, token = torch.tensor(rows, device=device), torch.tensor(tokens, device=device)
    found = logits[at, token] - logits.logsumexp(-1)[at]
    totals = torch.zeros(num_options, dtype=torch.float64, device="cpu")
    totals.index_add_(0, torch.tensor(slots), found.double().cpu())
    return [part.tolist() for part in totals.split(sizes)]


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
        targets = torch.tensor(list(option), device=model.device)
        scores.append(float(logits.log_softmax(-1).gather(1, targets[:, None]).sum()))
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
