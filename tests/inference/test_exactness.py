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
from manyicl.inference.generate import generate

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


def test_angles_that_depend_on_the_length_of_the_prompt_are_not_shared(tokenizer, capsys):
    rope = {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0}
    model = tiny_model(rope_parameters=rope)
    assert not Engine(model, Encoder(tokenizer)).shares_prefix
    assert "rotary angles" in capsys.readouterr().err
