"""Adapters: fresh, stored, and what is refused about them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from builders import tiny_model
from models.saved_models import logits, lora, refused
from safetensors.torch import load_file, save_file

from manyicl.config import LoraConfig, ModelConfig
from manyicl.errors import ModelError
from manyicl.models import load_model, load_tokenizer


def test_a_fresh_adapter_trains_alone_and_changes_nothing_yet(saved):
    model = load_model(str(saved), lora(3), training=True)
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {name for name, _ in model.named_parameters() if ".lora_" in name}
    assert not any("lm_head" in name for name in trainable)
    assert torch.equal(logits(model), logits(load_model(str(saved))))
    assert not any("lora" in name for name, _ in load_model(str(saved), lora(3)).named_modules())


def test_a_fresh_adapter_depends_on_the_seed_alone(saved):
    def first(seed: int) -> torch.Tensor:
        config = lora(2)
        config.seed = seed
        torch.manual_seed(torch.initial_seed() + 1)
        model = load_model(str(saved), config, training=True)
        return next(p for name, p in model.named_parameters() if "lora_A" in name)

    assert torch.equal(first(0), first(0))
    assert not torch.equal(first(0), first(1))


@pytest.mark.parametrize("names", ["q_proj", "q_proj, v_proj", "self_attn.o_proj"])
def test_an_adapter_goes_on_the_modules_named(saved, names):
    model = load_model(str(saved), lora(2, names), training=True)
    found = {
        name.partition(".lora_A")[0].rpartition(".")[2]
        for name, _ in model.named_parameters()
        if "lora_A" in name
    }
    assert found == {name.strip().rpartition(".")[2] for name in names.split(",")}


def test_an_adapter_loads_on_its_base(saved, adapter):
    model = load_model(str(adapter))
    assert not torch.allclose(logits(model), logits(load_model(str(saved))))
    assert not any(parameter.requires_grad for parameter in model.parameters())
    again = load_model(str(adapter), training=True)
    assert torch.equal(logits(again), logits(model))
    assert all(p.requires_grad == ("lora" in name) for name, p in again.named_parameters())


def test_another_rank_than_that_of_the_adapter_is_refused_for_training(adapter):
    load_model(str(adapter), lora(2), training=True)
    with pytest.raises(ModelError, match=r"model\.lora\.rank: is 8, but .* of rank 2"):
        load_model(str(adapter), lora(8), training=True)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"alpha": 999.0}, r"model\.lora\.alpha: is 999\.0, but .* adapter with "),
        ({"dropout": 0.5}, r"model\.lora\.dropout: is 0\.5, but .* adapter with 0\.0"),
        ({"target_modules": "q_proj"}, r"model\.lora\.target_modules: is 'q_proj', but"),
    ],
)
def test_settings_that_an_adapter_in_training_does_not_take_up_are_refused(adapter, setting, said):
    config = ModelConfig(lora=LoraConfig(rank=2, **setting))
    load_model(str(adapter), config)  # to answer with it nothing is asked
    with pytest.raises(ModelError, match=said):
        load_model(str(adapter), config, training=True)


@pytest.mark.parametrize("name", ["lm_head", "embed_tokens"])
def test_an_adapter_on_a_tied_embedding_is_refused(tmp_path, name):
    tied = tiny_model("llama", tie_word_embeddings=True)
    tied.save_pretrained(tmp_path / "tied")
    with pytest.raises(ModelError, match=rf"names '{name}', but this model's embedding and head"):
        load_model(str(tmp_path / "tied"), lora(2, f"q_proj,{name}"), training=True)
    load_model(str(tmp_path / "tied"), lora(2), training=True)
    apart = tiny_model("llama", tie_word_embeddings=False)
    apart.save_pretrained(tmp_path / "apart")
    load_model(str(tmp_path / "apart"), lora(2, "lm_head"), training=True)


def test_an_adapter_whose_base_is_gone_names_the_base(adapter, tmp_path):
    shutil.copytree(adapter, tmp_path / "adapter")
    path = tmp_path / "adapter/adapter_config.json"
    settings = json.loads(path.read_text()) | {"base_model_name_or_path": "/no/such/base"}
    path.write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="'/no/such/base' is no local folder"):
        load_model(str(tmp_path / "adapter"))


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"base_model_name_or_path": null}'])
def test_a_damaged_adapter_config_is_refused(tmp_path, text):
    (tmp_path / "adapter_config.json").write_text(text)
    refused(tmp_path, "adapter_config.json: names no base model", "Restore the file")


def test_an_adapter_without_weights_is_refused(adapter, tmp_path):
    shutil.copytree(adapter, tmp_path / "adapter")
    (tmp_path / "adapter/adapter_model.safetensors").unlink()
    refused(tmp_path / "adapter")


def test_an_adapter_that_lacks_weights_is_refused(adapter, tmp_path):
    folder = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    path = folder / "adapter_model.safetensors"
    kept = {name: tensor for name, tensor in load_file(path).items() if ".layers.1." not in name}
    save_file(kept, path)
    refused(folder, "missing adapter keys")


def test_a_pickled_adapter_is_not_read(adapter, tmp_path):
    folder = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    (folder / "adapter_model.safetensors").unlink()
    (folder / "adapter_model.bin").write_bytes(b"pickle")
    refused(folder, "is a pickle and is not read")


def test_an_adapter_without_a_tokenizer_has_that_of_its_base(saved, adapter):
    assert not list(adapter.glob("tokenizer*"))
    assert load_tokenizer(str(adapter)).get_vocab() == load_tokenizer(str(saved)).get_vocab()
