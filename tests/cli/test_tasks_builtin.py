"""The built-in tasks on the command line: sides, cards, export."""

import argparse
import json

import pytest

from manyicl.cli import tasks as tasks_command
from manyicl.tasks import load_tasks
from manyicl.tasks.builtin.split import HELD_OUT_GROUPS


@pytest.fixture
def run(capsys):
    """Run `manyicl tasks ...` and return (exit code, what it printed)."""
    parser = argparse.ArgumentParser()
    tasks_command.register(parser.add_subparsers())

    def call(*args):
        parsed = parser.parse_args(["tasks", *map(str, args)])
        code = parsed.run(parsed)
        return code, capsys.readouterr().out

    return call


def test_list_shows_the_side_of_every_built_in_task(run):
    code, said = run("list", "--json")
    assert code == 0
    for row in json.loads(said):
        assert row["side"] == ("held_out" if row["group"] in HELD_OUT_GROUPS else "held_in")
    _, table = run("list", "--family", "qa")
    (line,) = (line for line in table.split("\n") if "schedule_question" in line)
    assert "held out" in line


def test_show_prints_the_card_and_as_many_examples_as_asked_for(run):
    code, said = run("show", "schedule_question", "-n", 5)
    assert code == 0
    for part in (
        "fixed split: held out, with its whole group (builtin:held_out)",
        "mean input: ",
        "baselines (exact_match): majority 0.",
        "train: 5 of 1000 examples",
        "\n[5] input:  ",
    ):
        assert part in said


def test_export_writes_task_folders_with_their_cards_that_read_back_the_same(run, tmp_path):
    code, said = run("export", "builtin", tmp_path, "--only", "ticket_team", "schedule_question")
    assert code == 0
    assert "2 tasks written" in said
    for task in load_tasks([tmp_path]):
        original = load_tasks(["builtin"])[task.name]
        assert task.fingerprint("train") == original.fingerprint("train")
        assert task.fingerprint("test") == original.fingerprint("test")
        assert task.folder is not None
        text = (task.folder / "README.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {task.name}\n\n{task.instruction}\n")
        assert "majority 0." in text
    _, shown = run("show", "ticket_team", "--path", tmp_path, "-n", 1)
    assert "side of the fixed split: held in" in shown
    assert "TF-IDF + LR 0." in shown


def test_a_side_can_be_exported(run, tmp_path):
    code, _ = run("export", "builtin", tmp_path, "--only", "group:schedules")
    assert code == 0
    _, said = run("list", tmp_path, "--json")
    assert [row["side"] for row in json.loads(said)] == ["held_out"]
