from __future__ import annotations

from dataclasses import replace

import pytest

from manyicl.evaluation.results import Results
from manyicl.report.comparison import compare
from manyicl.report.cut_note import cut_note
from manyicl.report.page import render
from manyicl.report.rows import mean_blocks
from manyicl.report.tables import kshot_tables


def test_one_run_keeps_its_stages_and_compares_them_with_the_first(make_results) -> None:
    found = compare(make_results(2, stages=("few", "base", "many")))
    assert found.stages == ["base", "few", "many"]
    assert found.pairs == [("base", "few"), ("base", "many")]
    assert [found.label(stage) for stage in found.stages] == ["before", "few", "many"]


def test_runs_that_began_alike_share_one_line_before_training(make_results) -> None:
    first = make_results(2)
    second = Results(
        [replace(s, mean=s.mean / 2) if s.stage == "tuned" else s for s in first.scores]
    )
    found = compare({"a": first, "b": second})
    assert found.stages == ["base", "a", "b"]
    assert found.pairs == [("base", "a"), ("base", "b")]
    assert len(found.scores) == 3 * len(first.scores) / 2


def test_runs_that_began_differently_keep_their_own_beginnings(make_results) -> None:
    first, second = make_results(2), make_results(2, num_queries=10)
    found = compare({"a": first, "b": second})
    assert found.stages == ["a (before)", "a", "b (before)", "b"]
    assert found.pairs == [("a (before)", "a"), ("b (before)", "b")]


def test_runs_of_one_stage_go_by_their_names_and_are_compared_with_the_first(make_results) -> None:
    made = make_results(2, stages=("tuned",))
    found = compare({"a": made, "b": made, "c": made})
    assert found.stages == ["a", "b", "c"]
    assert found.pairs == [("a", "b"), ("a", "c")]


def test_families_stand_in_the_order_of_the_task_format_and_unknown_ones_last(make_results) -> None:
    made = make_results(3, families=("math", "nli", "classification"))
    scores = [replace(s, family="poetry") if s.family == "nli" else s for s in made.scores]
    assert compare(Results(scores)).families == ["classification", "math", "poetry"]


def named(results: Results, *tasks: str) -> Results:
    return replace(results, scores=[s for s in results.scores if s.task in tasks])


def test_runs_are_compared_on_the_tasks_that_all_share(make_results) -> None:
    made = make_results(4, held_in=False)
    one, *others = sorted({score.task for score in made.scores})
    found = compare({"mine": made, "own": named(made, one)})
    assert found.tasks(held_out=True) == [one]
    assert found.scope == "Compared on the 1 task that all runs share; left out: 3 of mine."
    assert found.scope in render({"mine": made, "own": named(made, one)})
    (first, *_) = kshot_tables({"mine": made, "own": named(made, one)})
    assert str(first.title).startswith(found.scope)
    assert compare({"a": made, "b": made}).scope == ""
    assert others


def test_runs_without_a_common_task_show_each_runs_own_number(make_results) -> None:
    made = make_results(4, held_in=False, stages=("tuned",))
    one, *others = sorted({score.task for score in made.scores})
    runs = {"mine": named(made, *others), "own": named(made, one)}
    found = compare(runs)
    assert found.separate
    assert "share no task (mine has 3 tasks, own has 1 task)" in found.scope
    labels = [row.label for row in mean_blocks(found, True)[0].rows]
    assert labels == ["mine (3 tasks)", "own (1 task)"]
    html = render(runs)
    assert "Mean over 4" not in html
    assert "mean of 4" not in html
    assert "own held-out tasks (mine: 3, own: 1)" in html


@pytest.mark.parametrize("other", ["rows", "metric", "num_queries"])
def test_a_task_that_was_measured_otherwise_is_no_shared_one(make_results, other) -> None:
    made = make_results(4, held_in=False)
    changed, *same = sorted({score.task for score in made.scores})
    tasks = {name: {"fingerprint": "f"} for name in (changed, *same)}
    mine = replace(made, tasks=tasks)
    if other == "rows":
        own = replace(made, tasks={**tasks, changed: {"fingerprint": "g"}})
    else:
        value = {"metric": "macro_f1", "num_queries": 7}[other]
        scores = [replace(s, **{other: value}) if s.task == changed else s for s in made.scores]
        own = replace(mine, scores=scores)
    found = compare({"mine": mine, "own": own})
    assert found.tasks(held_out=True) == same
    assert f"number of queries, so no shared task: {changed}." in found.scope
    # Old results do not tell their rows.
    assert compare({"mine": mine, "own": replace(own, scores=made.scores, tasks={})}).scope == ""


def test_answers_that_were_cut_are_named(make_results) -> None:
    made = make_results(2, held_in=False)
    one, _ = sorted({score.task for score in made.scores})
    assert cut_note(compare(made)) == ""
    scores = [
        replace(s, cut=0.4 if s.stage == "base" else 0.2 if s.num_shots else 1.0)
        if s.task == one
        else replace(s, cut=0.05)
        for s in made.scores
    ]
    note = cut_note(compare(replace(made, scores=scores)))
    assert f": {one} (40.0 %, before). Their scores may be those of the limit." in note
    assert note in render(replace(made, scores=scores)).replace("&#39;", "'")
