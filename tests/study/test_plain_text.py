"""Plain text: what is read, what is refused; bits per byte; free generation."""

from __future__ import annotations

import hashlib
import json
import math
import random
import re

import numpy as np
import pytest
import torch
from builders import tiny_model

from manyicl.errors import RunError
from manyicl.evaluation.token_loss import token_losses
from manyicl.study.records import StudyError
from manyicl.study.retention.free_generation import (
    OPENING_TOKENS,
    continue_texts,
    distinct_bigrams,
    free_generation,
    has_markup,
)
from manyicl.study.retention.plain_text import PASSAGE_CHARS, PlainText, load_texts, sample
from manyicl.study.retention.text_loss import TextCodec, bits_per_byte
from manyicl.tasks.builtin.lexicon.word_list import words

WORDS = words("the report says that no train left before noon while rain fell on a quiet town")


def prose(seed: int, num_words: int) -> str:
    draws = random.Random(seed)
    return " ".join(draws.choice(WORDS) for _ in range(num_words))


def plain(*documents: str) -> PlainText:
    return PlainText("made", documents, hashlib.sha256(repr(documents).encode()).hexdigest(), 0)


# --- reading -----------------------------------------------------------------------------------


def test_a_folder_a_file_and_rows_give_the_same_text(tmp_path):
    first, second = prose(1, 700), prose(2, 5000)
    second = re.sub(r"(?<=noon) ", "\n", second)
    (tmp_path / "a.txt").write_text(f"\ufeff{first}\r\n", encoding="utf-8", newline="")
    (tmp_path / "b.txt").write_text(second, encoding="utf-8")
    (tmp_path / "notes.md").write_text("not read")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"text": t}) + "\n\n" for t in (first, second)))
    folder, listed = load_texts(str(tmp_path)), load_texts(str(rows))
    assert folder.documents == listed.documents
    assert folder.sha256 == listed.sha256
    joined = "\n".join(folder.documents)
    assert joined == f"{first}\n{second}"
    assert folder.num_bytes == sum(len(d.encode()) for d in folder.documents)
    assert folder.sha256 == hashlib.sha256(
        b"".join(d.encode() + b"\0" for d in folder.documents)
    ).hexdigest()  # fmt: skip
    assert len(folder.documents) > 3
    assert all(len(d) <= PASSAGE_CHARS for d in folder.documents)
    assert load_texts(str(tmp_path / "b.txt")).documents == folder.documents[1:]


def test_python_docs_need_no_download_and_hold_no_paragraph_twice():
    found = load_texts("python_docs")
    assert found.num_bytes > 200_000
    text = "\n\n".join(found.documents)
    assert not re.search(r"^[*=]{4,}$", text, re.MULTILINE)
    long = [part for part in text.split("\n\n") if len(part) > 300]
    assert len(set(long)) == len(long)
    assert load_texts("python_docs") == found


def wrong(tmp_path, kind: str) -> tuple[str, str]:
    """Return what to name, and a part of the message that it must give."""
    enough = prose(0, 6000)
    match kind:
        case "missing":
            return str(tmp_path / "no"), "not found"
        case "empty name":
            return " ", "no name"
        case "empty folder":
            return str(tmp_path), r"no \*\.txt"
        case "too little":
            (tmp_path / "a.txt").write_text("few words")
            return str(tmp_path), "holds 9 bytes of text; at least 20,000"
        case "latin-1":
            (tmp_path / "a.txt").write_bytes(enough.encode() + "é".encode("latin-1"))
            return str(tmp_path), rf"a\.txt: byte {len(enough)} is not UTF-8"
        case "binary":
            (tmp_path / "a.txt").write_bytes(enough.encode() + b"\0")
            return str(tmp_path), rf"byte {len(enough)} is not UTF-8"
        case "another kind":
            (tmp_path / "a.pdf").write_text(enough)
            return str(tmp_path / "a.pdf"), r"\.pdf"
        case "bad json":
            (tmp_path / "a.jsonl").write_text('{"text": "x"}\n{"text": \n')
            return str(tmp_path / "a.jsonl"), "row 2: not valid JSON"
        case "no text":
            (tmp_path / "a.jsonl").write_text('{"text": "x"}\n\n{"txt": "x"}\n')
            return str(tmp_path / "a.jsonl"), 'row 3: has no text under "text"'
        case "half a character":
            (tmp_path / "a.jsonl").write_text('{"text": "\\ud800"}\n')
            return str(tmp_path / "a.jsonl"), "row 1: holds half a character"
        case _:
            with (tmp_path / "a.txt").open("wb") as file:
                file.truncate(65_000_000)
            return str(tmp_path), "65 MB; at most 64 MB"


@pytest.mark.parametrize(
    "kind",
    [
        "missing", "empty name", "empty folder", "too little", "latin-1", "binary", "another kind",
        "bad json", "no text", "half a character", "too much",
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_place_and_way_out(tmp_path, kind):
    name, message = wrong(tmp_path, kind)
    with pytest.raises(StudyError, match=message) as caught:
        load_texts(name)
    assert str(caught.value).rstrip().endswith(".")


def test_the_sample_is_fixed_and_no_file_order():
    texts = plain(*(f"document {i}" for i in range(40)))
    drawn = sample(texts)
    assert sorted(drawn) == sorted(texts.documents)
    assert drawn == sample(texts) != list(texts.documents)
    assert sample(texts, 1) != drawn


# --- bits per byte -----------------------------------------------------------------------------


def test_bits_per_byte_is_the_formula_over_each_document_alone(any_tokenizer):
    documents = ("Größe 12 → 3 €, </s> naïve <|end|>", prose(3, 30), "日本 and more")
    model = tiny_model(vocab_size=len(any_tokenizer))
    codec = TextCodec(any_tokenizer)
    assert len(codec.start) == 1
    nats = sum(
        token_losses(model, [*codec.start, *codec.encode(d)], 512, head_in_parts=True).sum()
        for d in documents
    )
    expected = nats / math.log(2) / sum(len(d.encode()) for d in documents)
    found = bits_per_byte(model, any_tokenizer, plain(*documents), context=512)
    assert found == pytest.approx(expected, rel=1e-5)
    # Special tokens written in a text are text.
    assert not set(codec.encode(documents[0])) & set(any_tokenizer.all_special_ids)


def uniform(vocab_size: int):
    """Return a model that finds every token equally probable."""
    model = tiny_model(vocab_size=vocab_size, tie_word_embeddings=False)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    return model


def test_a_model_that_knows_nothing_pays_log_v_for_each_token(tokenizer):
    text = prose(4, 2000)
    size = len(tokenizer)
    texts = plain(text)
    tokens = len(TextCodec(tokenizer).encode(text))
    expected = tokens * math.log2(size) / len(text.encode())
    assert bits_per_byte(uniform(size), tokenizer, texts) == pytest.approx(expected, rel=1e-5)
    # A cut text keeps its bytes and tokens together: the ratio stays what it is.
    cut = bits_per_byte(uniform(size), tokenizer, texts, max_tokens=300)
    assert cut == pytest.approx(expected, rel=0.1)


def test_without_a_start_token_the_first_token_costs_log_v(tokenizer, monkeypatch):
    text = prose(5, 20)
    size = len(tokenizer)
    tokens = len(TextCodec(tokenizer).encode(text))
    kept = TextCodec.__init__

    def startless(self, of):
        kept(self, of)
        self.start = []

    monkeypatch.setattr(TextCodec, "__init__", startless)
    found = bits_per_byte(uniform(size), tokenizer, plain(text))
    assert found == pytest.approx(tokens * math.log2(size) / len(text.encode()), rel=1e-5)


def test_no_more_tokens_than_asked_for_are_computed(tokenizer, monkeypatch):
    from manyicl.study.retention import text_loss

    seen: list[list[int]] = []

    def spy(model, ids, context):
        seen.append(list(ids))
        return np.zeros(len(ids) - 1)

    monkeypatch.setattr(text_loss, "token_losses", spy)
    texts = plain(*(prose(i, 40) for i in range(20)))
    assert bits_per_byte(None, tokenizer, texts, max_tokens=250) == 0
    codec = TextCodec(tokenizer)
    assert 220 <= sum(len(ids) - 1 for ids in seen) <= 250
    order = [codec.decode(ids[1:]) for ids in seen]
    drawn = sample(texts)[: len(order)]
    assert order[:-1] == drawn[:-1]
    assert drawn[-1].startswith(order[-1])


def test_a_model_that_diverged_is_named(tokenizer):
    model = tiny_model()
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    texts = plain(prose(6, 300))
    with pytest.raises(RunError, match="diverged"):
        bits_per_byte(model, tokenizer, texts)
    with pytest.raises(RunError, match="diverged"):
        free_generation(model, None, tokenizer, texts, num=2, new_tokens=2)


# --- free generation ---------------------------------------------------------------------------

TEXTS = plain(*(prose(i, 150) for i in range(6)), "short")


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3_text"])
def test_continuing_with_a_cache_is_continuing_without(architecture):
    model = tiny_model(architecture)
    prompts = np.random.default_rng(1).integers(1, 500, (3, 12)).tolist()

    class Cacheless:
        device = model.device

        def __call__(self, input_ids, past_key_values, use_cache):
            from types import SimpleNamespace

            return SimpleNamespace(logits=model(input_ids=input_ids, use_cache=False).logits)

    found = continue_texts(model, prompts, 20, set(), 500, 3)
    assert found == continue_texts(Cacheless(), prompts, 20, set(), 500, 3)
    assert found != continue_texts(model, prompts, 20, set(), 500, 4)
    assert all(len(new) == 20 and max(new) < 500 for new in found)
    # An end token ends its row and leaves the others as they were.
    end = found[0][5]
    ended = continue_texts(model, prompts, 20, {end}, 500, 3)
    assert ended == [new[: new.index(end)] if end in new else new for new in found]
    assert len(ended[0]) <= 5


def test_draws_follow_the_model_s_probabilities():
    model = tiny_model(vocab_size=12)
    prompt = [1, 2, 3]
    with torch.inference_mode():
        expected = model(torch.tensor([prompt])).logits[0, -1, :8].softmax(-1).numpy()
    drawn = [new[0] for new in continue_texts(model, [prompt] * 4000, 1, set(), 8, 0)]
    found = np.bincount(drawn, minlength=8) / 4000
    np.testing.assert_allclose(found, expected, atol=0.035)  # four standard deviations


def test_what_is_reported_is_what_was_written(tokenizer):
    model, base = tiny_model(), tiny_model(seed=1)
    found = free_generation(model, base, tokenizer, TEXTS, num=5, new_tokens=12, seed=2)
    codec = TextCodec(tokenizer)
    openings = [codec.encode(d)[:OPENING_TOKENS] for d in sample(TEXTS) if d != "short"][:5]
    prompts = [[*codec.start, *opening] for opening in openings]
    written = continue_texts(model, prompts, 12, codec.ends, len(tokenizer), 2)
    nats = num_bytes = early = 0.0
    texts = []
    for prompt, opening, new in zip(prompts, openings, written, strict=True):
        with torch.inference_mode():
            logits = base(torch.tensor([[*prompt, *new]])).logits[0].double().log_softmax(-1)
        for place, token in enumerate(new, len(prompt)):
            nats -= float(logits[place - 1, token])
        text = codec.decode([*opening, *new])[len(codec.decode(opening)) :]
        texts.append(text)
        num_bytes += len(text.encode())
        early += len(new) < 12
    expected = {
        "bits_per_byte_under_base": nats / math.log(2) / num_bytes,
        "distinct_2": distinct_bigrams(texts),
        "task_markup": 0.0,
        "early_end": early / 5,
    }
    assert found == pytest.approx(expected, rel=1e-4)
    again = free_generation(model, base, tokenizer, TEXTS, num=5, new_tokens=12, seed=2)
    assert again == found
    alone = free_generation(model, None, tokenizer, TEXTS, num=5, new_tokens=12, seed=2)
    own = free_generation(model, model, tokenizer, TEXTS, num=5, new_tokens=12, seed=2)
    assert alone == own != found


def test_text_that_ends_at_once_has_no_bits(tokenizer, monkeypatch):
    from manyicl.study.retention import free_generation as module

    monkeypatch.setattr(module, "continue_texts", lambda *_: [[], []])
    found = free_generation(tiny_model(), None, tokenizer, TEXTS, num=2, new_tokens=4)
    assert found == {"distinct_2": 0.0, "task_markup": 0.0, "early_end": 1.0}


def test_what_cannot_be_continued_is_refused(tokenizer):
    with pytest.raises(StudyError, match="no document has 48 tokens"):
        free_generation(tiny_model(), None, tokenizer, plain("short", "too"), num=1)
    with pytest.raises(StudyError, match=r"new_tokens: 500 tokens .* the 512 of"):
        free_generation(tiny_model(), None, tokenizer, TEXTS, num=1, new_tokens=500)


@pytest.mark.parametrize(
    ("text", "start", "found"),
    [
        ("a word\nInput: x", 3, True),
        ("a word\n  Output: x", 3, True),
        ("a word, Input: x", 3, False),
        ("Input: x and more", 3, False),  # in the opening, not in what was written
        ("opening\nOutput:", 8, True),
        ("inputs\nInputs: x", 0, False),
    ],
)
def test_task_markup_counts_at_line_starts_of_the_continuation(text, start, found):
    assert has_markup(text, start) is found


def test_distinct_bigrams_by_hand():
    assert distinct_bigrams([]) == distinct_bigrams(["one", ""]) == 0
    assert distinct_bigrams(["a b c", "a b d"]) == 3 / 4
    assert distinct_bigrams(["x x x x x"]) == 1 / 4
