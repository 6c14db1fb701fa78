"""Loading models, adapters and tokenizers, and what is said when that cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from builders import (
    ARCHITECTURES,
    byte_level_tokenizer,
    chat_tokenizer,
    metaspace_tokenizer,
    tiny_model,
)
from models.saved_models import IDS, logits, lora, refused
from safetensors.torch import load_file, save_file

from manyicl.config import ModelConfig
from manyicl.errors import ModelError
from manyicl.models import (
    context_length,
    has_fast_bf16,
    hub,
    load_model,
    load_tokenizer,
    logits_at,
    model_identity,
    stored_context_length,
    stored_dtype,
    widen_slow_bf16,
)

# --- models --------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_saved_model_computes_as_before(architecture, tmp_path):
    model = tiny_model(architecture, vocab_size=400)
    model.save_pretrained(tmp_path)
    loaded = load_model(str(tmp_path))
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    torch.testing.assert_close(logits(loaded), logits(model), atol=1e-5, rtol=1e-5)


def test_a_model_in_several_files_loads(saved, tmp_path):
    model = load_model(str(saved))
    model.save_pretrained(tmp_path, max_shard_size="40KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert torch.equal(logits(load_model(str(tmp_path))), logits(model))


@pytest.mark.parametrize(
    ("dtype", "expected"), [("auto", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_weights_come_in_the_type_asked_for(saved, dtype, expected):
    assert load_model(str(saved), ModelConfig(dtype=dtype)).dtype == expected


def test_attention_falls_back_where_a_model_has_no_sdpa(saved, tmp_path):
    tiny_model("gemma2").save_pretrained(tmp_path)
    assert load_model(str(tmp_path)).config._attn_implementation == "eager"
    assert load_model(str(saved)).config._attn_implementation == "sdpa"
    eager = load_model(str(saved), ModelConfig(attention="eager"))
    assert eager.config._attn_implementation == "eager"


@pytest.mark.parametrize("attention", ["flash_attention_2", "no_such_attention"])
def test_an_attention_that_is_not_there_is_said(saved, attention):
    refused(saved, "cannot be loaded", config=ModelConfig(attention=attention))


def test_a_folder_without_weights_is_refused(copied):
    (copied / "model.safetensors").unlink()
    refused(copied, "holds config.json but no weights (*.safetensors)", "Copy the weights there")


def test_a_pickle_is_not_read(copied):
    (copied / "model.safetensors").unlink()
    torch.save({}, copied / "pytorch_model.bin")
    refused(copied, "pytorch_model.bin is a pickle and is not read", "convert it to safetensors")


def test_a_folder_without_config_is_refused(copied):
    (copied / "config.json").unlink()
    refused(copied, "holds no config.json", "its model/ folder")


@pytest.mark.parametrize("damage", ["cut", "shape", "model_type", "json"])
def test_a_damaged_folder_is_refused(copied, damage):
    if damage == "cut":
        path = copied / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "json":
        (copied / "config.json").write_text("{")
    else:
        settings = json.loads((copied / "config.json").read_text())
        settings |= {"model_type": "no_such"} if damage == "model_type" else {"hidden_size": 64}
        (copied / "config.json").write_text(json.dumps(settings))
    refused(copied, "cannot be loaded (")


def test_a_hub_id_that_cannot_be_fetched_is_said():
    for load in (load_model, load_tokenizer):
        with pytest.raises(ModelError) as caught:
            load("nobody/no-such-model")
        assert "'nobody/no-such-model' is no local folder and could not be fetched" in str(
            caught.value
        )


@pytest.mark.parametrize("name", ["runs/nope", "./nope", "~/nope", "/no/such", "a/b/c"])
def test_a_name_that_can_only_be_a_folder_is_refused_without_a_look_up(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "_look_up", lambda name: pytest.fail("a hub was asked"))
    (tmp_path / "runs/nose").mkdir(parents=True)
    for load in (load_model, load_tokenizer, stored_context_length):
        with pytest.raises(ModelError, match=f"^model.path: '{name}' is no local folder") as caught:
            load(name)
        assert ("Did you mean 'runs/nose'?" in str(caught.value)) == (name == "runs/nope")


def test_a_hub_that_cannot_be_reached_is_asked_once_and_quietly(monkeypatch, caplog):
    import huggingface_hub

    asked = []

    def unreachable(url):
        asked.append(url)
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", unreachable)
    message = r"^model\.tokenizer: 'emptymodl' is no local .* \(Name or service not known\)"
    with pytest.raises(ModelError, match=message):
        load_tokenizer("emptymodl", key="model.tokenizer")
    assert len(asked) == 1
    assert not caplog.records


def test_code_that_comes_with_weights_is_not_run(copied, tmp_path):
    settings = json.loads((copied / "config.json").read_text())
    settings["model_type"] = "foreign"
    settings["auto_map"] = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (copied / "config.json").write_text(json.dumps(settings))
    (copied / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    refused(copied, "needs code that comes with it", "model.trust_remote_code=true")
    assert not (tmp_path / "ran").exists()


# --- tokenizers ----------------------------------------------------------------------------------

TEXT = "It's 48 + 76 = 124,  isn't it?\n\nÅngström e\u0301 \u2028 <|user|> </s>"


@pytest.mark.parametrize("make", [byte_level_tokenizer, metaspace_tokenizer, chat_tokenizer])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_tokenizer_comes_back_as_it_was_stored(architecture, make, tmp_path):
    """Whatever the model beside it is: transformers goes by the type of some models instead."""
    from transformers import AutoConfig

    tokenizer = make()
    tokenizer.save_pretrained(tmp_path)
    values = ARCHITECTURES[architecture] | {"vocab_size": 512}
    AutoConfig.for_model(architecture, **values).save_pretrained(tmp_path)
    loaded = load_tokenizer(str(tmp_path))
    assert len(loaded) == len(tokenizer)
    assert loaded(TEXT).input_ids == tokenizer(TEXT).input_ids
    assert loaded.special_tokens_map == tokenizer.special_tokens_map
    assert loaded.chat_template == tokenizer.chat_template


def test_a_folder_without_tokenizer_is_refused(copied):
    for path in copied.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ModelError) as caught:
        load_tokenizer(str(copied))
    assert f"{copied}: the folder holds no tokenizer" in str(caught.value)
    assert "name another with model.tokenizer" in str(caught.value)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_damaged_tokenizer_is_refused(copied, name):
    (copied / name).write_text("{")
    with pytest.raises(ModelError, match=r"model\.path: .* its tokenizer cannot be loaded"):
        load_tokenizer(str(copied))


# --- what a model is -----------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_context_length_is_that_of_the_config(architecture):
    assert context_length(tiny_model(architecture)) == 512


def test_a_model_without_a_limit_has_no_context_length():
    config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(max_seq_len=-1))
    assert context_length(SimpleNamespace(config=config)) is None  # type: ignore[arg-type]


def test_the_context_length_of_an_adapted_model_is_that_of_its_base(saved):
    assert context_length(load_model(str(saved), lora(2), training=True)) == 512


def test_the_context_length_is_known_without_the_weights(saved, adapter):
    assert stored_context_length(str(saved)) == stored_context_length(str(adapter)) == 512


def test_the_identity_is_over_values_so_widened_weights_are_the_same_model(saved):
    model = load_model(str(saved), ModelConfig(dtype="bfloat16"))
    before = model_identity(model)
    assert model_identity(model.float()) == before
    assert model_identity(load_model(str(saved))) != before  # its fp32 weights are finer


@pytest.mark.parametrize(
    ("fast", "free", "expected"),
    [(False, 2**40, torch.float32), (False, 2**10, torch.bfloat16), (True, 2**40, torch.bfloat16)],
)
def test_slow_16_bits_are_widened_where_there_is_room(
    saved, monkeypatch, capsys, fast, free, expected
):
    monkeypatch.setattr("manyicl.models.load.has_fast_bf16", lambda: fast)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=free))
    model = load_model(str(saved), ModelConfig(dtype="bfloat16"))
    weights = {name: tensor.float() for name, tensor in model.state_dict().items()}
    found = widen_slow_bf16(model)
    assert found.dtype == expected
    assert all(
        torch.equal(tensor, weights[name]) for name, tensor in found.float().state_dict().items()
    )
    said = "slow at bfloat16" in capsys.readouterr().err
    assert said == (not fast and free == 2**10)


def test_the_identity_knows_every_weight_and_the_config(saved, adapter):
    first = model_identity(load_model(str(saved)))
    assert model_identity(load_model(str(saved))) == first
    found = {first, model_identity(load_model(str(adapter)))}
    for name in load_model(str(saved)).state_dict():
        model = load_model(str(saved))
        with torch.no_grad():
            model.state_dict()[name].view(-1)[-1] += 1e-3
        found.add(model_identity(model))
    model = load_model(str(saved))
    model.config.rms_norm_eps *= 2
    found.add(model_identity(model))
    assert len(found) == 3 + len(model.state_dict())


def test_whether_bf16_is_fast_is_a_plain_answer():
    assert has_fast_bf16() in (True, False)


def test_the_identity_knows_how_an_adapter_is_scaled(saved, adapter, tmp_path):
    scaled = Path(shutil.copytree(adapter, tmp_path / "scaled"))
    settings = json.loads((scaled / "adapter_config.json").read_text())
    settings["lora_alpha"] *= 8
    (scaled / "adapter_config.json").write_text(json.dumps(settings))
    identities = {model_identity(load_model(str(folder))) for folder in (saved, adapter, scaled)}
    assert len(identities) == 3


def test_full_fine_tuning_trains_fp32_weights_whatever_they_are_stored_in(saved, tmp_path):
    load_model(str(saved)).to(torch.bfloat16).save_pretrained(tmp_path)
    assert stored_dtype(str(tmp_path)) == torch.bfloat16
    assert load_model(str(tmp_path)).dtype == torch.bfloat16
    assert load_model(str(tmp_path), training=True).dtype == torch.float32
    named = ModelConfig(dtype="bfloat16")
    assert load_model(str(tmp_path), named, training=True).dtype == torch.bfloat16


def test_logits_at_positions_equal_those_of_a_model_that_computes_all(saved):
    model: Any = load_model(str(saved))

    class Plain(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor) -> Any:
            return SimpleNamespace(logits=model(input_ids=input_ids).logits)

    keep = torch.tensor([1, 4, 6])
    ours = logits_at(model, keep, input_ids=IDS, position_ids=torch.arange(7)[None])
    plain = logits_at(Plain(), keep, input_ids=IDS, position_ids=torch.arange(7)[None])
    torch.testing.assert_close(ours, plain)


# --- weights that are not there ------------------------------------------------------------------


def rewritten(folder: Path, change: Any) -> Path:
    """The folder with its tensors renamed by `change`, or left out where that gives None."""
    path = folder / "model.safetensors"
    kept = {change(name): tensor for name, tensor in load_file(path).items() if change(name)}
    save_file(kept, path, metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda name: None if ".layers.1." in name else name, "lacks 9 of the model's weights"),
        (lambda name: f"module.{name}", "It holds others that the model does not have: module."),
        (lambda name: None if "lm_head" in name else name, "lm_head.weight"),
    ],
    ids=["a layer", "saved from inside a wrapper", "the head"],
)
def test_weights_that_are_missing_are_not_drawn_at_random(copied, change, said):
    refused(rewritten(copied, change), "lacks", said)


def test_a_folder_below_the_home_is_found(saved, adapter, tmp_path, monkeypatch):
    shutil.copytree(adapter, tmp_path / "adapter")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert stored_context_length("~/adapter") == 512
    refused("~nobody-of-this-name/model", "is no local folder")
    monkeypatch.setenv("HOME", str(saved.parent))
    assert torch.equal(logits(load_model(f"~/{saved.name}")), logits(load_model(str(saved))))
    assert load_tokenizer(f"~/{saved.name}").get_vocab() == load_tokenizer(str(saved)).get_vocab()
