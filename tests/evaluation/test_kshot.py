"""The k-shot sweep: nested prefixes read off one computation, effective k, queries kept apart."""

from __future__ import annotations

import pytest
from builders import OWN_ATTENTION, make_task, tiny_model

from manyicl.config import EvaluationConfig
from manyicl.episodes import Encoder, Pool
from manyicl.errors import EpisodeError
from manyicl.evaluation.kshot import TaskSweep, choose_queries
from manyicl.inference import Engine
from manyicl.inference.memory import Limits
from manyicl.tasks import Example


@pytest.fixture(scope="module")
def engine(tokenizer) -> Engine:
    return Engine(
        tiny_model(), Encoder(tokenizer), eos_token_id=tokenizer.eos_token_id, tokens_per_batch=200
    )


def sweep(engine: Engine, task, **settings):
    config = EvaluationConfig(**{"num_shots": [0, 1, 3, 8], "seeds": [0, 1], **settings})
    return TaskSweep(engine, task, config).run("base", held_out=True)


def by_place(samples):
    return {(s.num_shots, s.seed, s.doc_id): s for s in samples}


def test_a_sweep_off_one_prefix_equals_separate_runs_of_each_k(engine):
    task = make_task()
    _, together = sweep(engine, task)
    for k in (0, 1, 3, 8):
        scores, alone = sweep(engine, task, num_shots=[k])
        assert [score.num_shots for score in scores] == [k]
        for sample in alone:
            other = by_place(together)[k, sample.seed, sample.doc_id]
            assert other.prompt == sample.prompt
            assert other.responses == pytest.approx(sample.responses, abs=1e-4)
            assert other.prediction == sample.prediction


@pytest.mark.parametrize("num_shots", [[0, 1, 3, 8], [4]])
def test_prefixes_of_several_seeds_at_once_give_the_same_answers(tokenizer, num_shots):
    """A budget with room for two of three seeds' prefixes; without one they come one by one."""
    task = make_task()
    encoder, model = Encoder(tokenizer), tiny_model()
    found = []
    for limits in (Limits(200), Limits(200, prefix_bytes=120_000)):
        engine = Engine(model, encoder, eos_token_id=tokenizer.eos_token_id)
        engine.limits = limits
        _, samples = sweep(engine, task, num_shots=num_shots, seeds=[0, 1, 2])
        found.append(by_place(samples))
    assert Limits(200, prefix_bytes=120_000).prefixes_at_once(8 * 25 * 256, "a prefix") == 2
    for place, sample in found[0].items():
        assert found[1][place].prompt == sample.prompt
        assert found[1][place].responses == pytest.approx(sample.responses, abs=1e-5)


@pytest.mark.parametrize("architecture", sorted(OWN_ATTENTION))
def test_models_that_share_no_prefix_are_swept_from_full_prompts(architecture, tokenizer):
    """Whatever the budget: there is no prefix to hold."""
    engine = Engine(tiny_model(architecture), Encoder(tokenizer), memory_mb=8)
    task = make_task()
    _, samples = sweep(engine, task, num_shots=[0, 2], seeds=[0])
    assert len(samples) == 2 * len(task.test)


def test_a_prefix_over_the_memory_budget_is_refused_by_task(engine):
    engine.limits, before = Limits(200, prefix_bytes=1000), engine.limits
    try:
        with pytest.raises(
            EpisodeError, match=r"memory_mb: leaves 0 MB .* task 'toy' \(\d+ tokens"
        ):
            sweep(engine, make_task())
    finally:
        engine.limits = before


def test_smaller_k_shows_the_first_demonstrations_of_larger_k(engine):
    _, samples = sweep(engine, make_task())
    found = by_place(samples)
    for seed in (0, 1):
        for small, large in ((0, 1), (1, 3), (3, 8)):
            prefixes = [
                found[k, seed, 0].prompt[: -len(found[0, seed, 0].prompt) or None]
                for k in (small, large)
            ]
            assert prefixes[1][: len(prefixes[0])] == prefixes[0]
    assert found[8, 0, 0].prompt != found[8, 1, 0].prompt


def test_every_answer_equals_one_query_asked_alone(engine):
    task = make_task()
    _, samples = sweep(engine, task, num_shots=[3], seeds=[0])
    for sample in samples:
        single = make_task(test=[task.test[sample.doc_id]])
        _, (alone,) = sweep(engine, single, num_shots=[3], seeds=[0])
        assert alone.prompt == sample.prompt
        assert alone.responses == pytest.approx(sample.responses, abs=1e-4)


def test_scores_are_the_means_over_seeds_of_the_predictions(engine):
    scores, samples = sweep(engine, make_task())
    for score in scores:
        for seed, value in zip(score.seeds, score.by_seed, strict=True):
            hits = [
                s.prediction == s.example.target
                for s in samples
                if (s.num_shots, s.seed) == (score.num_shots, seed)
            ]
            assert value == pytest.approx(sum(hits) / len(hits))
        assert score.mean == pytest.approx(sum(score.by_seed) / 2)
        assert score.chance == pytest.approx(1 / 3)
        assert (score.effective_shots, score.num_queries) == (score.num_shots, 6)


def test_fewer_shots_than_asked_are_reported_where_no_more_fit(engine):
    task = make_task()
    whole = TaskSweep(engine, task, EvaluationConfig(num_shots=[8]))
    longest = max(engine.query_tokens(task, query, 64) for query in task.test)
    room = whole.pool.sequence(range(3), trailing_separator=True).stops[-1]
    scores, samples = sweep(engine, task, max_tokens=room + longest)
    effective = {score.num_shots: score.effective_shots for score in scores}
    assert effective[0] == 0
    assert effective[1] == 1
    assert 1 < effective[8] < 8
    for sample in samples:
        assert len(sample.prompt) <= room + longest


def test_generation_tasks_are_scored_by_their_metric(engine):
    task = make_task(
        [Example(f"say number {i}", str(i)) for i in range(12)],
        [Example("say number 40", "40"), Example("say number 41", "41", references=("41", "fig"))],
        metric="numeric",
        family="math",
    )
    scores, samples = sweep(engine, task, num_shots=[0, 2], max_new_tokens=5)
    assert {score.scoring for score in scores} == {"generate"}
    assert {score.chance for score in scores} == {None}
    assert set(scores[0].metrics) == {"numeric", "exact_match"}
    assert all(sample.arguments == ["max_new_tokens"] or sample.arguments for sample in samples)


@pytest.mark.parametrize("first", [0, 1])
def test_the_kind_decides_how_answers_are_found_not_the_first_row(engine, first):
    rows = [Example("say red", "red", ("red", "blue")), Example("say blue", "blue")]
    test = [rows[first], rows[1 - first]]
    train = [Example(f"say number {i}", str(i)) for i in range(4)]
    task = make_task(train, test, kind="generation", labels=("red", "blue"))
    scores, samples = sweep(engine, task, num_shots=[0, 2], max_new_tokens=3)
    assert {score.scoring for score in scores} == {"generate"}
    assert all(sample.responses == [sample.prediction] for sample in samples)


@pytest.mark.parametrize("selection", ["random", "balanced", "first", "similar", "mixed"])
def test_a_query_never_meets_itself_or_a_near_duplicate(engine, selection):
    task = make_task()
    leak = [Example(task.test[0].input.upper() + " ", task.test[0].target), *task.train]
    task = make_task(train=leak, test=task.test, labels=task.labels, kind="classification")
    _, samples = sweep(engine, task, num_shots=[8], selection=selection)
    for sample in samples:
        if sample.doc_id == 0:
            assert leak[0].input not in engine.encoder.decode(list(sample.prompt))


def test_similar_demonstrations_stand_next_to_the_query(engine):
    task = make_task()
    _, samples = sweep(engine, task, num_shots=[3], selection="similar")
    pool = Pool(task)
    for sample in samples:
        query = task.test[sample.doc_id]
        text = engine.encoder.decode(list(sample.prompt))
        near = pool.near_duplicates_of([query])[0]
        best = next(row for row in pool.by_similarity(query.input) if row not in near)
        demonstrations = text.split("Input: ")[1:-1]
        assert demonstrations[-1].startswith(task.train[best].input)


def test_queries_are_a_fixed_part_of_the_test_split(engine):
    task = make_task(test=[Example(f"item {i}", "positive") for i in range(50)])
    assert choose_queries(task, 0) == list(enumerate(task.test))
    chosen = choose_queries(task, 10)
    assert chosen == choose_queries(task, 10)
    assert len({index for index, _ in chosen}) == 10
    assert [index for index, _ in chosen] == sorted(index for index, _ in chosen)
    assert set(choose_queries(task, 5)) <= set(chosen)


def test_more_shots_than_the_pool_holds_is_refused(engine):
    with pytest.raises(EpisodeError, match=r"asks for 31 shots.*'toy' has only 30.*at most 30"):
        sweep(engine, make_task(), num_shots=[31])


def test_an_over_long_query_is_refused_naming_its_row(engine):
    task = make_task(test=[Example("fine", "positive"), Example("long " * 600, "negative")])
    with pytest.raises(EpisodeError, match=r"'toy', test row 2: the query takes \S+ tokens.*512"):
        sweep(engine, task)


def test_answers_that_reach_the_limit_are_counted_and_marked(engine):
    rows = [Example(f"say {i}", "word " * 9) for i in range(12)]
    task = make_task(rows[:8], rows[8:], kind="generation", metric="exact_match", labels=())
    config = EvaluationConfig(num_shots=[0, 2], seeds=[0], max_new_tokens=3)
    made = TaskSweep(engine, task, config)
    assert made.too_long_gold() == 4
    scores, samples = made.run("base", held_out=True)
    for score in scores:
        marked = [s.cut for s in samples if s.num_shots == score.num_shots]
        assert score.cut == sum(marked) / len(marked) == 1.0  # it never says the end mark
        assert samples[0].as_record()["arguments"] == [{"max_new_tokens": 3}]
    longest = max(len(engine.encoder.target(e.target)) for e in task.test)
    roomy = EvaluationConfig(num_shots=[0], max_new_tokens=longest)
    assert TaskSweep(engine, task, roomy).too_long_gold() == 0
    closed, _ = sweep(engine, make_task())
    assert {score.cut for score in closed} == {0.0}


@pytest.mark.parametrize(
    ("selection", "seeds"),
    [("random", (0, 1)), ("mixed", (0, 1)), ("similar", (0,)), ("first", (0,))],
)
def test_seeds_that_decide_nothing_are_not_repeated(engine, selection, seeds):
    scores, samples = sweep(engine, make_task(), num_shots=[2], selection=selection)
    assert scores[0].seeds == seeds
    assert {sample.seed for sample in samples} == set(seeds)


def test_the_level_of_guessing_is_that_of_each_querys_options(engine):
    rows = [
        Example(f"pick {i}", "a", ("a", "b") if i % 2 else ("a", "b", "c", "d")) for i in range(8)
    ]
    task = make_task(rows[:4], rows[4:], kind="multiple_choice", labels=())
    assert {score.chance for score in sweep(engine, task, num_shots=[1])[0]} == {0.375}
    macro = make_task(metric="macro_f1")
    assert {score.chance for score in sweep(engine, macro, num_shots=[1])[0]} == {None}
