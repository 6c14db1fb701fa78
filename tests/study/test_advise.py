"""Advice: the rules on curves written by hand, what a study lets expect, and the measuring."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from builders import byte_level_tokenizer, make_task, tiny_model
from scipy import stats

from manyicl.config import load_config
from manyicl.episodes import Encoder
from manyicl.errors import ConfigError, EpisodeError
from manyicl.inference import Engine
from manyicl.study.advice.advise import Advice, advise
from manyicl.study.advice.curve import AdviseSettings, set_aside, shot_numbers
from manyicl.study.advice.dedicated_outlook import outlook, regime_of_run
from manyicl.study.advice.rules import (
    Effect,
    Estimate,
    Measured,
    above,
    choose,
    judge,
    mean_over_few,
    mean_over_queries,
    more_shots,
    queries_needed,
    similar_shots,
    t_quantile,
)
from manyicl.study.advice.text import findings, notes, recommendation, train_command
from manyicl.study.records import Dedicated, Score, StudyResults, TaskInfo
from manyicl.tasks import Example
from manyicl.training.run import held_in_tasks


def point(
    num_shots: int, right: int, queries: int = 100, selection: str = "random", seeds: int = 3
):
    """A point at which the first `right` of the queries are answered well, by every seed."""
    row = [1.0] * right + [0.0] * (queries - right)
    scores = np.array([row] * (1 if selection == "similar" else seeds))
    return Measured(selection, num_shots, float(num_shots), scores, 10.0 * (num_shots + 1))


def rows(count: int, name: str = "toy", **more):
    """A task of distinct rows."""
    train = [
        Example(f"letter {i} about {w} and {v}", ("good", "bad")[i % 3 == 0])
        for i, (w, v) in enumerate(
            (f"w{a}", f"v{b}") for a in range(20) for b in range(20) if (a + b) % 2
        )
    ][:count]
    return make_task(train, name=name, labels=("good", "bad"), **more)


# --- intervals -----------------------------------------------------------------------------------


def test_quantiles_are_those_of_students_t():
    for degrees in (*range(1, 41), 60, 200, 1000):
        assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=0.01)


def test_the_interval_over_tasks_is_the_t_interval():
    values = [0.02, 0.05, -0.01, 0.04]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    found = mean_over_few(values)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3)


def test_answers_that_are_all_alike_leave_the_share_of_the_rule_of_three():
    right = mean_over_queries(np.ones((3, 30)))
    assert (right.value, right.low, right.high) == pytest.approx((1, 0.9, 1))
    same = mean_over_queries(np.zeros((3, 60)), -1.0)
    assert (same.low, same.high) == pytest.approx((-0.05, 0.05))


def test_the_interval_over_queries_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        found = mean_over_queries((random.random((1, 12)) < 0.4).astype(float))
        hits += found.low <= 0.4 <= found.high
    assert hits >= 184


# --- rules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.001, 0.2, "yes"),
        (-0.02, 0.029, "no"),
        (-0.2, -0.1, "no"),
        (-0.02, 0.031, "cannot_tell"),
        (0.0, 0.1, "cannot_tell"),
        (0.001, 0.002, "yes"),
    ],
)
def test_an_interval_decides(low, high, said):
    assert judge(Estimate((low + high) / 2, low, high)) == said
    few = judge(Estimate((low + high) / 2, low, high), enough=False)
    assert few == ("cannot_tell" if said == "no" else said)


def test_more_shots_compares_the_largest_k_with_half_of_it():
    curve = [point(0, 20), point(8, 40), point(16, 50), point(32, 70)]
    found = more_shots(curve)
    assert (found.verdict, found.num_shots, found.against) == ("yes", 32, 16)
    assert found.gain
    assert found.gain.value == pytest.approx(0.2)
    # Of 200 queries none changes: at most 3/200 may, which is less than 3 points.
    flat = more_shots([point(16, 100, 200), point(32, 100, 200)])
    assert flat.verdict == "no"
    assert flat.queries_needed is None
    # Of 40 none changes either, but 3/40 is more than 3 points.
    few = more_shots([point(16, 20, 40), point(32, 20, 40)])
    assert few.verdict == "cannot_tell"
    assert few.queries_needed == 250
    assert more_shots([point(0, 5)]).gain is None
    assert more_shots([point(0, 5), point(1, 40)]).verdict == "yes"


def test_with_few_queries_it_never_says_that_there_is_no_gain():
    worse = [point(4, 20, 20), point(8, 8, 20)]
    assert more_shots(worse).verdict == "cannot_tell"
    enough = [point(4, 40, 40), point(8, 16, 40)]
    assert more_shots(enough).verdict == "no"


def test_similar_shots_are_compared_at_the_same_k():
    curve = [point(4, 30), point(8, 40), point(4, 90, selection="similar")]
    found = similar_shots(curve)
    assert (found.verdict, found.num_shots, found.against) == ("yes", 4, 4)
    assert found.gain
    assert found.gain.value == pytest.approx(0.6)
    assert similar_shots([point(4, 30)]).gain is None


def test_pairing_finds_what_separate_scores_would_not():
    # 6 more of 100: each score's interval is about 20 points wide, the difference's is not.
    found = more_shots([point(8, 50), point(16, 56)])
    assert found.verdict == "yes"


def test_queries_needed_shrink_the_interval_to_what_has_to_be_cleared():
    # Half-width 0.12 at 40 queries, gain 0.06: it has to halve, which takes four times as many.
    assert queries_needed(Estimate(0.06, -0.06, 0.18), 40) == 160
    assert queries_needed(Estimate(0.0, -0.06, 0.06), 40) == 160


def test_a_curve_at_the_level_of_guessing_is_called_so():
    guesses = [1.0] * 40 + [0.0] * 60
    assert above([point(0, 38), point(8, 41)], guesses) == "no"
    assert above([point(0, 38), point(8, 70)], guesses) == "yes"
    luck = Measured("random", 8, 8.0, np.array([[0.0] * 28 + [1.0] * 45 + [0.0] * 27]), 1.0)
    assert above([luck], guesses) == "cannot_tell"  # 45 against 40, on other queries
    few = [Measured("random", k, float(k), np.zeros((1, 8)), 1.0) for k in (0, 8)]
    assert above(few, np.zeros(8)) == "cannot_tell"  # eight queries never show that it cannot


def test_of_many_points_one_that_is_lucky_is_no_proof():
    guesses = [1.0] * 40 + [0.0] * 60
    alone = point(8, 46)  # paired with the guesses, 6 more of 100
    assert above([alone], guesses) == "yes"
    assert above([alone, *(point(k, 40) for k in range(20))], guesses) == "cannot_tell"


def test_the_fewest_shots_within_a_point_of_the_best_are_chosen():
    curve = [point(0, 20), point(4, 60), point(8, 70), point(16, 71), point(32, 70)]
    assert (choose(curve, "no").selection, choose(curve, "no").num_shots) == ("random", 8)
    both = [*curve, point(4, 90, selection="similar"), point(8, 88, selection="similar")]
    assert choose(both, "cannot_tell").selection == "random"
    chosen = choose(both, "yes")
    assert (chosen.selection, chosen.num_shots, chosen.score.value) == ("similar", 4, 0.9)
    assert chosen.over_random
    assert chosen.over_random.value == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("held", "most", "shots"),
    [
        (1, 0, [0, 1]),
        (15, 0, [0, 1, 2, 4, 8]),
        (16, 0, [0, 1, 2, 4, 8, 16]),
        (100, 8, [0, 1, 2, 4, 8]),
        (100, 1, [0, 1]),
    ],
)
def test_shots_double_up_to_what_is_held(held, most, shots):
    assert shot_numbers(held, most) == shots


# --- dedicated -----------------------------------------------------------------------------------


def study(gains: dict[str, list[float]], pool_sizes=(16, 256), **more) -> StudyResults:
    """A study with tasks of families, whose dedicated models gain what is said at any size."""
    tasks, scores, dedicated = [], [], []
    for family, values in gains.items():
        for number, gain in enumerate(values):
            name = f"{family}_{number}"
            tasks.append(TaskInfo(name, family, name, True, "accuracy", "classification", 2))
            for seed in (0, 1):
                base = 0.5 + 0.1 * seed
                for k, score in ((8, 0.1), (64, base)):
                    scores.append(Score("many_shot", "tokens", seed, name, k, k, score))
                    scores.append(Score("many_shot", "targets", seed, name, k, k, 0.0))
                    scores.append(Score("base", "none", seed, name, k, k, score - 0.3))
                    scores.append(Score("many_shot", "tokens", seed, name, k, k, 1.0, "similar"))
                for size in pool_sizes:
                    more_rows = 0.0 if size == 16 else gain
                    dedicated.append(
                        Dedicated(
                            name, size, seed, base + more_rows, 1e-3, 8, 100 * size, 300 * size, 8,
                            0.5 * size, 1e9,
                        )
                    )  # fmt: skip
    return StudyResults(
        "made", tuple(tasks), scores=tuple(scores), dedicated=tuple(dedicated), **more
    )


def test_the_outlook_pairs_dedicated_models_with_the_reference_at_its_largest_k():
    task = make_task(family="nli")
    found = outlook(study({"nli": [0.10, 0.11, 0.12, 0.13], "qa": [0.5] * 4}), task, 300)
    assert (found.verdict, found.among) == ("yes", "family nli")
    assert (found.reference, found.reference_shots) == ("many_shot", 64)
    nearest = found.nearest
    assert nearest
    assert (nearest.pool_size, nearest.num_tasks) == (256, 4)
    expected = mean_over_few([0.10, 0.11, 0.12, 0.13])
    assert nearest.gain.value == pytest.approx(0.115)
    assert (nearest.gain.low, nearest.gain.high) == pytest.approx((expected.low, expected.high))
    assert nearest.score.value == pytest.approx(0.55 + 0.115)
    assert (nearest.tokens, nearest.seconds) == (400 * 256, 128)
    assert [p.pool_size for p in found.curve] == [16, 256]
    # 16 rows: nothing gained by any of them.
    assert outlook(study({"nli": [0.1] * 4}), task, 20).verdict == "no"
    over_base = outlook(study({"nli": [0.1] * 3}), task, 300, regime="base")
    assert over_base.nearest
    assert over_base.nearest.gain.value == pytest.approx(0.4)


def test_a_verdict_rests_on_pools_on_the_safe_side_of_the_users_rows():
    """No gain on few rows says nothing of many, nor a gain on many of few."""
    task = make_task(family="nli")
    nothing = study({"nli": [0.0] * 4}, pool_sizes=(64,))
    assert outlook(nothing, task, 64).verdict == "no"
    assert outlook(nothing, task, 79).verdict == "no"  # nearly as many
    assert outlook(nothing, task, 20).verdict == "no"
    assert outlook(nothing, task, 10_000).verdict == "cannot_tell"
    gained = study({"nli": [0.10, 0.11, 0.12, 0.13]}, pool_sizes=(1000,))
    assert outlook(gained, task, 10_000).verdict == "yes"
    assert outlook(gained, task, 20).verdict == "cannot_tell"
    both = outlook(study({"nli": [0.10, 0.11, 0.12, 0.13]}), task, 100)
    assert (both.verdict, both.nearest and both.nearest.pool_size) == ("cannot_tell", 256)


def test_the_reference_answers_with_the_shots_it_was_tuned_for():
    """Zero-shot fine-tuning at 0 shots: at 64 it would be worse, and a dedicated model a gain."""
    made = study({"nli": [0.1] * 4})
    zero = [
        Score("zero_shot", "tokens", s.seed, s.task, k, k, value)
        for s in made.scores
        if (s.regime, s.budget, s.num_shots, s.selection) == ("many_shot", "tokens", 64, "random")
        for k, value in ((0, 0.9), (64, 0.2))
    ]
    found = outlook(
        dataclasses.replace(made, scores=(*made.scores, *zero)), task := make_task(family="nli"),
        300, regime="zero_shot",
    )  # fmt: skip
    assert (found.reference, found.reference_shots) == ("zero_shot", 0)
    assert found.nearest
    assert found.nearest.gain.value == pytest.approx(0.65 - 0.9)
    assert found.verdict == "no"
    said = recommendation(advice(dedicated=found))
    assert "over zero-shot fine-tuning with 0 shots in the study" in said
    assert outlook(made, task, 300, regime="zero_shot").reference == "many_shot"


def test_a_family_with_too_few_tasks_gives_way_to_the_kind():
    task = make_task(family="nli")
    found = outlook(study({"nli": [0.1] * 2, "qa": [0.2] * 2}), task, 300)
    assert found.among == "kind classification"
    assert found.nearest
    assert found.nearest.num_tasks == 4
    none = outlook(study({"qa": [0.2] * 2}), task, 300)
    assert (none.verdict, none.nearest) == ("cannot_tell", None)
    assert "fewer than 3 held-out tasks of family nli" in none.reason
    empty = outlook(StudyResults("empty"), task, 300)
    assert "no scores" in empty.reason


def test_tasks_that_were_trained_on_and_the_task_itself_do_not_count():
    made = study({"nli": [0.1] * 4})
    inside = dataclasses.replace(
        made, tasks=tuple(dataclasses.replace(t, held_out=t.task == "nli_0") for t in made.tasks)
    )
    assert outlook(inside, make_task(family="nli"), 300).nearest is None
    found = outlook(made, make_task(family="nli", name="nli_1"), 300)
    assert found.nearest
    assert found.nearest.num_tasks == 3


def test_the_reference_is_the_way_the_run_was_tuned():
    assert regime_of_run(None) == "base"
    assert regime_of_run({"config": {"regime": "few_shot"}}) == "few_shot"
    assert regime_of_run({"config": {"regime": "dedicated"}}) == "many_shot"


# --- words ---------------------------------------------------------------------------------------


def advice(**more) -> Advice:
    curve = [point(8, 60), point(16, 70)]
    settings = {
        "task": "mail",
        "model": "runs/mine",
        "rows": 300,
        "metric": "accuracy",
        "task_metric": "accuracy",
        "num_queries": 100,
        "num_seeds": 3,
        "pool_rows": 225,
        "context_shots": 30,
        "majority": 0.4,
        "chance": 0.25,
        "does_task": "yes",
        "more_shots": more_shots(curve),
        "similar": similar_shots(curve),
        "choice": choose(curve, "no"),
        "base": "nano",
    }
    return Advice(**{**settings, **more})


def test_the_recommendation_names_shots_gain_and_what_it_cannot_tell():
    text = recommendation(advice())
    assert text.startswith("Use 16 random shots (expected 70.0 % [")
    assert "Add shots: the last doubling gained +10.0 points [" in text
    assert "A longer context would hold more of your rows." in text
    assert "cannot tell what it would gain without a study" in text
    found = outlook(study({"nli": [0.10, 0.11, 0.12]}), make_task(family="nli"), 300)
    text = recommendation(advice(dedicated=found))
    assert "A dedicated fine-tune on your 300 rows is worth trying: it gained +11.0 points" in text
    other = dataclasses.replace(found, same_model=False, study_model="big")
    assert "(numbers of another model)" in recommendation(advice(dedicated=other))
    assert "another model (big; yours began as nano)" in " ".join(notes(advice(dedicated=other)))
    wide = outlook(study({"nli": [0.1, -0.2, 0.3]}), make_task(family="nli"), 300)
    assert "cannot tell" in recommendation(advice(dedicated=wide))


def test_what_would_hold_more_shots_is_said():
    def way(**more) -> str:
        return dict(findings(advice(**more)))["more shots"]

    assert "A longer context" in way()
    assert "Collecting more examples" in way(pool_rows=30)
    assert "--max-shots" in way(context_shots=40)


def test_a_model_that_only_guesses_is_told_to_be_tuned():
    text = recommendation(advice(does_task="no"))
    assert text.startswith(
        "The model does not do this task at any number of shots, as far as 100 queries show: no "
        "score is clearly above the 40.0 % of guessing. Only a dedicated fine-tune can help."
    )
    assert "Use " not in text
    text = recommendation(advice(does_task="cannot_tell"))
    assert text.startswith("Cannot tell whether the model does this task: on 100 queries no score")
    assert "Best so far: 16 random shots, 70.0 % [" in text
    assert "Add shots" not in text


def test_queries_that_the_task_cannot_give_are_named():
    few = Effect("cannot_tell", "random", Estimate(0.0, -0.1, 0.1), 16, 8, 440)
    text = dict(findings(advice(more_shots=few)))["more shots"]
    assert "About 440 queries" in text
    assert "1,760 train rows; you have 300" in text


def test_the_command_of_a_dedicated_fine_tune_is_one_that_runs(tmp_path):
    from manyicl.tasks import write_task

    folder = tmp_path / "my tasks" / "toy"
    write_task(rows(20), folder)
    import shlex

    for told in (advice(task="toy", folder=str(folder)), advice(task="ticket_team")):
        words = shlex.split(train_command(told))
        assert words[:2] == ["manyicl", "train"]
        config = load_config(None, words[2:])
        assert config.regime == "dedicated"
        assert [task.name for task in held_in_tasks(config)] == [told.task]


# --- measuring -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("advise")
    tiny_model(vocab_size=400).save_pretrained(folder)
    byte_level_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(tiny_model(vocab_size=400), Encoder(byte_level_tokenizer()))


def closed(task):
    """The task, with a test split that nobody may open."""

    def load(split):
        assert split == "train", "the test split was opened"
        return task.train

    return dataclasses.replace(task, load=load)


def test_queries_are_set_aside_from_the_train_rows(engine):
    task = closed(rows(60))
    parted, too_long = set_aside(engine, task, AdviseSettings())
    assert (len(parted.test), len(parted.train), too_long) == (15, 45, 0)
    assert set(parted.test).isdisjoint(parted.train)
    assert {*parted.test, *parted.train} == set(task.train)
    assert len(set_aside(engine, task, AdviseSettings(queries=9))[0].test) == 9
    assert len(set_aside(engine, closed(rows(16)), AdviseSettings())[0].test) == 8
    again = set_aside(engine, task, AdviseSettings())[0]
    other = set_aside(engine, task, AdviseSettings(seed=1))[0]
    assert again.test == parted.test != other.test


def test_rows_too_long_for_the_context_are_passed_over_and_counted(engine):
    task = rows(40)
    long = [Example("word " * 300 + str(i), "good") for i in range(20)]
    parted, too_long = set_aside(
        engine, make_task([*task.train, *long], labels=("good", "bad")), AdviseSettings()
    )
    assert too_long > 0
    assert not set(long) & set(parted.test)
    assert len(parted.test) + len(parted.train) == 60
    with pytest.raises(EpisodeError, match=r"toy.*do not fit the 512 tokens"):
        set_aside(engine, make_task(long, labels=("good", "bad")), AdviseSettings())


def test_the_curve_is_the_sweep_of_the_evaluation(model, engine):
    from manyicl.config import EvaluationConfig
    from manyicl.evaluation.kshot import TaskSweep

    told = []
    settings = AdviseSettings(queries=10, seeds=2, max_shots=4)
    found = advise(closed(rows(48)), model, settings, advance=lambda *step: told.append(step))
    assert [(p.selection, p.num_shots) for p in found.curve] == [
        ("random", 0), ("random", 1), ("random", 2), ("random", 4),
        ("similar", 1), ("similar", 2), ("similar", 4),
    ]  # fmt: skip
    assert told == [
        (1, 5, "random, draw 1"), (2, 5, "random, draw 2"), (3, 5, "similar, 1 shot"),
        (4, 5, "similar, 2 shots"), (5, 5, "similar, 4 shots"),
    ]  # fmt: skip
    parted, _ = set_aside(engine, rows(48), settings)
    for selection, seeds in (("random", [0, 1]), ("similar", [0])):
        config = EvaluationConfig(
            num_shots=[0, 1, 2, 4],
            seeds=seeds,
            selection=selection,  # type: ignore[arg-type]
            max_queries=0,
        )
        scores, samples = TaskSweep(engine, parted, config).run("x", True)
        expected = {score.num_shots: score.mean for score in scores}
        for p in found.curve:
            if p.selection == selection:
                assert p.score.value == pytest.approx(expected[p.num_shots])
                lengths = [len(s.prompt) for s in samples if s.num_shots == p.num_shots]
                assert p.prompt_tokens == pytest.approx(np.mean(lengths))
    shares = [sum(e.target == "good" for e in part) / len(part) for part in
              (parted.train, parted.test)]  # fmt: skip
    assert found.majority == pytest.approx(shares[1] if shares[0] > 0.5 else 1 - shares[1])
    assert found.chance == 0.5
    assert (found.num_queries, found.num_seeds) == (10, 2)
    json.loads(found.to_json())


def test_near_copies_of_queries_are_not_counted_as_pool(model):
    task = rows(32)
    double = make_task([*task.train, *task.train], labels=("good", "bad"))
    found = advise(closed(double), model, AdviseSettings(queries=8, seeds=1, max_shots=1))
    assert found.pool_rows <= 32 - 4  # 8 queries, at most 4 pairs of which are twins
    same = make_task([Example("the same letter", "good")] * 20, labels=("good", "bad"))
    found = advise(closed(same), model)
    assert "nothing to show" in found.refusal
    assert recommendation(found).startswith("Cannot tell about shots: every train row equals")


def test_generated_answers_and_macro_f1_are_measured(model):
    written = make_task([Example(f"add {i} and {i * i}", str(i + i * i)) for i in range(24)])
    found = advise(closed(written), model, AdviseSettings(seeds=1, max_shots=1, max_new_tokens=3))
    assert found.chance is None
    assert len(found.curve) == 3
    found = advise(closed(rows(24, metric="macro_f1")), model, AdviseSettings(seeds=1, max_shots=1))
    assert found.metric == "accuracy"
    assert any("not macro_f1, which is no mean over queries" in note for note in notes(found))


def test_too_few_rows_are_no_reason_to_guess(model):
    found = advise(closed(rows(15)), model, study=study({"classification": [0.1] * 3}))
    assert not found.curve
    assert recommendation(found).startswith("Cannot tell about shots: the task has 15 train rows")
    assert found.dedicated is not None
    assert found.dedicated.nearest is not None  # a study may still tell about fine-tuning
    assert [question for question, _ in findings(found)] == ["dedicated fine-tune"]


def test_a_context_that_holds_no_demonstration_is_refused(model):
    with pytest.raises(EpisodeError, match="no demonstration fits"):
        advise(closed(rows(20)), model, AdviseSettings(max_tokens=60))


@pytest.mark.parametrize("key", ["queries", "seeds", "max_shots", "max_tokens", "max_new_tokens"])
def test_settings_out_of_range_are_refused(key):
    with pytest.raises(ConfigError, match=f"--{key.replace('_', '-')}: is -1"):
        AdviseSettings(**{key: -1})
