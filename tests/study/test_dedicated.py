"""Dedicated fine-tuning: whose examples, which search, how many answers a step, and its score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import ARCHITECTURES, make_task
from study.toy_studies import toy_study, write_tasks

from manyicl.config import ModelConfig
from manyicl.episodes import EncodedPool, Encoder, Pool, shared_order
from manyicl.errors import ConfigError, Diverged, EpisodeError
from manyicl.evaluation.evaluate import evaluate_stage
from manyicl.evaluation.kshot import TaskSweep
from manyicl.inference import Engine
from manyicl.study import dedicated as module
from manyicl.study.cells import Cell
from manyicl.study.context import Study
from manyicl.study.dedicated import PATIENCE, Trainee, dedicated, dedicated_search
from manyicl.study.measure import _calibration_errors
from manyicl.study.run import open_study
from manyicl.tasks import Example, Task
from manyicl.training import isolation

ASKED = {
    "pool_size": 8,
    "max_queries": 0,
    "answers_per_step": 4,
    "learning_rates": [1e-3, 1e-2],
    "steps": [1, 2, 4],
    "validation": 0.25,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dedicated")
    write_tasks(folder / "tasks")
    return folder


@pytest.fixture(scope="module")
def study(folder) -> Study:
    # Long enough a context for prompts of stories.
    model = {"model_type": "llama", **ARCHITECTURES["llama"], "max_position_embeddings": 2048}
    return open_study(toy_study(folder, model__config=model))


def trainee(study: Study, folder: Path, task: str | Task = "tags3", **asked: Any) -> Trainee:
    found = study.task(task) if isinstance(task, str) else task
    return Trainee(study, found, folder / "work", ASKED | asked)


# --- pools ---------------------------------------------------------------------------------------

WORDS = (
    "red fox wood brook rose loaf king",
    "old cook shop bridge crown spoon girl",
    "tall smith hill river shell bottle clerk",
    "shy monk lake forest nail candle nurse",
    "kind guard mill meadow coin blanket baker",
    "loud widow town canal book lantern miller",
    "calm judge port harbour sword basket page",
    "wise sailor farm orchard cake feather groom",
    "bold tailor gate tunnel ring hammer bride",
    "neat painter yard fence sack mirror knight",
    "poor singer barn ditch drum ladder bishop",
    "rich hunter inn valley lamp needle uncle",
)
STORIES = [
    f"the {a} {b} went to the {c} by the {d} and brought a {e} and a {f} for the {g} at noon today"
    for a, b, c, d, e, f, g in map(str.split, WORDS)
]


def story_task(near_query: bool = True) -> Task:
    """Twelve different rows; rows 4 and 9 twice with a word changed, and row 6 is a test query."""
    texts = [*STORIES, STORIES[4].replace("noon", "dawn"), STORIES[9].replace("noon", "dawn")]
    train = [Example(text, "xy"[at % 2]) for at, text in enumerate(texts)]
    query = STORIES[6].replace("noon", "dusk") if near_query else "something else entirely"
    test = [Example(query, "x"), Example("nothing like the others", "y")]
    return make_task(train, test, "stories", labels=("x", "y"))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_pool_is_what_a_prompt_of_as_many_shots_shows(study, folder, seed):
    """Read off the sweep's prompts, token by token."""
    task = story_task()
    found = trainee(study, folder, task, pool_size=8)
    engine = study.engine()
    config = study.evaluation_config(seed, [0, 4, 8]).evaluation
    _, samples = TaskSweep(engine, task, config).run("base", held_out=True)
    pool = EncodedPool(Pool(task), engine.encoder)
    rows = [pool.pool.examples.index(example) for example in found.pool_rows(seed)]
    assert len(rows) == 8
    for sample in samples:
        shown = pool.sequence(rows[: sample.num_shots], trailing_separator=True).input_ids
        query = engine.encoder.prompt(task, sample.example.input, task.options_of(sample.example))
        assert sample.prompt == shown + query
    assert {sample.num_shots for sample in samples} == {0, 4, 8}


def test_pools_are_nested_and_hold_no_near_duplicate_of_a_query(study, folder):
    task = story_task()
    assert Pool(task).near_duplicates[4] == {12}  # the rows are what they are meant to be
    assert Pool(task).near_duplicates_of(task.test) == [{6}, set()]
    for seed in range(4):
        pools = {
            size: trainee(study, folder, task, pool_size=size).pool_rows(seed)
            for size in (4, 8, 11, 13)
        }
        order = shared_order(Pool(task), "random", seed, {6})
        assert len(order) == 11  # one of each pair, and not the query's
        for size in (4, 8, 11):
            assert pools[size] == [task.train[row] for row in order[:size]]
        # Near-duplicates of one another may both be trained on; they come last.
        assert pools[13][:11] == pools[11]
        rows = [task.train.index(example) for example in pools[13]]
        assert sorted(rows) == [row for row in range(14) if row != 6]


def test_a_pool_that_falls_short_is_refused(study, folder):
    """All but a tenth must be there: 13 rows are no 14-row pool of a task with 14."""
    found = trainee(study, folder, story_task(), pool_size=14)
    assert len(found.pool_rows(0)) == 13
    found = trainee(study, folder, story_task(), pool_size=15)
    with pytest.raises(EpisodeError) as caught:
        found.pool_rows(0)
    assert str(caught.value) == (
        "study.dedicated.pool_sizes: 15 examples of 'stories' are asked for, but only 13 are no "
        "near-duplicates of test queries. Leave that size out."
    )


# --- steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("max_tokens", [64, 100, 256])
@pytest.mark.parametrize("answers", [1, 7, 8])
def test_every_step_holds_as_many_answers_however_they_are_packed(
    study, folder, packing, max_tokens, answers
):
    found = trainee(study, folder, answers_per_step=answers)
    section = study.config.episodes
    before = section.packing, section.max_tokens
    section.packing, section.max_tokens = packing, max_tokens
    try:
        stream = found._stream(found.pool_rows(0), 0)
        plan, rows_per_step = found._plan(stream, 5)
    finally:
        section.packing, section.max_tokens = before
    assert len(plan) == 5 * rows_per_step
    for step in range(5):
        rows = plan[step * rows_per_step : (step + 1) * rows_per_step]
        assert sum(len(episode.rows) for row in rows for episode in row) == answers
    for row in plan:
        assert all(len(episode.rows) == 1 for episode in row)
        assert sum(episode.num_tokens for episode in row) <= max_tokens
    if not packing or max_tokens == 64:
        assert rows_per_step == answers
    elif max_tokens == 256 and answers == 8:  # seven do not fit, and share no smaller number
        assert rows_per_step < answers
    # Every example of the pool is shown before any is shown again.
    order = [row for rows in plan for episode in rows for row in episode.rows]
    for start in range(0, len(order) - 7, 8):
        assert sorted(order[start : start + 8]) == list(range(8))


def test_examples_too_long_for_a_sequence_are_said(study, folder, capsys):
    found = trainee(study, folder)
    rows = found.pool_rows(0)
    rows[3] = Example("long " * 100, rows[3].target)
    _, tokens, _ = found.train(rows, 1e-3, 2, 0)
    assert "left out: 1 rows of 'tags3' longer than episodes.max_tokens" in capsys.readouterr().out
    assert tokens < 8 * 100


def test_packed_and_unpacked_training_give_the_same_model(study, folder):
    section = study.config.episodes
    models = []
    for section.packing in (True, False):
        found = trainee(study, folder)
        models.append(found.train(found.pool_rows(0), 1e-3, 3, 0))
    section.packing = True
    (packed, *counts), (alone, *same) = models
    assert counts == same
    for one, other in zip(packed.parameters(), alone.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_model_whose_sequences_see_each_other_is_refused_or_not_packed(
    study, folder, monkeypatch
):
    def refuse(model: Any) -> None:
        raise ConfigError("episodes.packing: is true, but ...")

    monkeypatch.setattr(isolation, "check_isolation", refuse)
    found = trainee(study, folder)
    with pytest.raises(ConfigError, match="packing"):
        found.train(found.pool_rows(0), 1e-3, 1, 0)
    monkeypatch.setattr(study.config.episodes, "packing", False)
    found.train(found.pool_rows(0), 1e-3, 1, 0)


def test_frozen_parameters_keep_their_values(study, folder, monkeypatch):
    monkeypatch.setattr(study.config.training, "freeze", ["embed_tokens", "layers[.]0[.]"])
    found = trainee(study, folder)
    model, _, _ = found.train(found.pool_rows(0), 1e-2, 2, 0)
    base: Any = study.engine().model
    same = {
        name
        for (name, one), other in zip(model.named_parameters(), base.parameters(), strict=True)
        if torch.equal(one, other)
    }
    assert any("layers.0." in name for name in same)
    assert same == {n for n in same if "embed_tokens" in n or "layers.0." in n}


# --- the search ----------------------------------------------------------------------------------

Losses = Sequence[tuple[int, float]]


def searched(study: Study, folder: Path, trials: dict[float, Losses | None]) -> Any:
    """Search with losses written by hand; None is a rate at which the loss is not finite."""
    found = trainee(study, folder, learning_rates=list(trials))
    parts: list[tuple[list[Example], list[Example]]] = []

    def trial(kept: list[Example], held: list[Example], rate: float, seed: int) -> Any:
        parts.append((kept, held))
        losses = trials[rate]
        if losses is None:
            raise Diverged("the loss is not finite")
        return list(losses), 100 * len(losses)

    found._trial = trial
    rows = found.pool_rows(0)
    choice = found.search(rows, 0)
    for kept, held in parts:  # a quarter of eight, and nothing of it is trained on
        assert (kept, held) == (rows[:6], rows[6:])
    assert len(parts) == len(trials)
    return choice


def test_the_search_takes_the_lowest_loss_of_all_rates_and_steps(study, folder):
    choice = searched(
        study,
        folder,
        {
            1e-3: [(1, 2.0), (2, 1.5), (4, 1.2)],
            3e-3: [(1, 1.8), (2, 1.1), (4, 1.4)],
            1e-2: [(1, 1.3), (2, 1.6), (4, 1.9)],
        },
    )
    assert (choice.learning_rate, choice.steps, choice.tokens) == (3e-3, 2, 900)
    assert choice.trials == (
        *((1e-3, steps, loss) for steps, loss in [(1, 2.0), (2, 1.5), (4, 1.2)]),
        *((3e-3, steps, loss) for steps, loss in [(1, 1.8), (2, 1.1), (4, 1.4)]),
        *((1e-2, steps, loss) for steps, loss in [(1, 1.3), (2, 1.6), (4, 1.9)]),
    )


def test_of_equal_losses_the_lower_rate_and_fewer_steps_are_taken(study, folder):
    choice = searched(study, folder, {1e-2: [(1, 1.0), (2, 1.0)], 1e-3: [(2, 1.0), (4, 1.0)]})
    assert (choice.learning_rate, choice.steps) == (1e-3, 2)


def test_a_rate_that_diverges_leaves_the_others(study, folder):
    choice = searched(study, folder, {1e-3: [(1, 2.0)], 1.0: None})
    assert (choice.learning_rate, choice.steps, choice.tokens) == (1e-3, 1, 100)
    nan = float("nan")
    choice = searched(study, folder, {1.0: None, 1e-3: [(1, 2.0), (2, nan), (4, 2.5)]})
    assert choice.trials == ((1e-3, 1, 2.0), (1e-3, 4, 2.5))  # a result must be fit for JSON
    assert (choice.learning_rate, choice.steps) == (1e-3, 1)


def trial_with(study: Study, folder: Path, monkeypatch: Any, script: list[float]) -> Any:
    """A trial of as many steps as losses are written down, which are read in order."""
    found = trainee(study, folder, steps=list(range(1, len(script) + 1)))
    losses = iter(script)
    monkeypatch.setattr(module, "_mean_loss", lambda model, rows: next(losses))
    rows = found.pool_rows(0)
    return found, found._trial(rows[:6], rows[6:], 1e-3, 0)


@pytest.mark.parametrize(
    ("script", "last"),
    [
        ([3.0, 2.0, 2.5, 2.6, 1.0], 4),  # two in a row that are no lower than the lowest
        ([3.0, 2.0, 2.5, 1.9, 2.0, 2.1, 1.0], 6),  # one alone does not end it
        ([1.0, 1.5, 1.6, 0.5], 3),
        ([1.0, 1.0, 1.0, 1.0], 4),  # equal is not worse
        ([5.0, 4.0, 3.0, 2.0], 4),
        ([1.0, 9.0], 2),
    ],
)
def test_a_trial_ends_after_losses_that_are_no_lower(study, folder, monkeypatch, script, last):
    assert PATIENCE == 2
    found, (losses, tokens) = trial_with(study, folder, monkeypatch, script)
    assert losses == list(enumerate(script, 1))[:last]
    stream = found._stream(found.pool_rows(0)[:6], 0)
    shown = [next(stream) for _ in range(4 * last)]
    assert tokens == sum(episode.num_tokens for episode in shown)  # of the steps that were done


def test_the_losses_of_a_trial_are_those_of_the_model_at_these_steps(study, folder):
    """Trained anew to each number of steps, without the trial's callback, it has the same loss."""
    found = trainee(study, folder, steps=[10, 4, 6])  # with a warm-up, of two steps
    rows = found.pool_rows(0)
    losses, _ = found._trial(rows[:6], rows[6:], 1e-2, 0)
    assert [steps for steps, _ in losses] == [4, 6, 10]
    for steps, loss in losses:
        model, _, _ = found.train(rows[:6], 1e-2, steps, 0)
        alone = found._validation_rows(rows[6:], packed=False)
        assert module._mean_loss(model, alone) == pytest.approx(loss, abs=1e-5)
    assert len({loss for _, loss in losses}) == 3


@pytest.mark.parametrize("packed", [True, False])
def test_the_loss_is_the_mean_over_the_answers_tokens(study, folder, packed):
    """Read off full logits, row by row."""
    found = trainee(study, folder)
    engine = study.engine()
    rows = found.pool_rows(0)[:3]
    total, count = 0.0, 0
    for example in rows:
        demonstration = engine.encoder.demonstration(found.task, example)
        prompt = [*engine.encoder.opening(found.task), *demonstration.prompt]
        ids = torch.tensor([[*prompt, *demonstration.target]])
        with torch.no_grad():
            scores = torch.log_softmax(engine.model(ids).logits[0].double(), -1)
        for at in range(len(prompt), ids.shape[1]):
            total -= float(scores[at - 1, ids[0, at]])
            count += 1
    read = found._validation_rows(rows, packed=packed)
    assert len(read) == (1 if packed else 3)
    assert module._mean_loss(engine.model, read) == pytest.approx(total / count, abs=1e-5)
    assert not engine.model.training


# --- the cell ------------------------------------------------------------------------------------


def computed(study: Study, folder: Path, noise: int) -> list[dict[str, Any]]:
    """What the cells of one task and pool size find: the search, and a model for each of two seeds;
    without what a clock decides."""
    torch.manual_seed(noise)
    asked = ASKED | {"task": "tags3"}
    cell = Cell("dedicated_search", "tags3-8", asked | {"seed": 0})
    choice = dedicated_search(study, cell, folder, {})
    found = [choice]
    for seed in (0, 1):
        cell = Cell("dedicated", f"tags3-8-{seed}", asked | {"seed": seed})
        (row,) = dedicated(study, cell, folder, {"dedicated_search/tags3-8": choice})["dedicated"]
        found.append(row)
    assert list(folder.rglob("*")) == []  # weights and folders are gone
    for row in found[1:]:
        assert row["seconds"] > choice["seconds"] * (row["seed"] == 0)
    return [row | {"seconds": 0} for row in found]


def test_cells_are_the_same_whatever_was_random_before(study, folder, monkeypatch):
    monkeypatch.setattr(study.config.study, "seeds", [0, 1])
    choice, first, second = one = computed(study, folder / "cells", 1)
    assert computed(study, folder / "cells", 2) == one
    best = min((loss, rate, steps) for rate, steps, loss in choice["trials"])
    assert (choice["learning_rate"], choice["steps"]) == best[1:]
    # The second seed takes what the first one's pool chose; each bears the whole cost of that.
    for row in (first, second):
        assert (row["learning_rate"], row["steps"]) == best[1:]
        assert (row["pool_size"], row["supervised_answers"]) == (8, 4 * best[2])
        assert row["search_tokens"] == choice["tokens"]
    assert first["flops"] == pytest.approx(second["flops"], rel=0.2)


@pytest.mark.parametrize("name", ["tags3", "sums3"])
def test_the_score_is_that_of_an_evaluation_without_shots(study, folder, name):
    """Of the same weights, saved and evaluated like every other model of the study."""
    found = trainee(study, folder, name)
    model, tokens, supervised = found.train(found.pool_rows(0), 1e-2, 4, 0)
    score, ece = found.score(model)
    saved = folder / f"saved_{name}"
    model.save_pretrained(saved)
    study.tokenizer.save_pretrained(saved)
    engine = Engine.load(str(saved), ModelConfig(path=str(saved)), study.config.template)
    config = study.evaluation_config(0, [0])
    config.evaluation.max_queries = 0
    task = study.task(name)
    (expected,) = evaluate_stage(engine, [(task, True)], config, "tuned", saved / "kept")
    assert score == expected.mean
    errors = _calibration_errors(saved / "kept", [(task, True)])
    assert ece == (errors[name, 0] if name == "tags3" else None)
    # What it cost: sixteen sequences of one example, the answers' tokens among them.
    encoder = Encoder(study.tokenizer, study.config.template)
    stream = found._stream(found.pool_rows(0), 0)
    shown = [stream.sequence(next(stream)) for _ in range(16)]
    assert tokens == sum(map(len, shown))
    assert supervised == sum(s.stop - s.start for sequence in shown for s in sequence.spans)
    assert encoder.fingerprint() == engine.encoder.fingerprint()


def test_the_operations_are_those_of_search_and_training(study, folder):
    from manyicl.models.flops import Shape, training_flops

    found = trainee(study, folder)
    model = study.engine().model
    # 8 sequences (2 steps of 4) of 20 tokens, 3 of which are supervised; a search of 400 tokens.
    expected = training_flops(Shape.of(model), 160 + 400, 84, 20.0)
    assert found.flops(model, 160, 400, 24, 2) == expected
