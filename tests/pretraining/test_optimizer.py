"""Muon and AdamW as one optimizer: the same steps as torch's own, and a state that travels."""

from __future__ import annotations

import pytest
import torch
from builders import tiny_model
from safetensors.torch import load, save

from manyicl.pretraining.optimizer import MuonWithAdam


def make(seed: int = 0) -> tuple[torch.nn.Module, MuonWithAdam]:
    model = tiny_model(seed=seed, attention_bias=True, tie_word_embeddings=True)
    return model, MuonWithAdam(model, momentum=0.9, weight_decay=0.1, adam_scale=0.5)


def set_gradients(model: torch.nn.Module, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def train(model: torch.nn.Module, optimizer: MuonWithAdam, steps: range) -> None:
    for step in steps:
        set_gradients(model, step)
        optimizer.set_learning_rate(0.01 / (step + 1))
        optimizer.step()


def assert_same(one: torch.nn.Module, other: torch.nn.Module) -> None:
    theirs = dict(other.named_parameters())
    for name, parameter in one.named_parameters():
        assert torch.equal(parameter, theirs[name]), name


def test_steps_equal_those_of_torch_on_the_same_groups():
    model, optimizer = make()
    reference, _ = make()
    train(model, optimizer, range(4))
    named = dict(reference.named_parameters())
    inside = [p for name, p in named.items() if name.endswith("proj.weight")]
    rest = [p for name, p in named.items() if not name.endswith("proj.weight")]
    assert len(inside) == 2 * 7
    muon = torch.optim.Muon(
        inside, lr=1, momentum=0.9, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    adam = torch.optim.AdamW(rest, lr=1, betas=(0.9, 0.95), weight_decay=0.0)
    for step in range(4):
        set_gradients(reference, step)
        muon.param_groups[0]["lr"] = 0.01 / (step + 1)
        adam.param_groups[0]["lr"] = 0.005 / (step + 1)
        muon.step()
        adam.step()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, named[name], rtol=1e-5, atol=1e-7, msg=name)


def test_every_parameter_moves_and_gradients_are_dropped():
    model, optimizer = make()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train(model, optimizer, range(1))
    for name, parameter in model.named_parameters():
        assert not torch.equal(parameter, before[name]), name
        assert parameter.grad is None


@pytest.mark.parametrize("steps", [1, 3])
def test_a_state_saved_and_loaded_goes_on_as_if_nothing_had_happened(steps):
    whole, optimizer = make()
    train(whole, optimizer, range(steps))
    stored = load(save(optimizer.state_tensors()))
    resumed, other = make(seed=1)
    resumed.load_state_dict(whole.state_dict())
    other.load_state_tensors(stored)
    assert all(torch.equal(stored[key], value) for key, value in other.state_tensors().items())
    assert other.state_tensors().keys() == stored.keys()
    train(whole, optimizer, range(steps, steps + 3))
    train(resumed, other, range(steps, steps + 3))
    assert_same(resumed, whole)


def test_without_the_state_the_next_steps_differ():
    """Otherwise the test above would prove nothing."""
    whole, optimizer = make()
    train(whole, optimizer, range(2))
    fresh, other = make(seed=1)
    fresh.load_state_dict(whole.state_dict())
    train(whole, optimizer, range(2, 4))
    train(fresh, other, range(2, 4))
    theirs = dict(whole.named_parameters())
    assert all(not torch.equal(p, theirs[name]) for name, p in fresh.named_parameters())


def test_a_loaded_state_is_a_copy():
    model, optimizer = make()
    train(model, optimizer, range(1))
    stored = {key: value.clone() for key, value in optimizer.state_tensors().items()}
    other_model, other = make()
    other.load_state_tensors(stored)
    kept = {key: value.clone() for key, value in stored.items()}
    train(other_model, other, range(1, 3))
    assert all(torch.equal(value, kept[key]) for key, value in stored.items())
