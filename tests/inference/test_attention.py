"""Attention in parts is attention over the whole."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.inference.attention import _plain, attend, join


def by_definition(query, key, value, scale, mask=None, softcap=None):
    """Softmax attention with one key head for each query head, in double precision."""
    groups = query.shape[1] // key.shape[1]
    key, value = (t.repeat_interleave(groups, 1).double() for t in (key, value))
    scores = query.double() @ key.transpose(2, 3) * scale
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ value, scores.logsumexp(-1)


shapes = st.tuples(
    st.integers(1, 3),
    st.sampled_from([(1, 1), (4, 2), (3, 1)]),
    st.integers(1, 9),
    st.integers(2, 40),
)


@settings(deadline=None, max_examples=40)
@given(shapes, st.integers(0, 10_000), st.sampled_from([None, 2.0]), st.data())
def test_the_parts_of_a_split_join_to_the_whole(shape, seed, softcap, data):
    batch, (heads, key_heads), length, keys = shape
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(batch, heads, length, 16, generator=generator)
    key, value = (torch.randn(batch, key_heads, keys, 16, generator=generator) for _ in range(2))
    expected, log_sum = by_definition(query, key, value, 0.3, softcap=softcap)
    whole = attend(query, key, value, scale=0.3, softcap=softcap)
    torch.testing.assert_close(whole[0].double(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole[1].double(), log_sum, atol=1e-5, rtol=1e-5)
    cut = data.draw(st.integers(1, keys - 1))
    parts = [
        attend(query, key[:, :, a:b], value[:, :, a:b], scale=0.3, softcap=softcap)
        for a, b in ((0, cut), (cut, keys))
    ]
    torch.testing.assert_close(join(parts).double(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("softcap", [None, 3.0])
def test_masks_hide_keys_and_a_query_that_sees_none_adds_nothing(softcap):
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 4, 5, 16), torch.randn(2, 2, 7, 16), torch.randn(2, 2, 7, 16)
    mask = torch.rand(2, 1, 5, 7) > 0.5
    mask[..., 0] = True
    mask[1, 0, 3] = False
    output, log_sum = attend(query, key, value, scale=0.25, mask=mask, softcap=softcap)
    expected, expected_sum = by_definition(query, key, value, 0.25, mask, softcap)
    assert torch.equal(log_sum[1, :, 3], torch.full((4,), -math.inf))
    assert not output[1, :, 3].any()
    seen = mask.any(-1).expand(2, 4, 5)
    torch.testing.assert_close(output[seen].double(), expected[seen], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(log_sum[seen].double(), expected_sum[seen], atol=1e-5, rtol=1e-5)
    other = attend(query, key, value, scale=0.25)
    joined = join([(output, log_sum), other])
    torch.testing.assert_close(joined[1, :, 3], other[0][1, :, 3])


@pytest.mark.parametrize("width", [(16, 16), (16, 8)])
def test_causal_attention_is_the_lower_triangle(width):
    torch.manual_seed(0)
    query, key = torch.randn(1, 4, 6, width[0]), torch.randn(1, 2, 6, width[0])
    value = torch.randn(1, 2, 6, width[1])
    lower = torch.ones(6, 6, dtype=torch.bool).tril()[None, None]
    output, log_sum = attend(query, key, value, scale=0.25, causal=True)
    expected, expected_sum = by_definition(query, key, value, 0.25, lower)
    torch.testing.assert_close(output.double(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(log_sum.double(), expected_sum, atol=1e-5, rtol=1e-5)


def test_the_plain_way_takes_queries_in_parts(monkeypatch):
    torch.manual_seed(0)
    query, key, value = torch.randn(1, 2, 9, 8), torch.randn(1, 2, 5, 8), torch.randn(1, 2, 5, 8)
    mask = torch.rand(1, 1, 9, 5) > 0.3
    mask[..., 0] = True
    whole = _plain(query, key, value, 0.5, False, mask, None)
    monkeypatch.setattr("manyicl.inference.attention.SCORES_AT_ONCE", 25)
    for part, other in zip(_plain(query, key, value, 0.5, False, mask, None), whole, strict=True):
        torch.testing.assert_close(part, other)


def test_half_precision_keeps_its_dtype_and_its_log_sums_in_fp32():
    query, key, value = (torch.randn(1, 2, 4, 16).bfloat16() for _ in range(3))
    parts = [
        attend(query, key[:, :, a:b], value[:, :, a:b], scale=0.25) for a, b in ((0, 1), (1, 4))
    ]
    assert parts[0][1].dtype == torch.float32
    joined = join(parts)
    assert joined.dtype == torch.bfloat16
    expected, _ = by_definition(query, key, value, 0.25)
    torch.testing.assert_close(joined.double(), expected, atol=0.03, rtol=0.03)
