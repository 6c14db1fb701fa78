"""Recorded baselines belong to the rows of today, and no task is solved by a surface cue."""

from collections import Counter

import pytest

from manyicl.tasks import Example, Task
from manyicl.tasks.builtin import builtin_tasks
from manyicl.tasks.builtin.baselines import (
    RECORDED,
    Baselines,
    as_yaml,
    baselines_of,
    recorded_baselines,
    rows_digest,
)
from manyicl.tasks.builtin.card import card, facts
from manyicl.tasks.builtin.registry import task_generators
from manyicl.tasks.builtin.split import side_of
from manyicl.tasks.builtin.table import markdown_page
from manyicl.tasks.surface_cues import MAX_MAJORITY, majority_share, surface_cues

TASKS = {task.name: task for task in builtin_tasks()}  # rows are made once, when first asked for
RENEW = "run: python -m manyicl.evaluation.baselines"


def test_every_task_has_baselines_and_no_other_has():
    assert list(recorded_baselines()) == sorted(TASKS), RENEW


@pytest.mark.parametrize("name", TASKS)
def test_baselines_belong_to_the_rows_of_today(name):
    assert recorded_baselines()[name].rows == rows_digest(TASKS[name]), RENEW


@pytest.mark.parametrize("name", TASKS)
def test_no_single_token_and_no_constant_answer_solves_a_task(name):
    task = TASKS[name]
    rows = [*task.train, *task.test]
    assert majority_share(rows) <= MAX_MAJORITY
    assert recorded_baselines()[name].majority <= MAX_MAJORITY
    if task.labels:
        cues = surface_cues(rows)
        assert cues is not None
        assert cues.problems() == []


def test_tasks_of_cue_phrases_can_be_learned_from_32_examples():
    """Words alone must carry it: what the nearest of 32 rows says, with no model at all."""
    gains = {
        (side_of(TASKS[each.name]), each.name): (
            recorded_baselines()[each.name].nearest_bm25_32 - 1 / len(each.labels)
        )
        for each in task_generators()
        if "draw_cue" in each.generate.__globals__ and len(each.labels) <= 8
    }
    # Measured: 0.28 to 0.62 above chance. With cues drawn evenly three tasks fell below 0.24.
    assert {key: gain for key, gain in gains.items() if gain < 0.25} == {}
    assert Counter(side for side, _ in gains) == {"held_in": 13, "held_out": 5}


def test_the_classifier_is_recorded_for_tasks_of_closed_labels():
    for name, found in recorded_baselines().items():
        assert (found.tfidf_logistic is not None) == bool(TASKS[name].labels)
        assert all(0 <= score <= 1 for score in found.scores().values())


def test_the_file_says_what_was_written_and_one_line_is_one_task():
    text = RECORDED.read_text(encoding="utf-8")
    assert text == as_yaml(recorded_baselines())
    assert len(text.splitlines()) == 1 + len(TASKS)


def test_the_digest_changes_with_a_read_row_or_the_metric_and_with_nothing_else():
    def task(num_train=1000, metric="accuracy", instruction="", last="x"):
        rows = [Example(f"{i}", "ab"[i % 2], row=i) for i in range(num_train - 1)]
        load = {"train": [*rows, Example(last, "a")], "test": rows[:200]}
        return Task(
            "t", "other", "classification", metric, "t", lambda split: load[split],
            instruction=instruction, labels=("a", "b"),
        )  # fmt: skip

    assert rows_digest(task()) == rows_digest(task(instruction="Say a or b.", last="unread"))
    others = {rows_digest(t) for t in (task(), task(400), task(400, last="y"), task(metric="f1"))}
    assert len(others) == 4


def test_facts_tell_side_and_scores_of_the_measured_rows_only():
    told = dict(facts(TASKS["schedule_question"]))
    assert told["side of the fixed split"].startswith("held out")
    assert told["baselines (exact_match)"].startswith("majority 0.")
    assert "BM25 neighbour (64) 0." in told["baselines (exact_match)"]
    assert "BM25 neighbour (32) 0." in told["baselines (exact_match)"]
    fewer = next(t for t in builtin_tasks(num_train=30, num_test=5) if t.name == "ticket_team")
    assert baselines_of(fewer) is None
    assert dict(facts(fewer))["baselines"] == "not measured on these rows"


def test_the_card_holds_labels_baselines_side_and_an_example_as_it_is():
    task = TASKS["ticket_team"]
    text = card(task)
    for part in ("| group | support_tickets |", "payments", "held in", "TF-IDF + LR 0.", "Apache"):
        assert part in text
    for line in [*task.train[0].input.split("\n"), f"=> {task.train[0].target}"]:
        assert f"\n    {line}\n" in text


def test_the_page_shows_every_task_with_its_baselines_and_the_sides():
    page = markdown_page()
    for name, found in recorded_baselines().items():
        (line,) = (line for line in page.split("\n") if line.startswith(f"| `{name}` |"))
        assert f"| {found.majority:.2f} |" in line
        assert f"| {found.nearest_bm25:.2f} | {found.nearest_bm25_32:.2f} |" in line
    assert page.count("| **out** |") == sum("held out" in dict(facts(t))["side of the fixed split"]
                                            for t in TASKS.values())  # fmt: skip


def test_scores_leave_out_what_does_not_apply():
    found = Baselines(
        rows="0", input_words=1.0, majority=0.5, nearest_bm25=0.25, nearest_bm25_32=0.125
    )
    assert found.scores() == {
        "majority": 0.5,
        "BM25 neighbour (64)": 0.25,
        "BM25 neighbour (32)": 0.125,
    }
