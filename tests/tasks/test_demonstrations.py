"""The task to be answered: found by name, or made from a file of solved examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import make_task

from manyicl.errors import TaskError
from manyicl.tasks import write_task
from manyicl.tasks.demonstrations import find_task, task_from_file


def csv_file(tmp_path: Path, targets: list[str]) -> Path:
    lines = [f"message {i},{target}" for i, target in enumerate(targets)]
    path = tmp_path / "solved.csv"
    path.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    return path


def test_a_task_is_found_as_a_folder_a_folder_of_one_and_a_built_in_name(tmp_path):
    write_task(make_task(), tmp_path / "tasks" / "toy")
    assert find_task(str(tmp_path / "tasks" / "toy")).name == "toy"
    assert find_task(str(tmp_path / "tasks")).name == "toy"
    assert find_task("ticket_team").labels
    write_task(make_task(name="other"), tmp_path / "tasks" / "other")
    with pytest.raises(TaskError, match=r"holds 2 tasks \(other, toy\). Name one's folder"):
        find_task(str(tmp_path / "tasks"))
    with pytest.raises(TaskError, match=r"neither a task folder nor a built-in task. Did you mean"):
        find_task("ticket_tea")
    folder = tmp_path / "tasks"
    with pytest.raises(TaskError) as caught:
        find_task(str(folder / "tou"))
    assert f"is no task folder. Did you mean '{folder / 'toy'}'?" in str(caught.value)


def test_a_small_closed_set_of_targets_becomes_the_labels(tmp_path):
    found = task_from_file(csv_file(tmp_path, ["late", "fine"] * 4))
    task = found.task
    assert (task.kind, task.labels, found.input) == ("classification", ("fine", "late"), "text")
    assert [e.target for e in task.train] == ["late", "fine"] * 4
    assert task.train[0].row == 2
    assert any("answers are one of 'fine', 'late'" in note for note in found.notes)


def test_labels_of_ones_own_win_and_every_target_is_one_of_them(tmp_path):
    path = csv_file(tmp_path, ["late", "fine", "late"])
    assert task_from_file(path).task.kind == "generation"  # too few rows to tell
    task = task_from_file(path, labels=["late", "fine", "lost"], instruction="Sort.").task
    assert (task.labels, task.instruction) == (("late", "fine", "lost"), "Sort.")
    with pytest.raises(TaskError, match=r"not one of --labels: 'fine' \(row 3\)"):
        task_from_file(path, labels=["late", "lost"])
    for labels in (["late"], ["late", "late"], ["late", ""]):
        with pytest.raises(TaskError, match="list two or more different labels"):
            task_from_file(path, labels=labels)


def test_options_that_the_input_lists_already_are_not_listed_twice(tmp_path):
    path = tmp_path / "solved.jsonl"
    listed = {"input": "x?\nOptions: (A) a1 (B) b1", "output": "a1", "options": ["a1", "b1"]}
    path.write_text(json.dumps(listed) + "\n")
    (example,) = task_from_file(path).task.train
    assert example.input == listed["input"]
    path.write_text(json.dumps(listed | {"input": "x?"}) + "\n")
    (example,) = task_from_file(path).task.train
    assert (example.input, example.options) == (listed["input"], ("a1", "b1"))


def test_faulty_rows_are_all_named(tmp_path):
    path = csv_file(tmp_path, ["late", "", "fine", " "])
    with pytest.raises(TaskError) as caught:
        task_from_file(path)
    assert "row 3: target 'label' is empty" in str(caught.value)
    assert "row 5: target 'label' is empty" in str(caught.value)


def test_a_misspelt_label_is_told_once_with_the_values_there_are(tmp_path):
    with pytest.raises(TaskError) as caught:
        task_from_file(csv_file(tmp_path, ["late", "fine"] * 30), labels=["late", "fin"])
    (line,) = str(caught.value).split("\n")
    assert "'fine' (rows 3, 5, 7, 9, 11 and 25 more)" in line
    assert "'fin' of --labels occurs nowhere" in line
