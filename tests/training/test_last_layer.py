"""The last feed-forward network at supervised positions alone: loss and gradients stay."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from builders import ARCHITECTURES, make_task, tiny_model
from transformers import AutoConfig, AutoModelForCausalLM

from manyicl.config import ObjectiveConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.models.last_layer import last_feed_forward
from manyicl.training.loss import Shortcuts, supervised_loss
from manyicl.training.rows import make_row


def row_of(tokenizer: Any, supervise: str = "every_answer") -> dict[str, Any]:
    pool = EncodedPool(Pool(make_task()), Encoder(tokenizer))
    sequences = [pool.sequence(rows) for rows in ([0], [1, 2, 3], [4, 5])]
    return make_row(sequences, ObjectiveConfig(supervise=supervise)).as_batch()


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("lora", [False, True])
def test_loss_and_gradients_are_those_of_the_whole_layer(architecture, lora, tokenizer):
    from peft import LoraConfig, get_peft_model

    model, row = tiny_model(architecture), row_of(tokenizer)
    if lora:
        model = get_peft_model(
            model, LoraConfig(target_modules="all-linear", init_lora_weights=False)
        ).eval()
    network = last_feed_forward(model)
    assert network is not None
    expected, nll = supervised_loss(model, row, Shortcuts())
    wanted = gradients(model, expected)
    seen: list[int] = []
    hook = next(m for m in network.modules() if not list(m.children())).register_forward_hook(
        lambda *args: seen.append(args[2].shape[1])
    )
    found, found_nll = supervised_loss(model, row, Shortcuts(feed_forward=network))
    hook.remove()
    assert seen == [len(row["keep"])]
    assert "forward" not in vars(network)
    torch.testing.assert_close(found_nll, nll, atol=1e-4, rtol=1e-5)
    ours = gradients(model, found)
    assert ours.keys() == wanted.keys()
    largest = max(gradient.abs().max() for gradient in wanted.values())
    for name, gradient in wanted.items():
        torch.testing.assert_close(ours[name] / largest, gradient / largest, atol=1e-6, rtol=1e-3)


def test_where_most_positions_carry_loss_nothing_is_copied(tokenizer):
    model, row = tiny_model(), row_of(tokenizer, "all_tokens")
    network = last_feed_forward(model)
    expected, _ = supervised_loss(model, row, Shortcuts())
    found, _ = supervised_loss(model, row, Shortcuts(feed_forward=network))
    assert torch.equal(found, expected)


def test_a_row_without_targets_has_zero_loss_and_finite_gradients(tokenizer):
    model, row = tiny_model(), row_of(tokenizer, "answers_after:9")
    found, nll = supervised_loss(model, row, Shortcuts.of(model, recomputes=False))
    assert len(nll) == 0
    assert not any(gradient.any() for gradient in gradients(model, found).values())


def test_recomputed_layers_run_whole():
    assert Shortcuts.of(tiny_model(), recomputes=False).feed_forward is not None
    assert Shortcuts.of(tiny_model(), recomputes=True).feed_forward is None


@pytest.mark.parametrize(
    ("architecture", "values"),
    [("mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2, "num_key_value_heads": 4}),
     ("mamba", {"state_size": 8}),
     ("opt", {"ffn_dim": 48, "word_embed_proj_dim": 32})],
)  # fmt: skip
def test_layers_of_other_kinds_are_computed_whole_or_right(architecture, values):
    settings = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "pad_token_id": 0}
    heads = {"num_attention_heads": 4, "intermediate_size": 48}
    config = AutoConfig.for_model(architecture, **settings, **heads, **values)
    model = AutoModelForCausalLM.from_config(config).eval()
    network = last_feed_forward(model)
    assert network is None or architecture == "mixtral"  # its experts see one position at a time


class Mixing(torch.nn.Module):
    """A network that looks at the positions before."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden.cumsum(1)


def test_a_network_that_mixes_positions_is_found_out():
    model = tiny_model()
    model.model.layers[-1].mlp = Mixing()
    assert last_feed_forward(model) is None
    model = tiny_model()
    model.model.layers[0].mlp = Mixing()  # any earlier one may
    assert last_feed_forward(model) is model.model.layers[-1].mlp
