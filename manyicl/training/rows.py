"""Training rows: packed sequences as tensors, addressed by index.

A row is what one device computes at once: one or more sequences of at most `max_tokens` tokens
together. Row i of a run is a function of its plan (`plan.py`) alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Any

import torch
import xxhash
from torch.utils.data import Dataset

from manyicl.config import ObjectiveConfig
from manyicl.episodes import EncodedSequence, EpisodeStream
from manyicl.training.objective import IGNORED, num_supervised_answers, supervise
from manyicl.training.plan import Plan


@dataclass(frozen=True)
class Row:
    """One packed row. T tokens, N supervised tokens.

    `keep` holds the positions whose next token is supervised (the causal shift is already done):
    the head runs on these alone, and `targets[n]` is the token that follows position `keep[n]`.
    """

    input_ids: torch.Tensor  # (1, T)
    position_ids: torch.Tensor  # (1, T), restarting with every sequence
    keep: torch.Tensor  # (N,)
    targets: torch.Tensor  # (N,)
    weights: torch.Tensor  # (N,)
    shots: torch.Tensor  # (N,), -1 outside answers
    names: tuple[str, ...]  # of the sequences, for messages
    lengths: tuple[int, ...]  # tokens of the sequences
    num_shots: int  # of the longest sequence; no tensor, so that asking waits for no device

    def as_batch(self) -> dict[str, object]:
        """Return the fields by name, as the trainer hands them on."""
        return dict(vars(self))


def make_row(sequences: list[EncodedSequence], objective: ObjectiveConfig) -> Row:
    """Pack sequences into one row and mark what carries loss."""
    targets = [supervise(sequence, objective) for sequence in sequences]
    labels = torch.tensor(list(chain.from_iterable(t.labels for t in targets)))
    weights = torch.tensor(list(chain.from_iterable(t.weights for t in targets)))
    shots = torch.tensor(list(chain.from_iterable(t.shots for t in targets)))
    # No sequence's first token has a label, so shifting by one never looks into a neighbour.
    supervised = (labels != IGNORED).nonzero().squeeze(1)
    return Row(
        input_ids=torch.tensor([list(chain.from_iterable(s.input_ids for s in sequences))]),
        position_ids=torch.cat([torch.arange(len(s)) for s in sequences])[None],
        keep=supervised - 1,
        targets=labels[supervised],
        weights=weights[supervised],
        shots=shots[supervised],
        names=tuple(_name(sequence) for sequence in sequences),
        lengths=tuple(len(sequence) for sequence in sequences),
        num_shots=max(len(sequence.spans) for sequence in sequences),
    )


def split_row(row: Mapping[str, Any]) -> Iterator[dict[str, torch.Tensor]]:
    """Yield what the loss takes of each sequence of a packed row, as if it stood alone.

    A value that is not finite spreads through a row, past the mask that keeps sequences apart.
    """
    for start, stop in pairwise(accumulate(row["lengths"], initial=0)):
        inside = (row["keep"] >= start) & (row["keep"] < stop)
        yield {
            "input_ids": row["input_ids"][:, start:stop],
            "position_ids": row["position_ids"][:, start:stop],
            "keep": row["keep"][inside] - start,
            "targets": row["targets"][inside],
        }


class RowDataset(Dataset[dict[str, object]]):
    """All rows of a run, encoded when they are asked for."""

    def __init__(self, plan: Plan, stream: EpisodeStream, objective: ObjectiveConfig):
        self.plan, self._stream, self._objective = plan, stream, objective

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> dict[str, object]:
        return self.row(index).as_batch()

    def num_supervised_answers(self) -> int:
        """Return how many answers carry loss in the whole run."""
        return sum(
            num_supervised_answers(len(episode.rows), self._objective)
            for row in self.plan
            for episode in row
        )

    def digest(self) -> str:
        """Return a hash of all rows to come: what a checkpoint's later steps must be steps of."""
        plan = [[(e.task, e.rows, e.symbols) for e in row] for row in self.plan]
        return xxhash.xxh3_128(repr(plan).encode()).hexdigest()

    def row(self, index: int) -> Row:
        """Encode row `index` of the plan, the same each time."""
        sequences = [self._stream.sequence(episode) for episode in self.plan[index]]
        return make_row(sequences, self._objective)


def _name(sequence: EncodedSequence) -> str:
    rows = ", ".join(str(row + 1) for row in sequence.rows)
    return f"task '{sequence.task}', train examples {rows}"
