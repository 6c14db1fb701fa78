"""The fixed split of the built-in tasks, and its name in a recipe."""

from collections import Counter
from pathlib import Path

import pytest

import manyicl
from manyicl.config import load_config
from manyicl.errors import TaskError
from manyicl.tasks import Example, Task, TaskCollection, load_tasks, read_task, write_task
from manyicl.tasks.builtin import builtin_tasks
from manyicl.tasks.builtin.registry import FAMILIES
from manyicl.tasks.builtin.split import HELD_OUT_GROUPS, is_builtin, side_of

TASKS = TaskCollection(tuple(builtin_tasks()))
DEMO = Path(manyicl.__file__).parent / "recipes/demo.yaml"
OWN = Task("own", "qa", "generation", "f1", "schedules", lambda split: [Example("a", "b", row=1)])


def names(tasks):
    return {task.name for task in tasks}


def test_at_least_fifty_tasks_are_held_in_and_twenty_held_out_ten_of_them_with_closed_labels():
    held_in, held_out = TASKS.split_held_out([], ["builtin:held_out"])
    assert len(held_in) >= 50
    assert len(held_out) >= 20
    assert sum(bool(task.labels) for task in held_out) >= 10
    assert len(held_in) + len(held_out) == len(TASKS)


def test_every_family_stands_on_both_sides_and_every_group_on_one():
    held_in, held_out = TASKS.split_held_out([], ["builtin:held_out"])
    for side in (held_in, held_out):
        assert {task.family for task in side} == set(FAMILIES)
    assert {task.group for task in held_out} == HELD_OUT_GROUPS
    assert not {task.group for task in held_in} & HELD_OUT_GROUPS
    counts = Counter(task.family for task in TASKS)
    assert min(counts.values()) >= 10


def test_both_sides_can_be_named_and_mixed_with_other_patterns():
    tasks = TaskCollection((*TASKS, OWN))
    held_in, held_out = tasks.split_held_out(["builtin:held_in"], ["builtin:held_out", "own"])
    assert names(held_in) | names(held_out) == names(tasks)
    assert "own" in names(held_out)
    both = names(TASKS.matching(["builtin:held_in", "builtin:held_out"]))
    assert both == names(TASKS)
    assert names(TASKS.matching(["builtin:held_out", "ticket_team"])) == (
        names(TASKS.matching(["builtin:held_out"])) | {"ticket_team"}
    )


def test_a_task_of_ones_own_has_no_side_whatever_its_group_is_called():
    assert side_of(OWN) is None
    assert not is_builtin(OWN)
    tasks = TaskCollection((*TASKS, OWN))
    assert "own" not in names(tasks.matching(["builtin:held_in", "builtin:held_out"]))


def test_an_exported_task_keeps_its_side(tmp_path):
    for name, side in (("schedule_question", "held_out"), ("ticket_team", "held_in")):
        task = read_task(write_task(TASKS[name], tmp_path / name))
        assert side_of(TASKS[name]) == side_of(task) == side
    assert names(load_tasks([tmp_path]).matching(["builtin:held_out"])) == {"schedule_question"}


def test_the_split_opens_no_row(monkeypatch):
    monkeypatch.setattr(
        "manyicl.tasks.builtin.registry.TaskGenerator.candidate", lambda *_: pytest.fail("opened")
    )
    _, held_out = TaskCollection(tuple(builtin_tasks())).split_held_out([], ["builtin:held_out"])
    assert len(held_out)


@pytest.mark.parametrize("pattern", ["builtin:heldout", "builtin:held-out", "builtin:test"])
def test_another_word_for_a_side_is_an_error_that_names_the_two(pattern):
    with pytest.raises(TaskError) as caught:
        TASKS.matching([pattern], "tasks.held_out")
    message = str(caught.value)
    assert message.startswith(f"tasks.held_out: '{pattern}' matches no task.")
    assert "builtin:held_in and builtin:held_out are the sides of the built-in tasks" in message
    if pattern != "builtin:test":
        assert "Did you mean 'builtin:held_out'?" in message


def test_the_side_of_tasks_that_are_not_there_says_what_is_missing():
    with pytest.raises(TaskError, match="no built-in tasks here: 'builtin' is none of the paths"):
        TaskCollection((OWN,)).matching(["builtin:held_out"], "tasks.held_out")


def test_a_recipe_takes_the_word():
    config = load_config(DEMO, ["tasks.held_out=[builtin:held_out]"])
    _, held_out = load_tasks(config.tasks.path).split_held_out([], config.tasks.held_out)
    assert {task.group for task in held_out} == HELD_OUT_GROUPS


def test_what_the_demonstration_holds_out_is_held_out_here_too():
    config = load_config(DEMO)
    _, held_out = load_tasks(config.tasks.path).split_held_out([], config.tasks.held_out)
    assert {side_of(task) for task in held_out} == {"held_out"}
