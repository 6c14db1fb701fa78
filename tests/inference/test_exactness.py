"""Shared prefixes score as plain full prompts do, within 1e-5 in fp32, on every architecture."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from builders import (
    ARCHITECTURES,
    MORE_ARCHITECTURES,
    OWN_ATTENTION,
    make_task,
    tiny_model,
)

from manyicl.episodes import EncodedPool, EncodedSequence, Encoder, Pool
from manyicl.inference import Engine, OptionQuery, prefill, score_options
from manyicl.inference.branches import Branch
from manyicl.inference.generate import _groups, generate
from manyicl.inference.layers import Layers
from manyicl.inference.prefix import Prefix
from manyicl.inference.shared import unshareable

IDS = [(7 * index + 3) % 500 for index in range(200)]
SEQUENCE = EncodedSequence("toy", IDS[:120], (), (10, 60, 120))
QUERIES = [
    OptionQuery(IDS[120:130], [IDS[130:133], IDS[130:132], [5]]),
    OptionQuery(IDS[140:147], [IDS[2:4], [9, 8, 7, 6]]),
]


def never(ids) -> bool:
    return False


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES | MORE_ARCHITECTURES))
def model(request):
    return tiny_model(request.param)


@pytest.mark.parametrize("tokens_at_once", [2048, 23])
def test_scores_equal_plain_full_prompts(model, tokens_at_once):
    """Windows of 20 tokens end in prefix and queries; parts of 23 tokens cut a prefix in six."""
    prefix = prefill(model, SEQUENCE, tokens_at_once=tokens_at_once)
    for num_shots in (2, 1, 0):
        part = prefix.first(num_shots)
        plain = replace(part, layers=None)
        ours, expected = (score_options(model, shown, QUERIES) for shown in (part, plain))
        for a, b in zip(ours, expected, strict=True):
            assert a == pytest.approx(b, abs=1e-5)


def test_answers_equal_those_of_plain_full_prompts(model):
    prefix = prefill(model, SEQUENCE)
    prompts = [query.prompt for query in QUERIES]
    for num_shots in (2, 0):
        part = prefix.first(num_shots)
        ours, expected = (
            generate(model, shown, prompts, finished=never, max_new_tokens=25)
            for shown in (part, replace(part, layers=None))
        )
        assert ours == expected


def test_prefixes_of_several_lengths_and_computations_answer_together(model):
    """What a k-shot sweep over seeds asks: every query with a prefix of its own, in one batch."""
    other = EncodedSequence("other", IDS[60:160], (), (5, 100))
    first, second = prefill(model, SEQUENCE), prefill(model, other)
    shown = [first.first(1), second, first, first.first(0), second.first(0), first]
    asked = [QUERIES[number % 2] for number in range(len(shown))]
    together = score_options(model, shown, asked)
    written = generate(
        model, shown, [query.prompt for query in asked], finished=never, max_new_tokens=4
    )
    for prefix, query, scores, ids in zip(shown, asked, together, written, strict=True):
        assert scores == pytest.approx(score_options(model, prefix, [query])[0], abs=1e-5)
        assert [ids] == generate(model, prefix, [query.prompt], finished=never, max_new_tokens=4)


@pytest.mark.parametrize("architecture", sorted(OWN_ATTENTION))
def test_other_attention_is_recomputed_and_said(architecture, tokenizer, capsys):
    model = tiny_model(architecture)
    before = model.config._attn_implementation
    engine = Engine(model, Encoder(tokenizer))
    assert not engine.shares_prefix
    assert "answers are the same, only slower" in capsys.readouterr().err
    assert model.config._attn_implementation == before
    task = make_task()
    prefix = engine.prefix(EncodedPool(Pool(task), engine.encoder), range(3))
    ids = torch.tensor([[*prefix.ids, *engine.encoder.prompt(task, task.test[0].input, ())]])
    (answer,) = engine.write(task, prefix, task.test[:1], max_new_tokens=1)
    with torch.no_grad():
        assert answer.ids == (int(model(ids, use_cache=False).logits[0, -1].argmax()),)


@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
@pytest.mark.parametrize("nested", [False, True])
def test_angles_that_depend_on_the_length_of_the_prompt_are_not_shared(kind, nested):
    model = tiny_model()
    rope = {"rope_type": kind, "rope_theta": 10_000.0, "factor": 2.0}
    plain = {"rope_type": "default", "rope_theta": 10_000.0}
    by_type = {"sliding_attention": plain, "full_attention": rope}  # as in Gemma 3
    model.config.rope_parameters = by_type if nested else rope
    assert kind in str(unshareable(model))
    model.config.rope_parameters = {"full_attention": plain} if nested else plain
    assert unshareable(model) is None


def test_a_prompt_without_tokens_is_answered_from_the_full_prompt():
    """Its first token follows the prefix itself, of which no logits are kept."""
    model = tiny_model()
    prefix = prefill(model, SEQUENCE)
    empty = OptionQuery([], QUERIES[0].options)
    together = score_options(model, prefix, [QUERIES[0], empty, QUERIES[1]])
    expected = score_options(model, replace(prefix, layers=None), [empty])[0]
    assert together[1] == pytest.approx(expected, abs=1e-5)
    written = generate(model, prefix, [IDS[:5], []], finished=never, max_new_tokens=3)
    assert [written[1]] == generate(
        model, replace(prefix, layers=None), [[]], finished=never, max_new_tokens=3
    )


def test_an_exception_in_the_middle_of_a_pass_leaves_the_model_as_it_was(monkeypatch):
    model = tiny_model()
    monkeypatch.setattr("manyicl.inference.shared.attend", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prefill(model, SEQUENCE)
    assert model.config._attn_implementation == "sdpa"
    monkeypatch.undo()
    assert len(prefill(model, SEQUENCE)) == 120


def test_growing_answers_are_counted_as_long_as_the_longest_of_them():
    prefix = Prefix([1], (1,), Layers(1))
    jobs = [(at, Branch(prefix, [1] * length)) for at, length in enumerate([90, 30, 30, 30, 5, 5])]
    groups = [[len(b.ids) for _, b in group] for group in _groups(jobs, 100, 10)]
    assert groups == [[90], [30, 30], [30, 5], [5]]
