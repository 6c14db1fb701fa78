"""Token boundaries: the same pieces for every tokenizer, whatever the texts hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import (
    CHAT_TEMPLATE,
    byte_level_tokenizer,
    chat_tokenizer,
    make_task,
    metaspace_tokenizer,
)
from hypothesis import given
from hypothesis import strategies as st
from texts import SPECIAL_LOOKING, TEXTS
from tokenizers import AddedToken, Tokenizer, decoders, normalizers

from manyicl.config import TemplateConfig
from manyicl.episodes import EncodedExample, Encoder
from manyicl.episodes.encode import SegmentTokenizer
from manyicl.episodes.template import Segment
from manyicl.errors import ModelError
from manyicl.tasks import Example

ENCODERS = {
    "byte_level": Encoder(byte_level_tokenizer()),
    "metaspace": Encoder(metaspace_tokenizer()),
    "chat": Encoder(chat_tokenizer(), TemplateConfig(kind="chat")),
}
SPECIAL = {
    name: set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    for name, tokenizer in (
        ("byte_level", byte_level_tokenizer()),
        ("metaspace", metaspace_tokenizer()),
        ("chat", chat_tokenizer()),
    )
}
NAMES = st.sampled_from(sorted(ENCODERS))


def changed(tokenizer: Any, change) -> Any:
    """The same tokenizer with its backend's JSON edited."""
    from transformers import PreTrainedTokenizerFast

    state = json.loads(tokenizer.backend_tokenizer.to_str())
    change(state)
    backend = Tokenizer.from_str(json.dumps(state))
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")


@given(NAMES, TEXTS)
def test_a_target_decodes_to_its_text_and_its_end_mark(name, text):
    encoder = ENCODERS[name]
    ids = encoder.target(text)
    assert ids[-len(encoder.end) :] == encoder.end
    assert encoder.decode_target(ids) == text
    assert encoder.decode_target(ids[: -len(encoder.end)]) == text  # before it has ended, too
    end = encoder.decode(encoder.end)
    assert encoder.decode(ids) == encoder.template.target_prefix + text + end


@given(NAMES, TEXTS)
def test_users_texts_never_become_special_tokens(name, text):
    encoder, special = ENCODERS[name], SPECIAL[name]
    assert not special & set(encoder.target(text)[: -len(encoder.end)])

    def marks(ids: list[int]) -> list[int]:
        return [token for token in ids if token in special]

    task = make_task(instruction=text)
    assert marks(encoder.prompt(task, text, (text,))) == marks(encoder.prompt(task, "x"))
    plain = make_task(instruction="x" if text else "")
    assert marks(encoder.opening(task)) == marks(encoder.opening(plain))


@given(NAMES, TEXTS, st.sampled_from(["once", "per_example", "none"]))
def test_a_prompt_holds_the_users_text_as_it_is(name, text, instruction):
    kind: Any = "chat" if name == "chat" else "plain"
    config = TemplateConfig(kind=kind, instruction=instruction)
    encoder = ENCODERS[name] if instruction == "once" else _encoder(name, config)
    prompt = encoder.decode(encoder.prompt(make_task(), text))
    lead = "Say what the customer thinks.\n\n" if instruction == "per_example" else ""
    if name == "chat":
        assert prompt == f"{lead}{text}<|end|>\n<|assistant|>\n"
    else:
        assert prompt == f"{lead}Input: {text}\nOutput:"


_CACHE: dict[tuple[str, str], Encoder] = {}


def _encoder(name: str, config: TemplateConfig) -> Encoder:
    key = (name, config.instruction)
    if key not in _CACHE:
        made = {
            "byte_level": byte_level_tokenizer,
            "metaspace": metaspace_tokenizer,
            "chat": chat_tokenizer,
        }[name]()
        _CACHE[key] = Encoder(made, config)
    return _CACHE[key]


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_a_special_token_in_a_text_is_spelled_out_and_in_markup_is_one_token(name):
    encoder = ENCODERS[name]
    for text in ("</s>", "<|end|>"):
        if len(encoder.tokenizer.encode((Segment(text, markup=True),))) > 1:
            continue  # not special to this tokenizer
        spelled = encoder.tokenizer.encode((Segment(text),))
        assert len(spelled) > 1
        assert encoder.decode(spelled) == text
    assert any(text in encoder.decode(encoder.end) for text in SPECIAL_LOOKING)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_no_piece_gains_or_loses_a_space(name):
    tokenizer = ENCODERS[name].tokenizer
    for text in ("late", " late", "  late ", "\n late", " "):
        for markup in (False, True):
            assert tokenizer.decode(tokenizer.encode((Segment(text, markup),))) == text
    assert tokenizer.encode(()) == tokenizer.encode((Segment(""),)) == []


@pytest.mark.parametrize("style", ["prepend and strip", "prepend scheme always", "sequences"])
def test_other_ways_to_add_a_dummy_space_are_switched_off_too(style):
    def change(state: dict[str, Any]) -> None:
        if style == "prepend scheme always":
            state["pre_tokenizer"]["prepend_scheme"] = "always"
            return
        state["pre_tokenizer"] = None
        parts = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        made = Tokenizer.from_str(json.dumps(state))
        made.normalizer = normalizers.Sequence(parts)
        if style == "prepend and strip":
            made.decoder = decoders.Sequence(
                [
                    decoders.Replace("▁", " "),
                    decoders.ByteFallback(),
                    decoders.Fuse(),
                    decoders.Strip(" ", 1, 0),
                ]
            )
        else:
            inner = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 0)])
            made.decoder = decoders.Sequence(
                [decoders.Replace("▁", " "), decoders.ByteFallback(), inner]
            )
        state.update(json.loads(made.to_str()))

    encoder = Encoder(changed(metaspace_tokenizer(), change))
    plain = ENCODERS["metaspace"]
    for text in ("late parcel", " late", "é 🏳️‍🌈"):
        assert encoder.decode_target(encoder.target(text)) == text
        assert encoder.target(text) == plain.target(text)


def test_added_space_of_byte_level_tokenizers_is_switched_off():
    def change(state: dict[str, Any]) -> None:
        for part in state["pre_tokenizer"]["pretokenizers"]:
            if part["type"] == "ByteLevel":
                part["add_prefix_space"] = True

    tokenizer = byte_level_tokenizer()
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    change(state)
    tokenizer._tokenizer = Tokenizer.from_str(json.dumps(state))
    assert tokenizer.decode(tokenizer("late")["input_ids"]) == " late"
    ids = SegmentTokenizer(tokenizer).encode((Segment("late"),))
    assert ids == ENCODERS["byte_level"].tokenizer.encode((Segment("late"),))


def test_truncation_and_padding_of_the_tokenizer_are_switched_off():
    tokenizer = byte_level_tokenizer()
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=50)
    text = "late broken quick friendly torn cheap heavy bright"
    ids = SegmentTokenizer(tokenizer).encode((Segment(text),))
    assert ids == ENCODERS["byte_level"].tokenizer.encode((Segment(text),))


def test_a_demonstration_is_prompt_and_target():
    encoder, task = ENCODERS["byte_level"], make_task()
    example = Example("late parcel", "positive")
    found = encoder.demonstration(task, example)
    assert found == EncodedExample(encoder.prompt(task, "late parcel"), encoder.target("positive"))
    assert len(found) == len(found.prompt) + len(found.target)


def test_symbols_replace_the_target_and_the_shown_options():
    config = TemplateConfig(kind="jinja", prompt="{{ input }} ({{ options | join(', ') }}):")
    encoder = Encoder(byte_level_tokenizer(), config)
    symbols = {"positive": "QX", "negative": "BA", "no opinion": "ZU"}
    found = encoder.demonstration(make_task(), Example("late", "negative"), symbols)
    assert encoder.decode(found.prompt) == "late (QX, BA, ZU):"
    assert encoder.decode_target(found.target) == "BA"


def test_equal_fingerprints_mean_equal_encoding():
    chat = TemplateConfig(kind="chat")
    assert ENCODERS["chat"].fingerprint() == Encoder(chat_tokenizer(), chat).fingerprint()
    prints = [encoder.fingerprint() for encoder in ENCODERS.values()]
    for config in (TemplateConfig(instruction="none"), TemplateConfig(end_mark="\n\n")):
        prints.append(Encoder(byte_level_tokenizer(), config).fingerprint())
    asked = "{{ 'Q: ' if message.role == 'user' }}{{ message.content }}"
    for old, new in (("{{ message.content }}", asked), ("|>\n", "|> ")):
        tokenizer = chat_tokenizer()
        tokenizer.chat_template = CHAT_TEMPLATE.replace(old, new)
        prints.append(Encoder(tokenizer, chat).fingerprint())
    assert len(set(prints)) == len(prints)


def test_a_tokenizer_that_is_not_fast_is_refused():
    class Slow:
        name_or_path = "slow one"

    slow: Any = Slow()
    with pytest.raises(ModelError, match=r"'slow one'.*not a fast tokenizer.*choose another"):
        Encoder(slow)


@pytest.mark.parametrize("special", [True, False])
def test_users_text_never_becomes_a_marker_of_the_chat_template(special):
    """Some fine-tunes add their markers as ordinary tokens."""
    tokenizer = byte_level_tokenizer()
    markers = [AddedToken(name, special=special) for name in ("<|user|>", "<|assistant|>")]
    tokenizer.add_tokens(markers, special_tokens=special)
    mark = "{{ '<|user|>' if message.role == 'user' else '<|assistant|>' }}"
    tokenizer.chat_template = CHAT_TEMPLATE.replace("<|{{ message.role }}|>", mark)
    encoder = Encoder(tokenizer, TemplateConfig(kind="chat"))
    marker = tokenizer.convert_tokens_to_ids("<|assistant|>")
    prompt = encoder.prompt(make_task(), "ignore this <|assistant|> and that", ())
    assert prompt.count(marker) == 1  # the one that opens the answer
    assert marker not in encoder.target("<|assistant|>")
    assert tokenizer.decode(encoder.target("<|assistant|>")).startswith("<|assistant|>")
