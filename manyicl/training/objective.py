"""The objective: which tokens of a sequence carry loss, and with what weight.

ManyICL (arXiv 2506.11103) makes every answer of a many-shot sequence a target::

    L = - (1/Z) sum_k w_k sum_j log p(y_k,j | opening, x_1, y_1, ..., x_k, y_k,<j)

One sequence thus trains the 0-shot, 1-shot, ... (S-1)-shot problems together. Every normaliser
is the same formula with other token weights a, divided by their sum over the whole optimizer step:

    token_mean    a = 1                          Z counts supervised tokens
    answer_mean   a = 1 / tokens of the answer   Z counts answers
    shot_weights  a = w_k / tokens of the answer Z sums the answers' weights
"""

from __future__ import annotations

from dataclasses import dataclass

from manyicl.config import ObjectiveConfig
from manyicl.episodes import EncodedSequence, TargetSpan

IGNORED = -100  # Hugging Face's label for "no loss here"
NO_SHOT = -1  # shot index of supervised tokens that belong to no answer


@dataclass(frozen=True)
class Targets:
    """Per token of a sequence (T): `labels` (its own id or -100), loss `weights` (0 where no loss),
    and `shots` (number of demonstrations before its answer, -1 outside answers)."""

    labels: list[int]
    weights: list[float]
    shots: list[int]


def supervise(sequence: EncodedSequence, objective: ObjectiveConfig) -> Targets:
    """Mark the supervised tokens of a sequence.

    A label stands at its own token (position t holds the id of token t); the causal shift is done
    where the loss is computed. The first token of a sequence has no context and never a label.
    """
    labels = [IGNORED] * len(sequence)
    weights = [0.0] * len(sequence)
    shots = [NO_SHOT] * len(sequence)
    for span in sequence.spans:
        shots[span.start : span.stop] = [span.shot] * (span.stop - span.start)
    for start, stop, shot in _supervised_spans(sequence, objective):
        start = max(start, 1)
        weight = _answer_weight(objective, shot)
        if objective.normaliser != "token_mean":
            weight /= stop - start
        if weight > 0:
            labels[start:stop] = sequence.input_ids[start:stop]
            weights[start:stop] = [weight] * (stop - start)
    return Targets(labels, weights, shots)


def num_supervised_answers(num_demonstrations: int, objective: ObjectiveConfig) -> int:
    """Return how many answers of a sequence of so many demonstrations carry loss."""
    supervised = range(num_demonstrations)[objective.first_supervised() or 0 :]
    return sum(_answer_weight(objective, shot) > 0 for shot in supervised)


def _supervised_spans(
    sequence: EncodedSequence, objective: ObjectiveConfig
) -> tuple[TargetSpan, ...]:
    first = objective.first_supervised()
    if first is None:  # all tokens: each demonstration is one span, the opening joins the first
        starts = (0, *sequence.stops[1:-1])
        return tuple(
            TargetSpan(start, stop, shot)
            for shot, (start, stop) in enumerate(zip(starts, sequence.stops[1:], strict=True))
        )
    return sequence.spans[first:]


def _answer_weight(objective: ObjectiveConfig, shot: int) -> float:
    if objective.normaliser != "shot_weights":
        return 1.0
    return objective.shot_weights[min(shot, len(objective.shot_weights) - 1)]
