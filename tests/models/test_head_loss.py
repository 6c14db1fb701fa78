"""The chunked head: the loss and the gradients of full logits."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.models import head_loss as head
from manyicl.models.head_loss import CHUNK_ROWS, HeadLoss

SIZES = [1, 2, CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1, 3 * CHUNK_ROWS, 3 * CHUNK_ROWS + 7]


def inputs(num: int, width: int, vocab: int, seed: int, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(num, width, generator=generator).to(dtype)
    weight = torch.randn(vocab, width, generator=generator).to(dtype)
    targets = torch.randint(vocab, (num,), generator=generator)
    weights = torch.rand(num, generator=generator)
    return hidden.requires_grad_(), weight.requires_grad_(), targets, weights


def full_logits(hidden, weight, targets, weights):
    """The same through all logits at once, in float64."""
    hidden, weight = (x.detach().double().requires_grad_() for x in (hidden, weight))
    logits = hidden @ weight.T
    nll = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    loss = (nll * weights).sum()
    loss.backward()
    return loss.detach(), nll.detach(), hidden.grad, weight.grad


def assert_equal_to_full_logits(hidden, weight, targets, weights, scale=1.0, tolerance=1e-5):
    loss, nll = HeadLoss.apply(hidden, weight, targets, weights)
    assert not nll.requires_grad
    (scale * loss).backward()
    expected = full_logits(hidden, weight, targets, weights)
    found = (loss.detach(), nll, hidden.grad / scale, weight.grad / scale)
    for ours, theirs in zip(found, expected, strict=True):
        error = (ours.double() - theirs).norm() / theirs.norm().clamp(min=1e-9)
        assert error < tolerance, error


@pytest.mark.parametrize("num", SIZES)
def test_equal_to_full_logits(num):
    assert_equal_to_full_logits(*inputs(num, 16, 50, seed=num))


@pytest.mark.parametrize("num", [5, CHUNK_ROWS + 1])
def test_in_bf16_as_exact_as_bf16_is(num):
    """Compared with float64 on the same rounded inputs."""
    hidden, weight, targets, weights = inputs(num, 16, 50, 1, torch.bfloat16)
    loss, nll = HeadLoss.apply(hidden, weight, targets, weights)
    assert loss.dtype == nll.dtype == torch.float32
    loss.backward()
    assert hidden.grad.dtype == weight.grad.dtype == torch.bfloat16
    expected = full_logits(hidden, weight, targets, weights)
    for ours, theirs in zip((loss.detach(), nll, hidden.grad, weight.grad), expected, strict=True):
        assert (ours.double() - theirs).norm() / theirs.norm() < 0.01


@settings(max_examples=40)
@given(
    st.integers(1, 40),
    st.integers(1, 9),
    st.integers(2, 30),
    st.integers(1, 12),
    st.sampled_from([1.0, -0.5, 3.0]),
    st.integers(0, 10**6),
)
def test_any_shape_and_chunk(num, width, vocab, chunk, scale, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "CHUNK_ROWS", chunk)
        assert_equal_to_full_logits(*inputs(num, width, vocab, seed), scale=scale, tolerance=1e-4)


def test_tied_to_the_embedding_both_gradients_arrive():
    """The head of a tied model is its embedding: autograd adds what comes from either side."""
    hidden, weight, targets, weights = inputs(7, 4, 9, 0)
    del hidden
    ids = torch.arange(7)

    def grad_of(loss):
        return torch.autograd.grad(loss, weight)[0]

    ours = grad_of(HeadLoss.apply(weight[ids] * 2, weight, targets, weights)[0])
    logits = (weight[ids] * 2) @ weight.T
    nll = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    torch.testing.assert_close(ours, grad_of((nll * weights).sum()))


def test_logits_too_large_for_exp_alone():
    hidden, weight, targets, weights = inputs(4, 4, 6, 0)
    assert_equal_to_full_logits(
        (hidden.detach() * 1000).requires_grad_(), weight, targets, weights, tolerance=1e-4
    )
