"""Plain and Jinja templates: their exact wording, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from builders import byte_level_tokenizer, make_task, metaspace_tokenizer

from manyicl.config import TemplateConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.episodes.template import make_template
from manyicl.errors import TemplateError
from manyicl.tasks import Example

ROWS = [Example("a", "x"), Example("b", "y", options=("x", "y"))]


def shown(config: TemplateConfig, tokenizer=None, rows=ROWS, instructed=True, **metadata) -> str:
    encoder = Encoder(tokenizer or byte_level_tokenizer(), config)
    pool = EncodedPool(Pool(make_task(rows, **metadata)), encoder)
    prefix = pool.sequence(range(len(rows)), None, instructed, trailing_separator=True)
    return encoder.decode([*prefix.input_ids, *encoder.prompt(pool.task, "q", (), instructed)])


def test_the_plain_template_reads_as_documented():
    assert shown(TemplateConfig(), instruction="Answer.") == (
        "Answer.\n\nInput: a\nOutput: x<|end|>\n\nInput: b\nOutput: y<|end|>\n\nInput: q\nOutput:"
    )


def test_a_tokenizer_that_opens_texts_with_bos_gets_one_bos():
    text = shown(TemplateConfig(), metaspace_tokenizer(), instruction="Answer.")
    assert text.startswith("<s>Answer.\n\nInput: a\nOutput: x</s>\n\nInput: b")
    assert text.count("<s>") == 1


@pytest.mark.parametrize(
    ("instruction", "instructed", "expected"),
    [
        ("once", True, "I!\n\nInput: a\nOutput:"),
        ("per_example", True, "I!\n\nInput: a\nOutput: x<|end|>\n\nI!\n\nInput: b\nOutput:"),
        ("none", True, "Input: a\nOutput: x<|end|>\n\nInput: b\nOutput:"),
        ("once", False, "Input: a\nOutput: x<|end|>\n\nInput: b\nOutput:"),
        ("per_example", False, "Input: a\nOutput: x<|end|>\n\nInput: b\nOutput:"),
    ],
)
def test_the_instruction_stands_where_it_is_put(instruction, instructed, expected):
    config = TemplateConfig(instruction=instruction)
    text = shown(config, instructed=instructed, instruction="I!")
    assert text.startswith(expected)
    assert text.count("I!") == {"once": 1, "per_example": 3, "none": 0}[instruction] * instructed


def test_a_task_without_instruction_opens_with_its_first_demonstration():
    for place in ("once", "per_example"):
        assert shown(TemplateConfig(instruction=place), instruction="").startswith("Input: a\n")


def test_a_jinja_template_sees_input_options_and_instruction():
    config = TemplateConfig(
        kind="jinja",
        instruction="per_example",
        instruction_text="",
        prompt="{{ instruction }}|{{ input }}|{{ options | join('/') }}>",
        target_prefix="=",
        separator=";",
        end_mark=".",
    )
    assert shown(config, instruction="I") == "I|a|>=x.;I|b|x/y>=y.;I|q|>"


def test_jinja_in_the_users_text_is_text():
    text = shown(TemplateConfig(), rows=[Example("{{ 1 + 1 }} {% raw %}", "{{ input }}")])
    assert "Input: {{ 1 + 1 }} {% raw %}\nOutput: {{ input }}<" in text


def test_an_end_mark_of_text_ends_every_answer():
    config = TemplateConfig(end_mark="###")
    assert "Output: x###\n\nInput: b\nOutput: y###" in shown(config)


def test_an_empty_separator_adds_nothing():
    config = TemplateConfig(kind="jinja", separator="", prompt="{{ input }}:")
    assert shown(config, instruction="").startswith("a: x<|end|>b: y<|end|>q:")


@pytest.mark.parametrize(
    ("answer", "end_mark"),
    [("one###two", "###"), ("###", "###"), ("one\n", "\n\n"), ("#", "##"), ("two ", " ")],
)
def test_an_answer_that_would_end_early_is_refused(answer, end_mark):
    encoder = Encoder(byte_level_tokenizer(), TemplateConfig(end_mark=end_mark))
    with pytest.raises(TemplateError, match=r"template\.end_mark: the answer .* 'eos'"):
        encoder.target(answer)


def test_an_answer_may_begin_like_the_end_mark():
    encoder = Encoder(byte_level_tokenizer(), TemplateConfig(end_mark="\n\n"))
    assert encoder.decode(encoder.target("a\nb")) == " a\nb\n\n"


def test_a_tokenizer_without_eos_is_refused_with_the_way_out():
    tokenizer = byte_level_tokenizer(eos_token=None)
    with pytest.raises(TemplateError, match=r"template\.end_mark: is 'eos'.*eos_token"):
        make_template(TemplateConfig(), tokenizer)
    encoder = Encoder(tokenizer, TemplateConfig(end_mark="\n\n"))
    assert encoder.decode(encoder.target("x")) == " x\n\n"


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("plain", "prompt"),
        ("plain", "separator"),
        ("plain", "target_prefix"),
        ("plain", "instruction_text"),
        ("chat", "prompt"),
        ("chat", "end_mark"),
    ],
)
def test_a_setting_that_the_template_would_not_use_is_refused(kind, key):
    changed: Any = {key: "{{ input }}?"}
    with pytest.raises(TemplateError, match=rf"template\.{key}: is set.*{kind}.*kind=jinja"):
        make_template(TemplateConfig(kind=kind, **changed), byte_level_tokenizer())


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("{{ input", "not a valid Jinja template"),
        ("{% for x in y %}", "not a valid Jinja template"),
        ("{{ inputs }}", "cannot be rendered.*input, options, instruction"),
        ("{{ 1 / 0 }}", "cannot be rendered"),
        ("{{ input + 1 }}", "cannot be rendered"),
        ("{{ input.__class__.__mro__ }}", "cannot be rendered"),
        ("{{ instruction }}", "renders to nothing"),
    ],
)
def test_a_prompt_that_cannot_be_rendered_names_its_key(prompt, expected):
    config = TemplateConfig(kind="jinja", prompt=prompt)
    with pytest.raises(TemplateError, match=rf"template\.prompt: .*{expected}"):
        Encoder(byte_level_tokenizer(), config).prompt(make_task(), "text")


def test_an_end_mark_with_a_backslash_is_no_line_break():
    with pytest.raises(TemplateError, match="holds a backslash and an n, not a line break"):
        Encoder(byte_level_tokenizer(), TemplateConfig(end_mark="\\n\\n"))
