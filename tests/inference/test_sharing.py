"""Shared prefixes answer as plain full prompts do, on every architecture."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from builders import ARCHITECTURES, chat_tokenizer, make_task, tiny_model

from manyicl.config import TemplateConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.errors import PrefixError
from manyicl.inference import Engine, prefill
from manyicl.inference.memory import Limits
from manyicl.tasks import Example

ARCHITECTURE_NAMES = [*ARCHITECTURES, "llama with chat template"]


def make_engine(name: str = "llama", tokenizer=None, seed: int = 0) -> Engine:
    template = TemplateConfig()
    if name.endswith("chat template"):
        name, template = "llama", TemplateConfig(kind="chat")
        tokenizer = chat_tokenizer()
    assert tokenizer is not None
    engine = Engine(
        tiny_model(name, seed=seed),
        Encoder(tokenizer, template),
        eos_token_id=tokenizer.eos_token_id,
        tokens_per_batch=100,
    )
    assert engine.shares_prefix
    return engine


@pytest.fixture(scope="module", params=ARCHITECTURE_NAMES)
def engine(request, tokenizer) -> Engine:
    return make_engine(request.param, tokenizer)


def alone(engine: Engine, prefix):
    """The same prefix that is not kept: every answer is computed from the full prompt."""
    return replace(prefix, layers=None)


def pool_of(engine: Engine, task) -> EncodedPool:
    return EncodedPool(Pool(task), engine.encoder)


def test_option_scores_equal_the_full_prompts(engine):
    task = make_task()
    prefix = engine.prefix(pool_of(engine, task), range(8))
    shared = engine.choose(task, prefix, task.test)
    plain = engine.choose(task, alone(engine, prefix), task.test)
    for ours, expected in zip(shared, plain, strict=True):
        assert ours.text == expected.text
        for option, score in expected.scores.items():
            assert ours.scores[option] == pytest.approx(score, abs=1e-4)


def test_generated_answers_equal_the_full_prompts(engine):
    task = make_task(labels=())
    prefix = engine.prefix(pool_of(engine, task), range(8))
    shared = engine.write(task, prefix, task.test, max_new_tokens=7)
    plain = engine.write(task, alone(engine, prefix), task.test, max_new_tokens=7)
    assert [a.ids for a in shared] == [a.ids for a in plain]
    assert all(len(a.ids) <= 7 for a in shared)


def test_a_cropped_prefix_equals_a_shorter_one(engine):
    task = make_task()
    pool = pool_of(engine, task)
    prefix = engine.prefix(pool, range(8))
    for num_shots in (5, 2, 0):
        prefix = prefix.first(num_shots)
        assert prefix.num_shots == num_shots
        fresh = engine.prefix(pool, range(num_shots))
        assert prefix.ids == fresh.ids
        ours = engine.choose(task, prefix, task.test)
        expected = engine.choose(task, fresh, task.test)
        for a, b in zip(ours, expected, strict=True):
            assert list(a.scores.values()) == pytest.approx(list(b.scores.values()), abs=1e-4)


def test_a_saved_prefix_answers_as_before(engine, tmp_path):
    task = make_task()
    prefix = engine.prefix(pool_of(engine, task), range(5))
    before = engine.choose(task, prefix, task.test)
    engine.save_prefix(prefix, tmp_path / "prefix.safetensors")
    loaded = engine.load_prefix(tmp_path / "prefix.safetensors")
    assert (loaded.ids, loaded.stops) == (prefix.ids, prefix.stops)
    assert engine.choose(task, loaded, task.test) == before


def test_scoring_leaves_the_prefix_as_it_was(engine):
    task = make_task()
    prefix = engine.prefix(pool_of(engine, task), range(3))
    first = engine.choose(task, prefix, task.test)
    engine.write(task, prefix, task.test, max_new_tokens=3)
    assert engine.choose(task, prefix, task.test) == first


def test_batches_of_any_size_give_the_same_scores(tokenizer):
    task = make_task()
    scores = []
    for size in (1, 60, 10_000):
        engine = make_engine(tokenizer=tokenizer)
        engine.limits = Limits(size)
        prefix = engine.prefix(pool_of(engine, task), range(4))
        answers = engine.choose(task, prefix, task.test)
        scores.append(torch.tensor([list(a.scores.values()) for a in answers]))
    torch.testing.assert_close(scores[0], scores[1], atol=1e-4, rtol=0)
    torch.testing.assert_close(scores[0], scores[2], atol=1e-4, rtol=0)


def test_scores_are_log_probabilities_of_all_continuations(tokenizer):
    """Over every one-token continuation, the first token's probabilities sum to one."""
    from manyicl.inference import OptionQuery, score_options

    engine = make_engine(tokenizer=tokenizer)
    sequence = pool_of(engine, make_task()).sequence([0], trailing_separator=True)
    prefix = prefill(engine.model, sequence)
    options = [[token] for token in range(512)]
    (scores,) = score_options(engine.model, prefix, [OptionQuery([5, 6, 7], options)])
    assert torch.tensor(scores).exp().sum().item() == pytest.approx(1, abs=1e-4)


def test_prior_correction_subtracts_the_score_after_an_empty_query(tokenizer):
    engine, task = make_engine(tokenizer=tokenizer), make_task()
    prefix = engine.prefix(pool_of(engine, task), range(3))
    raw = engine.choose(task, prefix, task.test)
    empty = engine.choose(task, prefix, [Example("", "positive")])[0]
    corrected = engine.choose(task, prefix, task.test, "prior")
    for ours, plain in zip(corrected, raw, strict=True):
        for option, score in plain.scores.items():
            assert ours.scores[option] == pytest.approx(score - empty.scores[option], abs=1e-4)


def test_mean_scoring_divides_by_the_tokens_of_the_option(tokenizer):
    engine, task = make_engine(tokenizer=tokenizer), make_task()
    prefix = engine.prefix(pool_of(engine, task), range(3))
    raw = engine.choose(task, prefix, task.test)[0].scores
    mean = engine.choose(task, prefix, task.test, "mean")[0].scores
    for option, score in raw.items():
        assert mean[option] == pytest.approx(score / len(engine.encoder.target(option)))


@pytest.mark.parametrize("change", ["weights", "template", "file"])
def test_a_prefix_of_something_else_is_refused(tokenizer, tmp_path, change):
    engine = make_engine(tokenizer=tokenizer)
    path = tmp_path / "prefix.safetensors"
    engine.save_prefix(engine.prefix(pool_of(engine, make_task()), range(3)), path)
    if change == "weights":
        other = make_engine(tokenizer=tokenizer, seed=1)
        expected = "model or adapter weights"
    elif change == "template":
        other = make_engine("llama with chat template", tokenizer)
        other.model = engine.model
        expected = "tokenizer or template"
    else:
        other, expected = engine, "cannot be read"
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(PrefixError, match=expected):
        other.load_prefix(path)


def test_a_model_whose_cache_cannot_be_shared_falls_back_and_says_so(tokenizer, capsys):
    engine = make_engine(tokenizer=tokenizer)
    model = tiny_model()
    model.config.layer_types = ["linear_attention", "full_attention"]
    fallback = Engine(model, engine.encoder)
    assert not fallback.shares_prefix
    assert "answers are the same" in capsys.readouterr().err
    task = make_task()
    plain = fallback.choose(task, fallback.prefix(pool_of(engine, task), range(4)), task.test)
    shared = engine.choose(task, engine.prefix(pool_of(engine, task), range(4)), task.test)
    for a, b in zip(plain, shared, strict=True):
        assert list(a.scores.values()) == pytest.approx(list(b.scores.values()), abs=1e-4)
