"""Chat templates, taken apart and put together again: the text is the tokenizer's own."""

from __future__ import annotations

from typing import Any

import pytest
from builders import TOKENIZERS, chat_tokenizer, make_task
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import TEXTS

from manyicl.config import TemplateConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.errors import TemplateError
from manyicl.tasks import Example

TURN = "<|{{ m.role }}|>\n{{ m.content }}<|end|>\n"
ALTERNATE = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
)

# Written for these tests after the habits of well-known families of models.
TEMPLATES = {
    "markers": "{% for m in messages %}" + TURN + "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
    "closed with eos": "{% for m in messages %}" + TURN + "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}",
    "no system role": "{{ bos_token }}" + ALTERNATE + TURN + "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
    "system in the first turn": "{{ bos_token }}{% for m in messages if m.role != 'system' %}"
    "<|{{ m.role }}|>\n{% if loop.first and messages[0].role == 'system' %}"
    "{{ messages[0].content + '\n\n' }}{% endif %}{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
    "system by default": "{% if messages[0].role != 'system' %}<|system|>\nBe kind.<|end|>\n"
    "{% endif %}{% for m in messages %}" + TURN + "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
    "think block in the last answer": "{% set ns = namespace(last=0) %}{% for m in messages %}"
    "{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}<|{{ m.role }}|>\n"
    "{% if m.role == 'assistant' and loop.index0 > ns.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
    "brackets, text between": "{% if messages[0].role == 'system' %}"
    "{% set first = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' %}"
    "{% set turns = messages[1:] %}{% else %}{% set first = '' %}{% set turns = messages %}"
    "{% endif %}{% for m in turns %}{% if m.role == 'user' %}"
    "{{ bos_token + '[INST] ' + (first if loop.first else '') + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}",
    "words with colons": "{% for m in messages %}{% if m.role == 'system' %}{{ m.content + ' ' }}"
    "{% elif m.role == 'user' %}{{ 'USER: ' + m.content + ' ' }}"
    "{% else %}{{ 'ASSISTANT: ' + m.content + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}",
    "headings, no special tokens": "{% for m in messages %}"
    "{{ '### ' + m.role + ':\n' + m.content + '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant:\n' }}{% endif %}",
}
SYSTEM_AS_TURN = {"no system role"}  # the instruction joins the first user turn


def tokenizer_with(template: str, kind: str = "chat") -> Any:
    tokenizer = TOKENIZERS[kind]()
    if kind == "metaspace":
        # As in published models: markers are added tokens, but have no role of their own.
        markers = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
        tokenizer.add_tokens(markers, special_tokens=True)
    elif "bos_token" in template:
        tokenizer.add_special_tokens({"bos_token": "<|begin|>"})
    tokenizer.chat_template = template
    return tokenizer


@pytest.fixture(scope="module")
def encoders() -> dict[tuple[str, str], tuple[Any, Encoder]]:
    found = {}
    for name, template in TEMPLATES.items():
        for kind in ("chat", "metaspace"):
            tokenizer = tokenizer_with(template, kind)
            found[name, kind] = (tokenizer, Encoder(tokenizer, TemplateConfig(kind="chat")))
    return found


def rendered(tokenizer: Any, name: str, rows: list[Example], query: str, instruction: str) -> str:
    """What the tokenizer writes for the same conversation."""
    turns: list[dict[str, str]] = []
    for row in rows:
        turns += [{"role": "user", "content": row.input}]
        turns += [{"role": "assistant", "content": row.target}]
    turns += [{"role": "user", "content": query}]
    if instruction and name in SYSTEM_AS_TURN:
        turns[0]["content"] = f"{instruction}\n\n{turns[0]['content']}"
    elif instruction:
        turns.insert(0, {"role": "system", "content": instruction})
    return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)


def encoded(encoder: Encoder, rows: list[Example], query: str, instruction: str) -> list[int]:
    task = make_task([*rows, Example("not shown", "x")], instruction=instruction)
    pool = EncodedPool(Pool(task), encoder)
    prefix = pool.sequence(range(len(rows)), trailing_separator=True)
    return [*prefix.input_ids, *encoder.prompt(pool.task, query)]


@pytest.mark.parametrize("instruction", ["", "Say what the customer thinks."])
@pytest.mark.parametrize("num_shots", [0, 1, 3])
@pytest.mark.parametrize("kind", ["chat", "metaspace"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_text_equals_the_tokenizers_own_rendering(encoders, name, kind, num_shots, instruction):
    tokenizer, encoder = encoders[name, kind]
    rows = make_task().train[:num_shots]
    ids = encoded(encoder, rows, "late letter", instruction)
    expected = rendered(tokenizer, name, rows, "late letter", instruction)
    assert encoder.decode(ids) == expected
    # Turn markers are the special tokens they stand for, not their letters.
    marks = ["<|user|>", "<|assistant|>", "<|end|>", tokenizer.bos_token, tokenizer.eos_token]
    for mark in {mark for mark in marks if mark}:
        assert ids.count(tokenizer.convert_tokens_to_ids(mark)) == expected.count(mark), mark


@settings(max_examples=40)
@given(st.lists(st.builds(Example, TEXTS, TEXTS), max_size=3), TEXTS, TEXTS)
def test_the_text_equals_the_rendering_for_any_contents(rows, query, instruction):
    tokenizer = _MARKED
    encoder = _ENCODER
    ids = encoded(encoder, rows, query, instruction)
    assert encoder.decode(ids) == rendered(tokenizer, "markers", rows, query, instruction)
    # A marker inside a user's text stays text: as many markers as turns, whatever the text.
    turns = 2 * len(rows) + 2 + bool(instruction)
    special = set(tokenizer.all_special_ids)
    special |= set(tokenizer.get_added_vocab().values())
    assert sum(token in special for token in ids) == turns + (turns - 1)


_MARKED = tokenizer_with(TEMPLATES["markers"])
_ENCODER = Encoder(_MARKED, TemplateConfig(kind="chat"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_answer_ends_with_a_special_token_where_there_is_one(encoders, name):
    for kind in ("chat", "metaspace"):
        tokenizer, encoder = encoders[name, kind]
        end = encoder.decode(encoder.end)
        if name == "headings, no special tokens":
            assert (end, encoder.end_text) == ("\n\n", "\n\n")
            with pytest.raises(TemplateError, match="contains the end mark"):
                encoder.target("one\n\ntwo")
        else:
            assert encoder.end_text is None
            assert encoder.end[-1] in tokenizer.get_added_vocab().values()
            assert encoder.decode_target(encoder.target("one\n\ntwo")) == "one\n\ntwo"


def test_an_instruction_for_every_example_joins_every_user_turn():
    tokenizer = chat_tokenizer()
    encoder = Encoder(tokenizer, TemplateConfig(kind="chat", instruction="per_example"))
    assert encoder.decode(encoded(encoder, [Example("a", "x")], "q", "I!")) == (
        "<|user|>\nI!\n\na<|end|>\n<|assistant|>\nx<|end|>\n<|user|>\nI!\n\nq<|end|>\n<|assistant|>\n"
    )
    encoder = Encoder(tokenizer, TemplateConfig(kind="chat", instruction="none"))
    assert "I!" not in encoder.decode(encoded(encoder, [Example("a", "x")], "q", "I!"))


def test_a_space_before_an_answer_is_tokenised_with_it():
    for name in ("brackets, text between", "words with colons"):
        tokenizer = tokenizer_with(TEMPLATES[name], "metaspace")
        encoder = Encoder(tokenizer, TemplateConfig(kind="chat"))
        assert encoder.decode(encoder.target("praise")).startswith(" praise")
        assert not encoder.decode(encoder.prompt(make_task(), "x")).endswith(" ")


REFUSED = {
    "rewrites earlier answers": (
        "{% for m in messages %}{% if m.role == 'assistant' and not loop.last %}"
        "<|assistant|>\n(left out)<|end|>\n{% else %}" + TURN + "{% endif %}{% endfor %}",
        "drops or rewrites earlier turns",
    ),
    "keeps the last turn only": (
        "{% for m in messages[-1:] %}" + TURN + "{% endfor %}",
        "drops or rewrites earlier turns",
    ),
    "numbers its turns": (
        "{% for m in messages %}Turn {{ loop.index }}\n" + TURN + "{% endfor %}",
        "first turns differently from later ones",
    ),
    "opens with a think block": (
        "{% for m in messages %}" + TURN + "{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n<think>\n{% endif %}",
        "opens an answer to be generated with .*<think>",
    ),
    "opens nothing": (
        "{% for m in messages %}" + TURN + "{% endfor %}",
        "opens an answer to be generated with",
    ),
    "never ends an answer": (
        "{% for m in messages %}{{ '' if loop.first else '\n' }}{{ m.role }}: {{ m.content }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '\nassistant: ' }}{% endif %}",
        "puts nothing after an answer",
    ),
    "raises": ("{{ raise_exception('only tools') }}", "cannot render .*only tools"),
    "is broken": ("{% for m in messages %}", "cannot render"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_template_that_cannot_be_taken_apart_is_refused_with_the_way_out(name):
    template, expected = REFUSED[name]
    with pytest.raises(TemplateError, match=rf"(?s)template\.kind: .*{expected}.*kind=plain"):
        Encoder(tokenizer_with(template), TemplateConfig(kind="chat"))


def test_a_tokenizer_without_chat_template_is_refused():
    tokenizer = chat_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(TemplateError, match=r"template\.kind: is 'chat'.*kind=plain"):
        Encoder(tokenizer, TemplateConfig(kind="chat"))


def test_a_template_that_prints_the_day_does_not_depend_on_the_day():
    tokenizer = chat_tokenizer()
    today = "{{ strftime_now('%Y-%m-%d') }}"
    tokenizer.chat_template = f"<|system|>Today is {today}<|end|>\n" + tokenizer.chat_template
    encoder = Encoder(tokenizer, TemplateConfig(kind="chat"))
    opening = encoder.decode(encoder.opening(make_task(instruction="")))
    assert opening.startswith("<|system|>Today is 01 Jan 2025<|end|>")
