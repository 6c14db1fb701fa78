"""Kept keys and values: what is written is read, int8 within its step, whatever came later."""

from __future__ import annotations

import pytest
import torch
from builders import make_task, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.episodes import EncodedPool, EncodedSequence, Encoder, Pool
from manyicl.errors import EpisodeError, PrefixError
from manyicl.inference import Engine, OptionQuery, prefill, score_options
from manyicl.inference.layers import Layers
from manyicl.inference.memory import Limits, bytes_per_prefix_token, bytes_per_token

IDS = [(7 * index + 3) % 500 for index in range(90)]


def filled(storage, keys, values, dtype=torch.float32) -> Layers:
    layers = Layers(keys.shape[2], storage)
    layers.write(0, 0, keys[:, :, :3].to(dtype), values[:, :, :3].to(dtype))
    layers.write(0, 3, keys[:, :, 3:].to(dtype), values[:, :, 3:].to(dtype))
    return layers


@pytest.mark.parametrize("storage", ["model", "offload"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_written_is_read(storage, dtype):
    keys, values = torch.randn(1, 2, 8, 16).to(dtype), torch.randn(1, 2, 8, 16).to(dtype)
    found = filled(storage, keys, values, dtype).read(0, 2, 7)
    assert torch.equal(found[0], keys[:, :, 2:7])
    assert torch.equal(found[1], values[:, :, 2:7])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([16, 32, 64]), st.floats(1e-3, 1e3))
def test_int8_is_within_half_a_step_of_each_block(seed, width, size):
    generator = torch.Generator().manual_seed(seed)
    keys, values = (size * torch.randn(1, 2, 8, width, generator=generator) for _ in range(2))
    layers = filled("int8", keys, values)
    for found, given_ in zip(layers.read(0, 0, 8), (keys, values), strict=True):
        blocks = given_.unflatten(-1, (-1, 32 if width % 32 == 0 else width))
        step = blocks.abs().amax(-1, keepdim=True) / 127
        assert ((found.view_as(blocks) - blocks).abs() <= 0.5001 * step).all()
    assert layers.num_bytes == 2 * 2 * 8 * (width + 4 * width // (32 if width % 32 == 0 else width))


def test_int8_keeps_zeros_and_does_not_depend_on_later_tokens():
    keys = torch.randn(1, 1, 8, 32)
    keys[:, :, 2] = 0
    short, long = filled("int8", keys[:, :, :4], keys[:, :, :4]), filled("int8", keys, 100 * keys)
    assert torch.equal(short.read(0, 0, 4)[0], long.read(0, 0, 4)[0])
    assert not short.read(0, 2, 3)[0].any()


@pytest.mark.parametrize("storage", ["model", "int8", "offload"])
def test_a_kept_prefix_is_saved_as_it_is_kept(storage, tokenizer, tmp_path):
    engine = Engine(tiny_model(), Encoder(tokenizer), prefix_storage=storage)
    task = make_task()
    prefix = engine.prefix(EncodedPool(Pool(task), engine.encoder), range(6)).first(4)
    assert prefix.layers is not None
    assert prefix.layers.storage == storage
    before = engine.choose(task, prefix, task.test)
    engine.save_prefix(prefix, tmp_path / "prefix.safetensors")
    loaded = engine.load_prefix(tmp_path / "prefix.safetensors")
    assert loaded.layers is not None
    assert loaded.layers.storage == storage
    assert loaded.num_bytes < prefix.num_bytes  # the file holds the four shots, not six
    assert engine.choose(task, loaded, task.test) == before


@pytest.mark.parametrize("change", ["model", "ids", "stops", "values", "layer", "bits"])
def test_a_damaged_file_is_refused(tokenizer, tmp_path, change):
    from safetensors import safe_open
    from safetensors.torch import save_file

    engine = Engine(tiny_model(), Encoder(tokenizer))
    path = tmp_path / "prefix.safetensors"
    prefix = engine.prefix(EncodedPool(Pool(make_task()), engine.encoder), range(2))
    engine.save_prefix(prefix, path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    gone = {"values": "layers.1.values", "layer": "layers.1.", "ids": "ids"}.get(change, "-")
    tensors = {name: t for name, t in tensors.items() if not name.startswith(gone)}
    metadata.pop(change, None)
    if change == "bits":
        tensors["layers.0.keys"][0, 0, 0, 0] += 1
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(PrefixError, match=r"prefix\.safetensors: (is damaged|was computed with)"):
        engine.load_prefix(path)


def test_int8_scores_are_near_and_a_cropped_prefix_equals_a_shorter_one():
    model = tiny_model()
    sequence = EncodedSequence("toy", IDS[:80], (), (10, 40, 80))
    queries = [OptionQuery(IDS[80:86], [[1, 2], [3]])]
    exact = score_options(model, prefill(model, sequence), queries)[0]
    kept = prefill(model, sequence, storage="int8")
    near = score_options(model, kept, queries)[0]
    assert near == pytest.approx(exact, abs=0.5)
    assert near != exact
    shorter = EncodedSequence("toy", IDS[:40], (), (10, 40))
    expected = score_options(model, prefill(model, shorter, storage="int8"), queries)
    assert score_options(model, kept.first(1), queries)[0] == pytest.approx(expected[0], abs=1e-5)


# --- memory --------------------------------------------------------------------------------------


def test_bytes_of_a_token_by_hand():
    model = tiny_model()  # 2 layers, 2 key heads of width 8
    assert bytes_per_prefix_token(model) == 2 * 2 * 2 * 8 * 4
    assert bytes_per_prefix_token(model.bfloat16()) == 2 * 2 * 2 * 8 * 2
    assert bytes_per_prefix_token(model, "int8") == 64 + 64 // 8 * 4  # a scale a head
    prefix = prefill(model.float(), EncodedSequence("toy", IDS[:10], (), (10,)))
    assert prefix.num_bytes == 10 * bytes_per_prefix_token(model)


def test_a_budget_limits_tokens_logits_and_prefixes():
    model = tiny_model()
    assert Limits.of(model, 700, 0) == Limits(700)
    assert Limits(700).prefixes_at_once(10**12, "it") == 1
    limits = Limits.of(model, 10**9, 8)
    assert limits.tokens == 2 * 2**20 // bytes_per_token(model)
    assert limits.logits == 2 * 2**20 // 4
    assert limits.prefixes_at_once(2**20, "it") == 4
    assert limits.prefixes_at_once(3 * 2**20, "it") == 1
    with pytest.raises(
        EpisodeError,
        match=r"memory_mb: leaves 4 MB for prefixes, half of it, but it takes 5 .*least 10",
    ):
        limits.prefixes_at_once(5 * 2**20, "it")


def test_a_budget_that_is_too_small_says_what_is_needed():
    model = tiny_model(hidden_size=512, intermediate_size=4096)
    with pytest.raises(EpisodeError, match=r"memory_mb: is 1, .*Set at least (\d+)") as error:
        Limits.of(model, 1024, 1)
    least = int(str(error.value).split("Set at least ")[1].split(",")[0])
    assert Limits.of(model, 1024, least).tokens >= 64
