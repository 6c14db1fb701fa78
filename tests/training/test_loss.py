"""The loss of a packed row is that of its sequences, each computed alone with all logits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from builders import ARCHITECTURES, make_task, tiny_model

from manyicl.config import ObjectiveConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.training.loss import supervised_nll
from manyicl.training.objective import supervise
from manyicl.training.rows import make_row


@pytest.fixture(scope="module")
def sequences(tokenizer):
    pool = EncodedPool(Pool(make_task()), Encoder(tokenizer))
    return [pool.sequence(rows) for rows in ([0], [1, 2, 3], [4, 5])]


def row_of(sequences, **objective) -> dict[str, Any]:
    return make_row(sequences, ObjectiveConfig(**objective)).as_batch()


def plain_loss(model, sequences, objective: ObjectiveConfig) -> torch.Tensor:
    """Sum of weighted nll, by one plain call a sequence: all logits, no packing, no positions."""
    total = torch.zeros(())
    for sequence in sequences:
        targets = supervise(sequence, objective)
        logits = model(input_ids=torch.tensor([sequence.input_ids])).logits[0].float()
        log_probs = logits.log_softmax(-1)
        for position, (label, weight) in enumerate(
            zip(targets.labels, targets.weights, strict=True)
        ):
            if label != -100:
                total = total - weight * log_probs[position - 1, label]
    return total


def gradients(model, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("supervised", ["every_answer", "all_tokens"])
def test_a_packed_row_gives_the_loss_and_gradients_of_its_sequences_alone(
    architecture, supervised, sequences
):
    """The longest sequence is longer than the sliding window of the architectures with one."""
    model = tiny_model(architecture, vocab_size=400)
    objective = ObjectiveConfig(supervise=supervised, normaliser="answer_mean")
    assert max(map(len, sequences)) > 40
    row: dict[str, Any] = make_row(sequences, objective).as_batch()
    ours = (supervised_nll(model, row) * row["weights"]).sum()
    expected = plain_loss(model, sequences, objective)
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    found, wanted = gradients(model, ours), gradients(model, expected)
    assert found.keys() == wanted.keys()
    largest = max(gradient.abs().max() for gradient in wanted.values())
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name] / largest, gradient / largest, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_head_runs_on_supervised_rows_alone(architecture, sequences):
    model = tiny_model(architecture, vocab_size=400)
    seen: list[tuple[int, ...]] = []
    model.get_output_embeddings().register_forward_hook(
        lambda module, inputs, output: seen.append(tuple(output.shape))
    )
    row = row_of(sequences)
    nll = supervised_nll(model, row)
    assert seen == [(1, len(row["targets"]), 400)]
    assert nll.shape == row["targets"].shape
    assert len(nll) < row["input_ids"].numel() / 2


class AllLogits(torch.nn.Module):
    """A model of the kind that cannot be asked for some rows of logits only."""

    def __init__(self, inner: torch.nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, input_ids, position_ids, use_cache):
        return SimpleNamespace(
            logits=self.inner(
                input_ids=input_ids, position_ids=position_ids, use_cache=use_cache
            ).logits
        )


def test_a_model_without_logits_to_keep_gives_the_same(sequences):
    model, row = tiny_model(vocab_size=400), row_of(sequences)
    torch.testing.assert_close(
        supervised_nll(AllLogits(model), row), supervised_nll(model, row), atol=1e-5, rtol=1e-5
    )


class Wrapped(torch.nn.Module):
    """What DDP and FSDP look like from outside."""

    def __init__(self, module: torch.nn.Module):
        super().__init__()
        self.module = module

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)


def test_wrapped_models_are_looked_through(sequences):
    from peft import LoraConfig, get_peft_model

    model, row = tiny_model(vocab_size=400), row_of(sequences)
    expected = supervised_nll(model, row)
    seen: list[int] = []
    model.get_output_embeddings().register_forward_hook(
        lambda module, inputs, output: seen.append(output.shape[1])
    )
    adapted: Any = get_peft_model(model, LoraConfig(target_modules="all-linear"))
    for wrapped in (adapted, Wrapped(adapted), Wrapped(Wrapped(model))):
        torch.testing.assert_close(supervised_nll(wrapped, row), expected, atol=1e-5, rtol=1e-5)
    assert set(seen) == {len(row["targets"])}


def test_a_row_without_targets_has_zero_loss_and_zero_gradients(sequences):
    model = tiny_model(vocab_size=400)
    row = row_of(sequences, supervise="answers_after:9")
    nll = supervised_nll(model, row)
    assert nll.shape == (0,)
    found = gradients(model, (nll * row["weights"]).sum())
    assert found
    assert not any(gradient.any() for gradient in found.values())


def test_the_loss_is_float32_under_bf16(sequences):
    model, row = tiny_model(vocab_size=400), row_of(sequences)
    with torch.autocast("cpu", torch.bfloat16):
        nll = supervised_nll(model, row)
    assert nll.dtype == torch.float32
    torch.testing.assert_close(nll, supervised_nll(model, row), atol=0.5, rtol=0.1)
