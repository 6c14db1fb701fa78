"""Counts of operations: against sums by hand, and against what torch counts while it computes."""

from __future__ import annotations

import pytest
import torch
from builders import tiny_model
from torch.utils.flop_counter import FlopCounterMode

from manyicl.benchmarks.operations import (
    QueryShape,
    prefill_flops,
    query_flops,
    sweep_flops,
)
from manyicl.models.flops import Shape, training_flops

SHAPE = Shape(body_parameters=100, layers=2, attention_width=8, hidden_size=4, vocab_size=10)
PAIR = 4 * 2 * 8  # operations of a pair of tokens that see each other
HEAD = 2 * 4 * 10


def test_a_prefix_by_hand():
    assert prefill_flops(SHAPE, 3) == 3 * 200 + 6 * PAIR


def test_a_query_by_hand():
    # A prompt of 2 tokens sees 5 before it and 3 pairs of its own. Of the options of 1 and 3
    # tokens nothing and 2 tokens are read, which see 7 before them and 3 pairs of their own.
    query = QueryShape(prompt=2, options=(1, 3))
    pairs = (2 * 5 + 3) + (2 * 7 + 3)
    assert query_flops(SHAPE, 5, query) == (2 + 2) * 200 + pairs * PAIR + (1 + 2) * HEAD


def test_a_sweep_computes_the_longest_prefix_once():
    query = QueryShape(2, (1, 1))
    one, two = (query_flops(SHAPE, prefix, query) for prefix in (0, 7))
    assert sweep_flops(SHAPE, [0, 7], [query, query]) == prefill_flops(SHAPE, 7) + 2 * (one + two)


@pytest.fixture(scope="module")
def counted():
    """A model whose attention torch can count (products, not a fused kernel)."""
    model = tiny_model("llama")
    model.set_attn_implementation("eager")
    return model, Shape.of(model)


def test_a_forward_counts_what_torch_counts(counted):
    model, shape = counted
    ids = torch.arange(24)[None]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(input_ids=ids, logits_to_keep=torch.tensor([23]))
    # The eager kernel computes the whole square; causal attention needs half of it.
    whole_square = 4 * shape.layers * shape.attention_width * (24 * 24 - 24 * 25 / 2)
    head = 2 * shape.hidden_size * shape.vocab_size
    assert counter.get_total_flops() == prefill_flops(shape, 24) + whole_square + head


def test_a_query_on_a_cache_counts_what_torch_counts(counted):
    model, shape = counted
    with torch.no_grad():
        cache = model(input_ids=torch.arange(16)[None], use_cache=True).past_key_values
        with FlopCounterMode(display=False) as counter:
            model(
                input_ids=torch.arange(5)[None],
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=torch.tensor([4]),
            )
    later = 4 * shape.layers * shape.attention_width * (5 * 5 - 5 * 6 / 2)
    counted_here = query_flops(shape, 16, QueryShape(5, (1, 1)))
    assert counter.get_total_flops() == counted_here + later


def test_a_training_step_counts_what_torch_counts(counted):
    model, shape = counted
    model.train()
    keep = torch.tensor([7, 15, 23])
    with FlopCounterMode(display=False) as counter:
        model(input_ids=torch.arange(24)[None], logits_to_keep=keep).logits.sum().backward()
    model.eval()
    ours = training_flops(shape, 24, 3, 24)
    # Ours halves the square of attention; torch's is whole, and its backward twice the forward.
    whole = 3 * 4 * shape.layers * shape.attention_width * 24 * 24 / 2
    assert counter.get_total_flops() == pytest.approx(ours + whole, rel=1e-3)
