"""Baselines: known answers on small tasks, and the recorded numbers measured again."""

import builtins

import pytest

from manyicl.errors import ManyICLError
from manyicl.evaluation.baselines import majority, measure, nearest_bm25, tfidf_logistic
from manyicl.tasks import Example, Task
from manyicl.tasks.builtin import builtin_tasks
from manyicl.tasks.builtin.baselines import recorded_baselines


def task_of(train, test, kind="classification", metric="accuracy", labels=()):
    splits = {"train": train, "test": test}
    return Task("t", "other", kind, metric, "t", lambda split: splits[split], labels=labels)


def answers(baseline, task):
    return baseline(task, task.train, task.test)


def test_the_majority_is_the_most_frequent_label():
    train = [Example(str(i), "ab"[i % 3 == 0]) for i in range(9)]
    task = task_of(train, [Example("x", "a"), Example("y", "b")], labels=("a", "b"))
    assert answers(majority, task) == ["a", "a"]


def test_the_majority_of_options_is_a_place():
    train = [Example(str(i), f"r{i}", (f"w{i}", f"r{i}", "z")) for i in range(5)]
    test = [Example("q", "k", ("k", "l", "m")), Example("r", "u", ("t", "u"))]
    assert answers(majority, task_of(train, test, "multiple_choice")) == ["l", "u"]


def test_the_majority_of_texts_is_the_one_most_like_the_others():
    targets = ["the red car", "the red bus", "the red car stops", "nothing here", "nothing here"]
    train = [Example(str(i), target) for i, target in enumerate(targets)]
    test = [Example("x", "the red car")]
    assert answers(majority, task_of(train, test, "generation", "rouge_l")) == ["the red car"]
    assert answers(majority, task_of(train, test, "generation", "exact_match")) == ["nothing here"]


def test_the_neighbour_s_answer_is_copied():
    train = [Example("where is my parcel", "delivery"), Example("my card was charged", "payment")]
    test = [Example("the card again", "payment"), Example("a late parcel", "delivery")]
    task = task_of(train, test, labels=("payment", "delivery"))
    assert answers(nearest_bm25, task) == ["payment", "delivery"]
    assert measure(task).nearest_bm25 == 1.0


def test_the_neighbour_is_looked_for_in_five_sets_of_64_and_of_32_rows():
    # The one row that knows stands at place 40: in the first set of 64, in the second of 32.
    train = [Example(f"filler {i}", "a") for i in range(400)]
    train[40] = Example("parcel", "b")
    found = measure(task_of(train, [Example("parcel", "b")], labels=("a", "b")))
    assert found.nearest_bm25 == found.nearest_bm25_32 == 1 / 5
    train[70] = Example("parcel", "b")  # the second set of 64, the third of 32
    train[170] = Example("parcel", "b")  # the third set of 64, behind the five of 32
    found = measure(task_of(train, [Example("parcel", "b")], labels=("a", "b")))
    assert (found.nearest_bm25, found.nearest_bm25_32) == (3 / 5, 2 / 5)


def test_among_options_the_neighbour_s_answer_picks_the_one_most_like_it():
    train = [Example("what do plants take in", "carbon dioxide", ("carbon dioxide", "neon"))]
    test = [
        Example("what do plants need", "the dioxide", ("helium", "the dioxide")),
        Example("plants", "helium", ("helium", "argon")),
    ]
    task = task_of(train, test, "multiple_choice")
    assert answers(nearest_bm25, task) == ["the dioxide", "helium"]


def test_the_classifier_learns_what_words_and_pairs_tell_and_takes_one_label_for_what_it_is():
    def row(i):
        return Example(f"{'not ' if i % 2 else ''}good {i % 7} {'' if i % 2 else 'not '}bad",
                       "down" if i % 2 else "up")  # fmt: skip

    rows = [row(i) for i in range(60)]
    assert tfidf_logistic(rows[:40], rows[40:]) == [e.target for e in rows[40:]]
    assert tfidf_logistic([Example("a", "x"), Example("b", "x")], rows[:2]) == ["x", "x"]


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *args):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    rows = [Example("a", "x"), Example("b", "y")]
    with pytest.raises(ManyICLError, match=r"needs scikit-learn.*pip install 'manyicl\[dev\]'"):
        measure(task_of(rows, rows, labels=("x", "y")))


@pytest.mark.parametrize("name", ["ticket_team", "notice_choice", "shop_change"])
def test_measured_again_a_built_in_task_has_its_recorded_baselines(name):
    (task,) = (task for task in builtin_tasks() if task.name == name)
    found, recorded = measure(task), recorded_baselines()[name]
    assert found.rows == recorded.rows
    assert found.input_words == recorded.input_words
    assert found.scores() == pytest.approx(recorded.scores(), abs=0.02)  # solvers differ a little
