"""Models from a config, and tokenizers trained on the tasks' own text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from builders import ARCHITECTURES, CORPUS, chat_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from manyicl.config import ModelConfig
from manyicl.errors import ConfigError, ModelError
from manyicl.files import part_of
from manyicl.models import base_tokenizer, build_base, load_model, load_tokenizer, train_tokenizer
from manyicl.models.scratch import END_MARK

LLAMA: dict[str, Any] = {"model_type": "llama", **ARCHITECTURES["llama"]}


def config_of(seed: int = 0, tokenizer: str = "", **values: Any) -> ModelConfig:
    return ModelConfig(config=LLAMA | values, vocab_size=300, seed=seed, tokenizer=tokenizer)


# --- tokenizers ----------------------------------------------------------------------------------


@given(st.text())
def test_a_trained_tokenizer_knows_every_text(tokenizer, text):
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text


def test_a_trained_tokenizer_adds_nothing_around_a_text_and_ends_with_its_mark():
    tokenizer = train_tokenizer(CORPUS, 350)
    assert len(tokenizer) == 350
    assert tokenizer.eos_token == END_MARK
    assert tokenizer.eos_token_id not in tokenizer("a text").input_ids
    assert tokenizer(END_MARK).input_ids == [tokenizer.eos_token_id]
    assert tokenizer.bos_token is None


def test_digits_stay_apart():
    tokenizer = train_tokenizer(["12 and 12 and 12 and 2024"] * 50, 350)
    assert tokenizer.tokenize("12 and 2024") == ["1", "2", "Ġand", "Ġ2", "0", "2", "4"]
    assert all(len(set("0123456789") & set(piece)) <= 1 for piece in tokenizer.get_vocab())


def test_a_tokenizer_depends_on_its_text_alone():
    texts = [text for text in CORPUS for _ in range(3)]
    first, second = train_tokenizer(texts, 400), train_tokenizer(iter(texts), 400)
    assert first.get_vocab() == second.get_vocab()
    assert train_tokenizer(["other words"] * 9, 400).get_vocab() != first.get_vocab()


def test_a_named_tokenizer_is_taken_and_its_text_not_looked_at(tmp_path):
    chat_tokenizer().save_pretrained(tmp_path)

    def unread():
        raise AssertionError("the text was read")
        yield ""

    tokenizer = base_tokenizer(config_of(tokenizer=str(tmp_path)), unread())
    assert tokenizer.get_vocab() == chat_tokenizer().get_vocab()
    assert tokenizer.chat_template


@pytest.mark.parametrize("name", ["", "train"])
def test_a_tokenizer_is_trained_unless_one_is_named(name):
    assert len(base_tokenizer(config_of(tokenizer=name), CORPUS)) == 300


# --- models --------------------------------------------------------------------------------------


def test_a_base_is_a_model_folder_with_its_tokenizer(tmp_path):
    folder = build_base(config_of(), tmp_path / "base", CORPUS)
    assert folder == tmp_path / "base"
    model, tokenizer = load_model(str(folder)), load_tokenizer(str(folder))
    embeddings: Any = model.get_input_embeddings()
    assert embeddings.weight.shape == (len(tokenizer), 32)
    assert model.dtype == torch.float32
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_a_base_depends_on_the_seed_alone(tmp_path):
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        torch.rand(3)
        build_base(config_of(seed), tmp_path / name, CORPUS)
    one, two, three = (
        load_file(tmp_path / name / "model.safetensors") for name in ("one", "two", "three")
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["lm_head.weight"], three["lm_head.weight"])


def test_a_base_that_is_there_is_left_alone(tmp_path):
    folder = build_base(config_of(), tmp_path / "base", CORPUS)
    (folder / "mine").write_text("kept")
    assert build_base(config_of(seed=5), folder, CORPUS) == folder
    assert (folder / "mine").read_text() == "kept"


def test_a_base_is_whole_or_not_there(tmp_path, monkeypatch):
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path / "base"

    def killed(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PreTrainedTokenizerFast, "save_pretrained", killed)
        with pytest.raises(KeyboardInterrupt):
            build_base(config_of(), folder, CORPUS)
    assert not folder.exists()
    part_of(folder, 2**22 + 1).mkdir()  # by a process that was killed
    (part_of(folder, 2**22 + 1) / "left over").write_text("of the first attempt")
    build_base(config_of(), folder, CORPUS)
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
    assert not (folder / "left over").exists()


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"model_type": "lama"}, ["model.config.model_type: 'lama' is not known", "llama"]),
        (
            {"hidden_sise": 64},
            ["model.config.hidden_sise: not a setting", "Did you mean 'hidden_size'?"],
        ),
        ({"n_embd": 64}, ["model.config.n_embd: not a setting of 'llama' models"]),
        ({"hidden_size": "large"}, ["model.config", "hidden_size"]),
        ({"hidden_size": 30}, ["model.config"]),
        ({"hidden_size": -8}, ["model.config"]),
        ({"hidden_act": "no_such"}, ["model.config", "no_such"]),
        ({"model_type": "t5"}, ["model.config"]),
    ],
)
def test_a_config_that_makes_no_model_is_refused(tmp_path, values, parts):
    with pytest.raises(ConfigError) as caught:
        build_base(config_of(**values), tmp_path / "base", CORPUS)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_named_tokenizer_that_is_not_there_is_refused(tmp_path):
    config = config_of(tokenizer=str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=r"model\.tokenizer: .*nowhere"):
        build_base(config, tmp_path / "base", CORPUS)
    assert not Path(tmp_path / "base").exists()
