"""`nano`, the model of the package: its shape, its tokenizer, its card, its files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from builders import make_task
from hypothesis import given
from models.nano_model import ENCODER, FOLDER, TOKENIZER, logits
from texts import TEXTS

import manyicl
from manyicl.config import TemplateConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.inference import Engine
from manyicl.models import (
    context_length,
    model_identity,
    shipped,
    stored_context_length,
    stored_dtype,
)
from manyicl.training.isolation import check_isolation


def test_plain_transformers_loads_the_same_model_and_tokenizer(nano):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    plain: Any = AutoModelForCausalLM.from_pretrained(FOLDER, dtype="auto")
    assert type(plain).__name__ == "LlamaForCausalLM"
    assert torch.equal(logits(plain), logits(nano))
    assert model_identity(plain) == model_identity(nano)
    assert logits(nano).isfinite().all()
    text = "Ticket 407: l'écran reste noir\n\tsince 12:45 👍"
    theirs = AutoTokenizer.from_pretrained(FOLDER)
    assert theirs(text)["input_ids"] == TOKENIZER(text)["input_ids"]
    assert theirs.get_vocab() == TOKENIZER.get_vocab()
    assert theirs.chat_template == TOKENIZER.chat_template


def test_it_is_as_small_as_it_says(nano):
    assert sum(p.numel() for p in nano.parameters()) <= 12e6
    assert sum(file.stat().st_size for file in FOLDER.rglob("*")) <= 25e6
    assert stored_dtype("nano") == nano.dtype == torch.bfloat16
    # No pickle, no code, nothing left over.
    assert not {p.suffix for p in FOLDER.rglob("*")} & {".bin", ".pt", ".pth", ".py", ".part"}


def test_it_reads_4096_tokens_and_says_so(nano):
    assert (
        context_length(nano) == stored_context_length("nano") == nano.config.max_position_embeddings
    )
    assert nano.config.max_position_embeddings >= 4096
    assert TOKENIZER.model_max_length == context_length(nano)


def test_its_sequences_can_be_packed_and_its_prefixes_shared(nano):
    check_isolation(nano)
    assert Engine(nano, ENCODER).shares_prefix


def test_the_vocabulary_is_about_8k_and_the_model_embeds_all_of_it(nano):
    ids = TOKENIZER.get_vocab().values()
    assert 7500 <= len(TOKENIZER) <= 8500
    assert len(set(ids)) == len(ids)
    assert max(ids) < nano.config.vocab_size == nano.get_input_embeddings().num_embeddings


@given(TEXTS)
def test_every_text_is_in_the_vocabulary_and_comes_back_as_it_was(text):
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids) == text
    assert all(0 <= id_ < len(TOKENIZER) for id_ in ids)


def test_the_end_mark_is_the_end_of_sequence_token_everywhere(nano):
    end = TOKENIZER.eos_token_id
    assert end is not None
    assert nano.config.eos_token_id == nano.generation_config.eos_token_id == end
    sequence = EncodedPool(Pool(make_task()), ENCODER).sequence([0, 1])
    assert [sequence.input_ids[span.stop - 1] for span in sequence.spans] == [end, end]
    assert TOKENIZER("Input: a\nOutput: b")["input_ids"].count(end) == 0  # nothing is put around


def test_the_chat_template_comes_apart_into_segments():
    encoder = Encoder(TOKENIZER, TemplateConfig(kind="chat"))
    task = make_task(instruction="Say what the customer thinks.")
    rows = task.train[:3]
    prefix = EncodedPool(Pool(task), encoder).sequence([0, 1, 2], trailing_separator=True)
    ids = [*prefix.input_ids, *encoder.prompt(task, "late letter")]
    turns = [{"role": "system", "content": task.instruction}]
    for row in rows:
        turns += [{"role": "user", "content": row.input}]
        turns += [{"role": "assistant", "content": row.target}]
    turns += [{"role": "user", "content": "late letter"}]
    text = TOKENIZER.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert encoder.decode(ids) == text
    assert [ids[span.stop - 1] for span in prefix.spans] == [TOKENIZER.eos_token_id] * 3
    marks = [token for token in TOKENIZER.all_special_tokens if token in text]
    marks += [t.content for t in TOKENIZER.added_tokens_decoder.values() if t.content in text]
    for mark in marks:
        assert ids.count(TOKENIZER.convert_tokens_to_ids(mark)) == text.count(mark)


def test_the_card_names_licences_and_every_source():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    assert front["license"] not in ("", "unknown")
    recipe = Path(manyicl.__file__).parent / "pretraining/recipes/nano.yaml"
    settings = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    for source, licence in settings["licences"].items():
        assert source in text
        assert licence in text
    for source in settings["leave_out"]:
        assert source not in settings["weights"]


def test_the_package_carries_the_whole_folder():
    project = Path(manyicl.__file__).parents[1] / "pyproject.toml"
    if not project.is_file():
        pytest.skip("not a checkout: there is no pyproject.toml beside the package")
    settings = tomllib.loads(project.read_text(encoding="utf-8"))
    package = Path(manyicl.__file__).parent
    patterns = settings["tool"]["setuptools"]["package-data"]["manyicl"]
    carried = {path for pattern in patterns for path in package.glob(pattern)}
    assert set(FOLDER.rglob("*")) <= carried
    assert {FOLDER / name for name in shipped.FILES} <= carried
