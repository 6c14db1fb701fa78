"""Where many logits are computed in chunks, loss and gradients are those of all logits at once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from builders import ARCHITECTURES, make_task, tiny_model
from transformers import AutoConfig, AutoModelForCausalLM

from manyicl.config import ObjectiveConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.models import head_loss
from manyicl.models.head_loss import chunked_head, worth_chunks
from manyicl.training.loss import Shortcuts, supervised_loss
from manyicl.training.rows import make_row


@pytest.fixture
def row(tokenizer) -> dict[str, Any]:
    pool = EncodedPool(Pool(make_task()), Encoder(tokenizer))
    sequences = [pool.sequence(rows) for rows in ([0], [1, 2, 3], [4, 5])]
    objective = ObjectiveConfig(supervise="all_tokens", normaliser="answer_mean")
    return make_row(sequences, objective).as_batch()


@pytest.fixture
def always(monkeypatch) -> None:
    monkeypatch.setattr(head_loss, "MOST_LOGITS", 0)
    monkeypatch.setattr(head_loss, "CHUNK_ROWS", 7)


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    (0.3 * loss).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same(model: Any, row: dict[str, Any]) -> None:
    head = chunked_head(model)
    assert head is not None
    seen: list[int] = []
    hook = head.register_forward_hook(lambda *args: seen.append(args[2].shape[-1]))
    expected, expected_nll = supervised_loss(model, row, Shortcuts())
    wanted = gradients(model, expected)
    found, nll = supervised_loss(model, row, Shortcuts(head))
    ours = gradients(model, found)
    hook.remove()
    assert seen == [head.out_features, 1]  # the second time no logits came out of the head
    assert "forward" not in vars(head)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(nll, expected_nll, atol=1e-5, rtol=1e-5)
    assert not nll.requires_grad
    assert ours.keys() == wanted.keys()
    largest = max(gradient.abs().max() for gradient in wanted.values())
    for name, gradient in wanted.items():
        torch.testing.assert_close(ours[name] / largest, gradient / largest, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "gemma2"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.usefixtures("always")
def test_loss_and_gradients_are_those_of_all_logits(architecture, tied, row):
    assert_same(tiny_model(architecture, tie_word_embeddings=tied), row)


@pytest.mark.usefixtures("always")
def test_a_frozen_head_passes_gradients_on_and_gets_none(row):
    from peft import LoraConfig, get_peft_model

    model: Any = get_peft_model(tiny_model(), LoraConfig(target_modules=["q_proj", "v_proj"]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.01)
    assert_same(model, row)
    assert not any(p.grad is not None for p in model.get_output_embeddings().parameters())


@pytest.mark.usefixtures("always")
def test_under_autocast_the_products_are_bf16_and_the_loss_is_fp32(row):
    model = tiny_model()
    exact, _ = supervised_loss(model, row, Shortcuts())
    with torch.autocast("cpu", torch.bfloat16):
        plain, _ = supervised_loss(model, row, Shortcuts())
        found, nll = supervised_loss(model, row, Shortcuts(chunked_head(model)))
    assert found.dtype == nll.dtype == torch.float32
    torch.testing.assert_close(found, plain, atol=0, rtol=5e-3)
    torch.testing.assert_close(found, exact, atol=0, rtol=5e-2)
    assert all(gradient.dtype == torch.float32 for gradient in gradients(model, found).values())


SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 48,
    "pad_token_id": 0,
}


@pytest.mark.parametrize(
    ("architecture", "values"),
    [("gemma2", {"head_dim": 8}), ("cohere", {"logit_scale": 0.5}), ("phi", {}),
     ("granite", {"logits_scaling": 8.0})],
)  # fmt: skip
def test_scaled_soft_capped_and_biased_logits_are_computed_as_ever(architecture, values):
    config = AutoConfig.for_model(architecture, **SMALL | values)
    assert chunked_head(AutoModelForCausalLM.from_config(config)) is None


def test_a_model_that_computes_all_its_logits_has_no_chunked_head():
    from transformers import LlamaForCausalLM

    class Whole(LlamaForCausalLM):
        def forward(self, input_ids, position_ids=None, use_cache=None):  # type: ignore
            return super().forward(input_ids, position_ids=position_ids, use_cache=use_cache)

    assert chunked_head(Whole(tiny_model().config)) is None


def test_an_adapter_on_the_head_is_no_plain_head():
    from peft import LoraConfig, get_peft_model

    model: Any = get_peft_model(
        tiny_model(tie_word_embeddings=False), LoraConfig(target_modules=["q_proj", "lm_head"])
    )
    assert chunked_head(model) is None


def test_chunks_are_for_more_logits_than_the_gradient_of_the_head_weighs():
    head = torch.nn.Linear(4096, 131_072, bias=False, device="meta")
    assert not worth_chunks(300, head)  # kept: 4,096 x V; saved: some 3 x 300 x V
    assert worth_chunks(2000, head)
    head.requires_grad_(False)
    assert worth_chunks(300, head)
    assert not worth_chunks(100, head)  # 52 MB of logits
