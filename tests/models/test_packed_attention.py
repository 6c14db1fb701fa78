"""A packed row computed sequence by sequence is what its sequences are alone, and costs no mask."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from builders import ARCHITECTURES, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from manyicl.models import packed_attention as module
from manyicl.models.packed_attention import SHORTEST, SequenceGroups, packed_attention

SDPA = [name for name in ARCHITECTURES if name != "gemma2"]  # its soft-capping wants eager
LENGTHS = [40, 3, 30, 26, 1, 25, 7]  # 40 and 30: longer than the windows of 20


def row_of(lengths: list[int]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(sum(lengths))
    return {
        "input_ids": torch.randint(0, 500, (1, sum(lengths)), generator=generator),
        "position_ids": torch.cat([torch.arange(length) for length in lengths])[None],
    }


def alone(model: Any, row: dict[str, torch.Tensor], lengths: list[int]) -> torch.Tensor:
    """Return the logits of the sequences, each computed by a plain call of its own."""
    parts = row["input_ids"].split(lengths, dim=1)
    return torch.cat([model(input_ids=part, use_cache=False).logits for part in parts], dim=1)


def gradients(model: Any, logits: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    targets = torch.arange(logits.shape[1]) * 11 % logits.shape[2]
    torch.nn.functional.cross_entropy(logits[0], targets).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.fixture
def masks(monkeypatch) -> list[tuple[int, ...] | None]:
    """Collects the shapes of the masks that SDPA gets."""
    seen: list[tuple[int, ...] | None] = []
    sdpa = torch.nn.functional.scaled_dot_product_attention

    def watched(*args: Any, attn_mask: torch.Tensor | None = None, **kwargs: Any) -> torch.Tensor:
        seen.append(None if attn_mask is None else tuple(attn_mask.shape))
        return sdpa(*args, attn_mask=attn_mask, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", watched)
    return seen


@pytest.mark.parametrize("architecture", SDPA)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_logits_and_gradients_are_those_of_the_sequences_alone(architecture, checkpointing):
    model = tiny_model(architecture)
    row = row_of(LENGTHS)
    expected = alone(model, row, LENGTHS)
    wanted = gradients(model, expected)
    if checkpointing:
        model.train()
        for layer in model.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
        model.activation_checkpointing_enable()
    with packed_attention(model) as able:
        assert able
        found = model(**row, use_cache=False).logits
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
        ours = gradients(model, found)
    assert ours.keys() == wanted.keys()
    largest = max(gradient.abs().max() for gradient in wanted.values())
    for name, gradient in wanted.items():
        torch.testing.assert_close(ours[name] / largest, gradient / largest, atol=1e-5, rtol=1e-3)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.sampled_from(SDPA))
def test_any_lengths_give_the_logits_of_the_sequences_alone(lengths, architecture):
    model = MODELS[architecture]
    row = row_of(lengths)
    with torch.no_grad(), packed_attention(model):
        found = model(**row, use_cache=False).logits
        torch.testing.assert_close(found, alone(model, row, lengths), atol=1e-4, rtol=1e-4)


MODELS = {name: tiny_model(name) for name in SDPA}


@given(st.lists(st.integers(1, 90), min_size=1, max_size=40))
def test_groups_hold_every_token_once_and_little_padding(lengths):
    row = SequenceGroups.of(lengths, "cpu", lambda start, stop: None)
    total = sum(lengths)
    assert torch.equal(row.tokens[row.places], torch.arange(total))
    assert len(row.tokens) == sum(group.number * group.longest for group in row.groups)
    assert len(row.tokens) <= total / SHORTEST
    start, ends = 0, set(torch.tensor(lengths).cumsum(0).tolist())
    for group in row.groups:
        for _ in range(group.number):
            tokens = row.tokens[start : start + group.longest].tolist()
            begin, end = tokens[0], tokens[-1] + 1
            assert begin in ends | {0}
            assert end in ends
            assert tokens == [min(begin + i, end - 1) for i in range(group.longest)]
            start += group.longest


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gpt2"])
def test_no_mask_is_made_at_all(architecture, masks):
    model = tiny_model(architecture)
    with packed_attention(model):
        masks.clear()
        model(**row_of(LENGTHS), use_cache=False)
    # 40 and 30 | 26, 25 | 7 | 3 | 1, in two layers
    assert masks == [None] * 5 * 2


def test_windows_cost_a_mask_only_where_a_sequence_is_longer(masks):
    model = tiny_model("mistral")
    with packed_attention(model):
        masks.clear()
        model(**row_of([45, 18, 17, 5]), use_cache=False)
        assert masks == [(1, 1, 45, 45), None, None] * 2


def test_a_row_of_one_sequence_is_plain_causal_attention(masks):
    model, row = tiny_model(), row_of([30])
    expected = model(**row, use_cache=False).logits
    with packed_attention(model):
        masks.clear()
        assert torch.equal(model(**row, use_cache=False).logits, expected)
    assert masks == [None, None]


@pytest.mark.parametrize("architecture", ["llama", "mistral"])
def test_everything_but_packed_rows_is_left_to_transformers(architecture):
    """Padding, a cache, several rows, a mask of four dimensions."""
    model = tiny_model(architecture)
    ids = row_of([60])["input_ids"].view(2, 30)
    padding = torch.ones(2, 30, dtype=torch.long)
    padding[0, :7] = 0
    dense = torch.ones(1, 1, 30, 30, dtype=torch.bool).tril()
    packed = torch.arange(30).remainder(15)[None]
    calls: list[dict[str, Any]] = [
        {"input_ids": ids, "attention_mask": padding},
        {"input_ids": ids[:1], "attention_mask": dense},
        {"input_ids": ids, "position_ids": packed.expand(2, -1)},
    ]

    def results() -> list[torch.Tensor]:
        with torch.no_grad():
            cache = model(input_ids=ids[:, :20], use_cache=True).past_key_values
            after = model(input_ids=ids[:, 20:], past_key_values=cache, use_cache=True).logits
            written = model.generate(ids[:1], max_new_tokens=5, do_sample=False)
            return [after, written, *(model(**call, use_cache=False).logits for call in calls)]

    expected = results()
    with packed_attention(model) as able:
        assert able
        for found, wanted in zip(results(), expected, strict=True):
            assert torch.equal(found, wanted)


@pytest.mark.parametrize(
    ("architecture", "values"),
    [("opt", {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "ffn_dim": 48,
              "word_embed_proj_dim": 32}),
     ("falcon", {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}),
     ("mamba", {"hidden_size": 32, "num_hidden_layers": 1, "state_size": 8})],
)  # fmt: skip
def test_a_model_that_cannot_stays_as_it_is(architecture, values, caplog):
    config = AutoConfig.for_model(architecture, vocab_size=64, pad_token_id=0, **values)
    model = AutoModelForCausalLM.from_config(config).eval()
    before = model.config._attn_implementation
    with packed_attention(model) as able:
        assert not able
        assert model.config._attn_implementation == before
    assert not caplog.records


def test_a_model_that_fails_on_the_groups_goes_the_stock_way(monkeypatch):
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise TypeError("'SequenceGroups' object is not subscriptable")

    monkeypatch.setattr(module, "sdpa_attention_forward", broken)
    model, row = tiny_model(), row_of([20, 30])
    expected = model(**row, use_cache=False).logits
    with packed_attention(model) as able:
        assert not able
        assert torch.equal(model(**row, use_cache=False).logits, expected)


def test_nothing_of_it_outlives_the_block_or_is_saved(tmp_path):
    model = tiny_model()
    with packed_attention(model):
        assert model.config._attn_implementation == module.NAME
        model.save_pretrained(tmp_path)
    assert model.config._attn_implementation == "sdpa"
    assert module.NAME not in json.dumps(json.loads((tmp_path / "config.json").read_text()))


@pytest.mark.parametrize("short", [True, False])
def test_short_sequences_take_the_fp32_kernel_under_autocast(monkeypatch, short):
    """With the loss and the gradients that bf16 everywhere has, to its rounding."""
    kinds: list[torch.dtype] = []
    sdpa = torch.nn.functional.scaled_dot_product_attention

    def watched(query: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        out = sdpa(query, *args, **kwargs)
        kinds.append(out.dtype)
        return out

    model, row = tiny_model("llama").train(), row_of(LENGTHS)

    def found() -> dict[str, torch.Tensor]:
        with torch.autocast("cpu", torch.bfloat16), packed_attention(model) as on:
            assert on
            kinds.clear()
            logits = model(**row, use_cache=False).logits
        return gradients(model, logits.float())

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", watched)
    if not short:
        monkeypatch.setattr(module, "SHORT_ON_CPU", 29)  # 40 and 30 are longer
    grads = found()
    assert torch.bfloat16 in kinds if not short else set(kinds) == {torch.float32}
    assert torch.float32 in kinds
    monkeypatch.setattr(module, "SHORT_ON_CPU", 0)
    for name, reference in found().items():
        difference = (grads[name] - reference).norm() / reference.norm().clamp(min=1e-6)
        assert difference < 0.05, name
    assert set(kinds) == {torch.bfloat16}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_adapters_and_small_dtypes_are_tried_too(dtype):
    from peft import LoraConfig, get_peft_model

    model: Any = get_peft_model(tiny_model().to(dtype), LoraConfig(target_modules="all-linear"))
    with packed_attention(model) as able:
        assert able
        assert model.get_base_model().config._attn_implementation == module.NAME
