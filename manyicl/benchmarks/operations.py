"""Operations of answering queries from a shared prefix, counted from a model's shape.

Two operations a multiplied weight and token; attention 4 x width a pair of tokens that see each
other, summed over layers. The head is counted where an answer is read: at the last prompt token and
at each option token but the last. Training is counted by `models.flops.training_flops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyicl.models.flops import Shape


@dataclass(frozen=True)
class QueryShape:
    """Token counts of one query: its prompt, and each option with its end mark."""

    prompt: int
    options: Sequence[int]

    @property
    def bodies(self) -> list[int]:
        """Option tokens that are read: the last one is only predicted."""
        return [length - 1 for length in self.options]


def prefill_flops(shape: Shape, tokens: int) -> float:
    """Return the operations of computing a prefix once; its logits are not needed.

    >>> prefill_flops(Shape(100, 1, 8, 8, 10), 10)
    3760.0
    """
    pairs = tokens * (tokens + 1) / 2
    return 2.0 * shape.body_parameters * tokens + _attention(shape, pairs)


def query_flops(shape: Shape, prefix: int, query: QueryShape) -> float:
    """Return the operations of scoring one query's options on a prefix of `prefix` tokens.

    The prompt is computed once; each option sees prefix and prompt.
    """
    tokens = query.prompt + sum(query.bodies)
    pairs = query.prompt * prefix + query.prompt * (query.prompt + 1) / 2
    for body in query.bodies:
        pairs += body * (prefix + query.prompt) + body * (body + 1) / 2
    head = 2.0 * shape.hidden_size * shape.vocab_size * (1 + sum(query.bodies))
    return 2.0 * shape.body_parameters * tokens + _attention(shape, pairs) + head


def sweep_flops(shape: Shape, prefixes: Sequence[int], queries: Sequence[QueryShape]) -> float:
    """Return the operations of a sweep: the longest prefix once, every query at every prefix."""
    answers = sum(query_flops(shape, prefix, query) for prefix in prefixes for query in queries)
    return prefill_flops(shape, max(prefixes)) + answers


def _attention(shape: Shape, pairs: float) -> float:
    return 4.0 * shape.layers * shape.attention_width * pairs
