"""Predictions are what the engine answers after the demonstrations the rules allow."""

from __future__ import annotations

import math

import pytest
from builders import byte_level_tokenizer, make_task, tiny_model

from manyicl.episodes import EncodedPool, Encoder, Pool, order_for_query, shared_order
from manyicl.errors import ConfigError, EpisodeError, PrefixError, RunError
from manyicl.inference import Engine
from manyicl.inference.predict import PredictSettings, predict
from manyicl.inference.room import fitting_rows, token_budget
from manyicl.tasks import Example

WORDS = ["river", "candle", "market", "engine", "violin", "harbour", "mirror", "garden"]
# As queries come from a file: with no target.
QUERIES = [
    Example(f"a {word} and the {WORDS[-i]} of {i}", "", row=i + 2) for i, word in enumerate(WORDS)
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    tokenizer = byte_level_tokenizer()
    return Engine(
        tiny_model(), Encoder(tokenizer), eos_token_id=tokenizer.eos_token_id, tokens_per_batch=300
    )


def pool_of(engine: Engine, task) -> EncodedPool:
    return EncodedPool(Pool(task), engine.encoder)


def settings(**values) -> PredictSettings:
    return PredictSettings(max_new_tokens=4, **values)


def test_answers_are_those_of_the_engine_after_the_first_rows_of_the_order(engine):
    task = make_task()
    found = predict(engine, task, QUERIES, settings(num_shots=5, seed=3, scoring="prior"))
    pool = pool_of(engine, task)
    prefix = engine.prefix(pool, shared_order(pool.pool, "random", 3)[:5])
    for prediction, answer, query in zip(
        found, engine.choose(task, prefix, QUERIES, "prior"), QUERIES, strict=True
    ):
        assert prediction.query is query
        assert prediction.answer == answer.text
        assert prediction.scores == pytest.approx(answer.scores, abs=1e-4)
        assert prediction.num_shots == 5


def test_the_probability_is_the_softmax_over_the_options(engine):
    for prediction in predict(engine, make_task(), QUERIES, settings(num_shots=2)):
        assert prediction.scores is not None
        weights = {option: math.exp(score) for option, score in prediction.scores.items()}
        expected = weights[prediction.answer] / sum(weights.values())
        assert prediction.probability == pytest.approx(expected)
        assert prediction.answer == max(weights, key=weights.__getitem__)


def test_generated_answers_have_no_probability(engine):
    task = make_task(labels=(), kind="generation")
    found = predict(engine, task, QUERIES, settings(num_shots=3))
    pool = pool_of(engine, task)
    prefix = engine.prefix(pool, shared_order(pool.pool, "random", 0)[:3])
    assert [p.answer for p in found] == [a.text for a in engine.write(task, prefix, QUERIES, 4)]
    assert {(p.scores, p.probability) for p in found} == {(None, None)}


def test_a_generation_task_is_answered_in_words_whatever_its_queries_hold(engine):
    task = make_task([Example("x", "a", ("a", "b"))] * 4, kind="generation", labels=("a", "b"))
    queries = [Example("y", "", ("c", "d")), Example("z", "")]
    assert [task.options_of(query) for query in queries] == [(), ()]
    found = predict(engine, task, queries, settings(num_shots=0))
    assert [prediction.scores for prediction in found] == [None, None]


def test_by_default_as_many_are_shown_as_fit_with_the_longest_query(engine):
    task, notes = make_task(), []
    found = predict(engine, task, QUERIES, settings(max_tokens=300), note=notes.append)
    pool = pool_of(engine, task)
    longest = max(engine.query_tokens(task, query, 4) for query in QUERIES)
    order = shared_order(pool.pool, "random", 0)
    shots = found[0].num_shots
    assert 0 < shots < len(pool)
    lengths = [
        len(pool.sequence(order[:k], trailing_separator=True)) + longest for k in (shots, shots + 1)
    ]
    assert lengths[0] <= 300 < lengths[1]
    assert f"shown: {shots} of 30 demonstrations" in notes[-1]


def test_more_shots_than_fit_are_said_to_be_fewer(engine):
    notes: list[str] = []
    found = predict(
        engine, make_task(), QUERIES, settings(num_shots=30, max_tokens=200), note=notes.append
    )
    assert found[0].num_shots < 30
    assert "fewer than the 30 asked for" in notes[-1]


@pytest.mark.parametrize("selection", ["random", "balanced", "first", "similar", "mixed"])
def test_no_query_is_shown_itself_or_a_near_duplicate(engine, selection, monkeypatch):
    task = make_task()
    same = [Example(f"  {task.train[row].input.upper()}\n", "") for row in (0, 7)]
    queries = [*QUERIES[:2], *same]
    shown: list[set[int]] = []
    plain = Engine.prefix

    def spy(self, pool, rows):
        shown.append(set(rows))
        return plain(self, pool, rows)

    monkeypatch.setattr(Engine, "prefix", spy)
    notes: list[str] = []
    predict(engine, task, queries, settings(num_shots=28, selection=selection), note=notes.append)
    if selection in ("similar", "mixed"):
        assert len(shown) == len(queries)
        assert 0 not in shown[2]
        assert 7 not in shown[3]
        assert 7 in shown[2] or 7 in shown[0]  # allowed where it is no duplicate
    else:
        (rows,) = shown
        assert not rows & {0, 7}
        assert "left out for all queries: 2 of 30 demonstrations" in notes[0]


def test_similar_demonstrations_are_chosen_for_every_query(engine):
    task = make_task()
    found = predict(engine, task, QUERIES[:3], settings(num_shots=4, selection="similar"))
    pool = pool_of(engine, task)
    for prediction, query in zip(found, QUERIES, strict=False):
        rows = order_for_query(pool.pool, query, 4, "similar", 0)
        (answer,) = engine.choose(task, engine.prefix(pool, rows), [query])
        assert prediction.answer == answer.text
        assert prediction.scores == pytest.approx(answer.scores, abs=1e-4)


def test_a_row_too_long_on_its_own_is_passed_over_and_others_follow(engine):
    rows = [Example("long " * 200, "yes"), Example("one", "no"), Example("two words", "yes")]
    pool = pool_of(engine, make_task(rows, labels=()))
    room = len(pool.sequence([1, 2], trailing_separator=True))
    assert fitting_rows(pool, [0, 1, 2], room) == [1, 2]
    assert fitting_rows(pool, [0, 1, 2], room - 1) == [1]
    assert fitting_rows(pool, [0, 2, 1], room, most=1) == [2]


def test_queries_that_do_not_fit_are_named_by_their_rows(engine):
    queries = [QUERIES[0], Example("word " * 600, "", row=41), Example("word " * 700, "", row=43)]
    with pytest.raises(EpisodeError) as caught:
        predict(engine, make_task(), queries, settings(), source="new.csv")
    assert "new.csv row 41: the query takes" in str(caught.value)
    assert "new.csv row 43" in str(caught.value)
    assert "more than the 512 of the context" in str(caught.value)
    pool = pool_of(engine, make_task())
    assert token_budget(engine, pool, QUERIES, 4, max_tokens=100).limit == 100


def test_what_cannot_work_is_refused_before_anything_is_computed(engine, monkeypatch, tmp_path):
    def compute(*_):
        raise AssertionError("computed")

    monkeypatch.setattr(Engine, "prefix", compute)
    task = make_task()
    with pytest.raises(EpisodeError, match="asked for 31 shots, but task 'toy' has only 30"):
        predict(engine, task, QUERIES, settings(num_shots=31))
    with pytest.raises(EpisodeError, match="every demonstration of task 'toy' equals or nearly"):
        predict(engine, task, [Example(e.input, "") for e in task.train], settings())
    choice = make_task([Example("x", "a", ("a", "b"))], kind="multiple_choice", labels=())
    mixed = [Example("y", "", ("c", "d"), row=1), Example("z", "", row=2)]
    with pytest.raises(EpisodeError, match="row 2 has no options, but task 'toy' is of kind"):
        predict(engine, choice, mixed, settings())
    with pytest.raises(PrefixError, match="with selection 'similar' every query has a prefix"):
        predict(engine, task, QUERIES, settings(selection="similar"), prefix_file=tmp_path / "p")
    with pytest.raises(PrefixError, match="is a folder"):
        predict(engine, task, QUERIES, settings(), prefix_file=tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        predict(engine, task, QUERIES, settings(), prefix_file=tmp_path / "file" / "p")
    with pytest.raises(ConfigError, match="num_shots: is -1"):
        settings(num_shots=-1)
    assert predict(engine, task, [], settings()) == []


def test_every_query_is_told_to_the_progress(engine):
    done: list[int] = []
    queries = [Example(f"{query.input} {i}", "") for query in QUERIES for i in range(9)]
    found = predict(engine, make_task(), queries, settings(num_shots=1), advance=done.append)
    assert sum(done) == len(found) == 72
    assert len(done) == 3


def test_a_saved_prefix_answers_as_before_without_being_computed(engine, tmp_path, monkeypatch):
    task, path = make_task(), tmp_path / "kept" / "prefix.safetensors"
    first = predict(engine, task, QUERIES, settings(num_shots=6), prefix_file=path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    fewer = predict(engine, task, QUERIES, settings(num_shots=4))
    monkeypatch.setattr(Engine, "prefix", None)
    again = predict(engine, task, QUERIES, settings(num_shots=6), prefix_file=path)
    assert again == first
    cropped = predict(engine, task, QUERIES, settings(num_shots=4), prefix_file=path)
    for ours, expected in zip(cropped, fewer, strict=True):
        assert ours.answer == expected.answer
        assert ours.scores == pytest.approx(expected.scores, abs=1e-4)
    notes: list[str] = []
    predict(
        engine, task, QUERIES, settings(num_shots=6, seed=1), prefix_file=path, note=notes.append
    )
    assert "holds other demonstrations than selection 'random' with seed 1" in notes[0]


def test_a_saved_prefix_that_does_not_belong_is_refused(engine, tmp_path):
    task, path = make_task(), tmp_path / "prefix.safetensors"
    predict(engine, task, QUERIES, settings(num_shots=6), prefix_file=path)
    rows = shared_order(Pool(task), "random", 0)

    def refused(task, queries=QUERIES, **values):
        with pytest.raises(PrefixError) as caught:
            predict(engine, task, queries, settings(**values), prefix_file=path, source="q.csv")
        return str(caught.value)

    other = make_task(instruction="Do something else.")
    assert "opens with another instruction than task 'toy'" in refused(other)
    changed = [Example(f"{e.input} now", e.target) for e in task.train]
    changed = make_task(changed, labels=task.labels, kind="classification")
    assert "its demonstration 1 (" in refused(changed)
    assert "holds 6 demonstrations; 9 are asked for and 9 could" in refused(task, num_shots=9)
    met = [QUERIES[0], Example(task.train[rows[2]].input, "", row=9)]
    assert "nearly equal queries of q.csv (row 9)" in refused(task, met)
    # With two shots that demonstration is not shown.
    assert predict(engine, task, met, settings(num_shots=2), prefix_file=path)[1].num_shots == 2


def test_a_saved_prefix_is_cropped_to_leave_room_for_longer_queries(engine, tmp_path):
    task, path = make_task(), tmp_path / "prefix.safetensors"
    limit = {"max_tokens": 260}
    first = predict(engine, task, QUERIES, settings(**limit), prefix_file=path)
    longer = [Example(" ".join(WORDS * 3), "", row=1)]
    found = predict(engine, task, longer, settings(**limit), prefix_file=path)
    assert 0 < found[0].num_shots < first[0].num_shots
    assert found[0].scores == pytest.approx(
        predict(engine, task, longer, settings(**limit))[0].scores, abs=1e-4
    )
