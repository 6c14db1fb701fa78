from pathlib import Path

import pytest

from manyicl.errors import TaskError
from manyicl.tasks import Example, Task, TaskCollection, load_tasks, write_task


def make_task(name, family="qa", group="", load=None):
    rows = [Example(f"{name} {i}", str(i), row=i) for i in range(1, 4)]
    return Task(name, family, "generation", "f1", group or name, load or (lambda split: rows))


TASKS = TaskCollection(
    (
        make_task("arc_easy", group="arc"),
        make_task("arc_hard", group="arc"),
        make_task("gsm", family="math"),
        make_task("rte", family="nli"),
    )
)


def names(tasks):
    return [task.name for task in tasks]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["arc_*"], ["arc_easy", "arc_hard"]),
        (["group:arc"], ["arc_easy", "arc_hard"]),
        (["family:math", "rte"], ["gsm", "rte"]),
        (["rte", "*"], ["arc_easy", "arc_hard", "gsm", "rte"]),
        (["family:*"], ["arc_easy", "arc_hard", "gsm", "rte"]),
    ],
)
def test_patterns_name_tasks_families_and_groups(patterns, expected):
    assert names(TASKS.matching(patterns)) == expected


@pytest.mark.parametrize("pattern", ["arc_eazy", "family:mat", "group:rt", "RTE"])
def test_a_pattern_that_matches_nothing_names_its_key_and_the_known_tasks(pattern):
    with pytest.raises(TaskError) as caught:
        TASKS.matching([pattern], "tasks.held_in")
    message = str(caught.value)
    assert message.startswith(f"tasks.held_in: '{pattern}' matches no task.")
    assert "family:NAME or group:NAME" in message
    assert "Known: arc_easy, arc_hard, gsm, rte" in message


@pytest.mark.parametrize("key", ["tasks.held_in", "tasks.held_out"])
def test_a_split_that_a_recipe_brought_can_be_overridden(key):
    with pytest.raises(TaskError) as caught:
        TASKS.matching(["group:none"], key)
    assert f"If it comes from the recipe, override it: {key}=[...] (or =[] for" in str(caught.value)
    with pytest.raises(TaskError) as caught:
        TASKS.matching(["group:none"], "--only")
    assert "recipe" not in str(caught.value)


def test_a_near_miss_is_named():
    with pytest.raises(TaskError, match="Did you mean 'arc_easy'"):
        TASKS.matching(["arc_eazy"])
    with pytest.raises(TaskError, match=r"no task is named 'gms'. Did you mean 'gsm'\?"):
        TASKS["gms"]


def test_a_task_named_twice_names_both_folders():
    one = Task("x", "qa", "generation", "f1", "x", lambda split: [], folder=Path("a/x"))
    with pytest.raises(TaskError, match=r"task 'x' is named twice: a/x and builtin. Change 'name'"):
        TaskCollection((one, make_task("x")))


def test_held_in_is_by_default_what_is_not_held_out():
    kept, out = TASKS.split_held_out([], ["group:arc"])
    assert names(kept) == ["gsm", "rte"]
    assert names(out) == ["arc_easy", "arc_hard"]
    assert names(TASKS.split_held_out(["gsm"], [])[0]) == ["gsm"]


def test_the_split_opens_no_row():
    def unreadable(split):
        raise AssertionError("a row was opened")

    tasks = TaskCollection((make_task("a", load=unreadable), make_task("b", load=unreadable)))
    assert names(tasks.split_held_out(["a"], ["b"])[1]) == ["b"]


def test_a_group_on_both_sides_is_an_error_that_names_the_whole_group():
    with pytest.raises(TaskError) as caught:
        TASKS.split_held_out([], ["arc_hard"])
    message = str(caught.value)
    assert "group 'arc' stands on both sides" in message
    assert "'arc_easy' is held in and 'arc_hard' is held out" in message
    assert "hold out 'group:arc' as a whole" in message


def test_a_task_on_both_sides_is_an_error():
    with pytest.raises(TaskError, match=r"held_in and tasks.held_out both name rte"):
        TASKS.split_held_out(["rte", "gsm"], ["family:nli"])


def test_holding_out_everything_is_an_error():
    with pytest.raises(TaskError, match="no task is held in"):
        TASKS.split_held_out([], ["*"])


def test_folders_are_found_at_any_depth_in_a_fixed_order(tmp_path):
    for task in reversed(TASKS.tasks):
        write_task(task, tmp_path / task.family / task.name)
    found = load_tasks([tmp_path])
    assert names(found) == ["gsm", "rte", "arc_easy", "arc_hard"]
    assert names(load_tasks([tmp_path / "nli", str(tmp_path / "math/gsm")])) == ["gsm", "rte"]
    with pytest.raises(TaskError, match="task 'gsm' is named twice"):
        load_tasks([tmp_path, tmp_path / "math"])


def test_a_path_without_tasks_says_what_to_do(tmp_path):
    with pytest.raises(TaskError, match=r"nowhere: no such folder. Name a task folder"):
        load_tasks([tmp_path / "nowhere"])
    with pytest.raises(TaskError, match=r"holds no task.*'manyicl tasks import' writes one"):
        load_tasks([tmp_path])


def test_a_pattern_that_matches_only_other_tasks_is_no_error_where_those_count():
    arc, others = TaskCollection(TASKS.tasks[:2]), TASKS.tasks[2:]
    assert names(arc.matching(["arc_easy", "rte", "family:math"], besides=others)) == ["arc_easy"]
    with pytest.raises(TaskError, match="'none' matches no task"):
        arc.matching(["none"], besides=others)
