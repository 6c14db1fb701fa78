"""The tokenizer of a pre-trained model: text comes back, digits stand alone, marks are marks."""

from __future__ import annotations

import pytest
from builders import make_task
from hypothesis import given
from hypothesis import strategies as st
from pretraining.tiny_pretraining import documents, vocabulary

from manyicl.config import TemplateConfig
from manyicl.episodes import Encoder
from manyicl.episodes.chat import ChatTemplate
from manyicl.models.load import load_tokenizer
from manyicl.models.scratch import ASSISTANT_MARK, END_MARK, USER_MARK
from manyicl.pretraining import tokenizer as module
from manyicl.pretraining.tokenizer import corpus_tokenizer
from manyicl.tasks import Example

MARKS = (END_MARK, USER_MARK, ASSISTANT_MARK)
CHAT = TemplateConfig(kind="chat")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "NUM_PATTERN_DOCUMENTS", 60)
        corpus_tokenizer(documents(0), vocabulary(), 700, 4096).save_pretrained(folder)
    return load_tokenizer(str(folder))  # as everything else reads it


@given(st.text())
def test_any_text_comes_back(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids) == text or any(mark in text for mark in MARKS)


@given(st.text(alphabet="a 0123456789.\n٣४", max_size=40))
def test_every_digit_is_a_token_of_its_own(tokenizer, text):
    for token in tokenizer.encode(text, add_special_tokens=False):
        shown = tokenizer.decode([token])
        assert sum(char.isdigit() for char in shown) <= 1
        if any(char.isdigit() for char in shown):
            assert len(shown.strip()) == 1


def test_a_number_is_one_token_a_digit(tokenizer):
    assert len(tokenizer.encode("4096", add_special_tokens=False)) == 4
    assert len(tokenizer.encode(" 4096", add_special_tokens=False)) == 4


def test_marks_are_one_token_each_and_the_first_ones(tokenizer):
    assert [tokenizer.convert_tokens_to_ids(mark) for mark in MARKS] == [0, 1, 2]
    assert tokenizer.encode("".join(MARKS), add_special_tokens=False) == [0, 1, 2]
    assert tokenizer.eos_token == END_MARK
    assert len(tokenizer) == 700
    assert tokenizer.model_max_length == 4096
    assert tokenizer.encode("a b") == tokenizer.encode("a b", add_special_tokens=False)


def test_marks_of_layouts_are_merged(tokenizer):
    marks = (" ->", " =>", "\n\n")  # of layouts; bytes alone would be three, three and two
    found = {mark: len(tokenizer.encode(mark, add_special_tokens=False)) for mark in marks}
    assert max(found.values()) < 3, found
    assert found["\n\n"] == 1


def test_the_chat_template_renders_turns(tokenizer):
    messages = [
        {"role": "system", "content": "Say which."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]
    assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == (
        f"Say which.\n\n{USER_MARK}one{ASSISTANT_MARK}two{END_MARK}{USER_MARK}three{ASSISTANT_MARK}"
    )


def test_the_chat_template_is_taken_apart(tokenizer):
    template = ChatTemplate(CHAT, tokenizer)
    task = make_task(instruction="Say which.")
    opening = "".join(part.text for part in template.opening(task, True))
    assert opening == f"Say which.\n\n{USER_MARK}"
    shown = "".join(part.text for part in template.prompt(task, "one", (), False))
    assert shown == f"one{ASSISTANT_MARK}"
    assert [part.text for part in (*template.end, *template.separator)] == [END_MARK, USER_MARK]
    assert template.target_prefix == ""


def test_turns_joined_from_segments_have_the_ids_of_the_rendered_conversation(tokenizer):
    encoder, task = Encoder(tokenizer, CHAT), make_task(instruction="Say which.")
    pairs = [("late 4 times", "negative"), ("a quick one", "positive")]
    ids = encoder.opening(task)
    for number, (text, answer) in enumerate(pairs):
        done = encoder.demonstration(task, Example(text, answer))
        ids += [tokenizer.convert_tokens_to_ids(USER_MARK)] * (number > 0)
        ids += done.prompt + done.target
    messages = [{"role": "system", "content": "Say which."}]
    for text, answer in pairs:
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False)
    assert tokenizer.decode(ids) == rendered
    assert ids == tokenizer.encode(rendered, add_special_tokens=False)
