"""What single tokens say about labels, against a slow count of every rule."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.tasks import Example, Task
from manyicl.tasks.check import check_task
from manyicl.tasks.surface_cues import MIN_ROWS, majority_share, surface_cues, tokens_of

FILLER = ("oak", "elm", "ash", "fir", "yew")


def example(row, label, *tokens):
    """A row with the given tokens and one of a few words that say nothing."""
    return Example(" ".join((*tokens, FILLER[row // 7 % 5])), label)


def best_rule(examples, min_rows=10):
    """Accuracy of the best 'if the token is there A, otherwise B', by trying all of them."""
    labels = {e.target for e in examples}
    best = max(sum(e.target == label for e in examples) for label in labels)
    for token in set.union(*(tokens_of(e.input) for e in examples)):
        there = [e.target for e in examples if token in tokens_of(e.input)]
        away = [e.target for e in examples if token not in tokens_of(e.input)]
        if len(there) >= min_rows:
            with_it = max(there.count(label) for label in labels)
            without = max(away.count(label) for label in labels)
            best = max(best, with_it + without)
    return best / len(examples)


def test_tokens_are_words_numbers_signs_and_parts_of_hyphenated_words():
    assert tokens_of("Don't re-send 12.5 kg!") == {
        "don't", "don", "t", "re-send", "re", "send", "12", "5", ".", "kg", "!",
    }  # fmt: skip


def test_one_token_that_parts_two_labels_is_found():
    rows = [example(i, "yes" if i % 2 else "no", *["now"] * (i % 2)) for i in range(200)]
    found = surface_cues(rows)
    assert found is not None
    assert found.one_token == found.token_each == 1.0
    assert found.problems()[0] == "whether 'now' is there tells the label in 100%"
    (away,) = found.given_away
    assert (away.token, away.label, away.precision, away.recall) == ("now", "yes", 1.0, 1.0)


def test_a_token_for_each_label_is_found_though_none_says_much_alone():
    labels = ("red", "green", "blue", "grey", "pink")
    words = ("rose", "leaf", "sky", "stone", "")
    # one row in twenty has the word of another label
    rows = [
        example(i, labels[i % 5], *filter(None, [words[(i + (i % 20 == 7)) % 5]]))
        for i in range(500)
    ]
    found = surface_cues(rows)
    assert found is not None
    assert found.one_token == pytest.approx(0.4, abs=0.03)
    assert found.token_each == pytest.approx(0.95, abs=0.01)
    assert [cue.label for cue in found.rules].count("red") == 1
    assert found.problems()[0].startswith("one token per label is right in 95%")


def test_a_code_book_of_many_words_is_no_surface_cue():
    rows = [example(i, "ab"[i % 2], f"w{i % 40}") for i in range(400)]
    found = surface_cues(rows)
    assert found is not None
    assert found.problems() == []
    assert found.one_token == pytest.approx(0.525)


def test_a_token_that_gives_a_label_away_is_named_though_the_others_stay_hard():
    rows = [example(i, "abc"[i % 3], *["cue"] * (i % 3 == 0 and i % 4 > 0)) for i in range(600)]
    found = surface_cues(rows)
    assert found is not None
    assert found.token_each < 0.7
    (problem,) = found.problems()
    assert problem == "'cue' gives 'a' away (right in 100% of its rows, in 75% of the label's rows)"


def test_few_rows_are_not_judged():
    assert surface_cues([example(i, "ab"[i % 2], "ab"[i % 2]) for i in range(MIN_ROWS - 1)]) is None


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    num_labels=st.integers(2, 4),
    weights=st.lists(st.floats(0, 1), min_size=6, max_size=6),
)
def test_the_best_rule_is_the_best_and_more_rules_never_do_worse(seed, num_labels, weights):
    rng = random.Random(seed)
    rows = []
    for i in range(120):
        label = rng.randrange(num_labels)
        held = [t for t, w in zip("uvwxyz", weights, strict=True) if rng.random() < w]
        rows.append(example(i, str(label), *held, *["cue"] * (label == 0 and rng.random() < 0.7)))
    found = surface_cues(rows)
    assert found is not None
    assert found.one_token == pytest.approx(best_rule(rows))
    assert found.token_each >= found.one_token
    assert len({cue.label for cue in found.rules}) == len(found.rules)


def test_the_majority_is_an_answer_or_a_place_among_the_options():
    rows = [Example(str(i), f"a{i}", (f"a{i}", "z") if i % 4 else ("z", f"a{i}")) for i in range(8)]
    assert majority_share(rows) == 0.75
    assert majority_share([Example("x", "1"), Example("y", "1"), Example("z", "2")]) == 2 / 3


def task_of(rows, labels=(), kind="classification"):
    numbered = [Example(e.input, e.target, e.options, (), i) for i, e in enumerate(rows, 1)]
    splits = {"train": numbered[:-20], "test": numbered[-20:]}
    return Task("t", "other", kind, "accuracy", "t", lambda split: splits[split], labels=labels)


def test_the_check_of_tasks_warns_of_cues_and_of_one_answer_for_all():
    cued = [example(i, "ab"[i % 2], f"x{i}", "pq"[i % 2]) for i in range(200)]
    kinds = {f.kind: f for f in check_task(task_of(cued, ("a", "b"))) if f.severity == "warning"}
    assert "surface cue" in kinds
    assert kinds["surface cue"].message.startswith("task 't': ")
    alike = [example(i, "none" if i % 10 else f"n{i}", f"x{i}") for i in range(200)]
    found = [f for f in check_task(task_of(alike, kind="generation")) if f.kind == "imbalance"]
    assert [f.message.split(". ")[0] for f in found] == [
        "task 't': one answer, or the option at one place, is right in 90% of the rows"
    ]
