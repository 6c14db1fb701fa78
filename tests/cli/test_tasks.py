import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

from manyicl.cli import tasks as tasks_command
from manyicl.errors import ManyICLError, TaskError
from manyicl.tasks import load_tasks, read_task

WORDS = (
    "river", "stone", "lamp", "cloud", "paper", "train", "apple", "chair", "storm", "bread",
    "glass", "field", "north", "piano",
)  # fmt: skip


def text(number):
    picked = [WORDS[(number * 5 + i * (number + 2)) % len(WORDS)] for i in range(6)]
    return f"{number} {' '.join(picked)}"


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


@pytest.fixture
def my_csv(tmp_path):
    path = tmp_path / "my.csv"
    rows = [f"{text(i)},{('refund', 'delivery')[i % 2]}" for i in range(20)]
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return path


def test_a_csv_of_ones_own_is_one_command(run, my_csv, tmp_path):
    out = tmp_path / "tasks"
    code, said = run(
        "import", "--from", "csv", my_csv, "--name", "tickets", "--input", "text", "--target",
        "label", "--out", out,
    )  # fmt: skip
    assert code == 0
    assert "16 train and 4 test examples" in said
    assert "checked: 0 errors" in said
    assert f"manyicl tasks check {out / 'tickets'}" in said
    assert read_task(out / "tickets").labels == ("delivery", "refund")
    assert run("check", out)[0] == 0


def test_nothing_but_the_file_need_be_named(run, my_csv, tmp_path):
    assert run("import", my_csv, "--out", tmp_path / "tasks")[0] == 0
    assert read_task(tmp_path / "tasks/my").kind == "classification"


def test_all_flags_reach_the_task(run, tmp_path):
    rows = [
        {"p": text(i), "q": "Why?", "a": "x", "b": "y", "t": 1 + i % 2, "lang": "en", "ok": i != 3}
        for i in range(12)
    ]
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(map(json.dumps, [*rows, rows[0] | {"lang": "fr"}])))
    test = tmp_path / "test.jsonl"
    test.write_text("\n".join(json.dumps(row | {"p": text(40 + row["t"])}) for row in rows[:2]))
    code, _ = run(
        "import", source, "--test", test, "--out", tmp_path / "tasks", "--name", "quiz",
        "--input", r"{p}\nQuestion: {q}", "--target", "t", "--options", "a", "b",
        "--target-is", "index1", "--keep", "lang=en", "--drop", "ok=false", "--family", "nli",
        "--metric", "macro_f1", "--instruction", "Choose.", "--group", "g", "--licence", "CC0",
        "--max-train", "8", "--seed", "7",
    )  # fmt: skip
    task = read_task(tmp_path / "tasks/quiz")
    assert code == 0
    assert task.metadata() == {
        "name": "quiz",
        "family": "nli",
        "kind": "multiple_choice",
        "instruction": "Choose.",
        "metric": "macro_f1",
        "group": "g",
        "source": {"files": ["rows.jsonl", "test.jsonl"], "licence": "CC0"},
    }
    assert (len(task.train), len(task.test)) == (8, 2)
    assert all(
        " fr" not in e.input and "\nQuestion: Why?\nOptions: " in e.input for e in task.train
    )
    assert {(e.target, e.options) for e in task.test} == {("x", ("x", "y")), ("y", ("x", "y"))}


def test_labels_can_be_made_readable(run, tmp_path):
    source = tmp_path / "rows.csv"
    source.write_text("text,label\n" + "".join(f"{text(i)},{i % 2}\n" for i in range(12)))
    out = tmp_path / "tasks"
    assert run("import", source, "--out", out, "--labels", "1=good one", "0=bad one")[0] == 0
    assert read_task(out / "rows").labels == ("good one", "bad one")


def test_a_catalogue_entry_is_imported_from_local_files(run, tmp_path):
    rows = [
        {"text": text(i), "label_text": ("card_arrival", "lost_card")[i % 2]} for i in range(12)
    ]
    for split, part in (("train", rows[:8]), ("test", rows[8:])):
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, part)))
    code, said = run(
        "import", "--from", "catalogue", "banking77", "--out", tmp_path / "tasks", "--files",
        f"train={tmp_path / 'train.jsonl'}", f"test={tmp_path / 'test.jsonl'}",
    )  # fmt: skip
    assert code == 0
    assert "mteb/banking77, licence: CC BY 4.0" in said
    assert read_task(tmp_path / "tasks/banking77").labels == ("card arrival", "lost card")


def test_a_folder_of_dataset_files_is_imported_like_the_hub(run, tmp_path):
    rows = [{"text": text(i), "label": i % 2} for i in range(12)]
    names = datasets.ClassLabel(names=["not_spam", "spam"])
    for split, part in (("train", rows[:8]), ("validation", rows[8:])):
        data = datasets.Dataset.from_list(part).cast_column("label", names)
        data.to_parquet(str(tmp_path / "data" / f"{split}-0.parquet"))
    code, _ = run("import", tmp_path / "data", "--out", tmp_path / "tasks", "--readable-labels")
    task = read_task(tmp_path / "tasks/data")
    assert code == 0
    assert task.labels == ("not spam", "spam")
    assert (len(task.train), len(task.test)) == (8, 4)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nosuch.csv"], "nosuch.csv: no such file"),
        (["bankin77"], "neither a file, nor a task of the catalogue, nor a hub id"),
        (["--from", "catalogue", "bankin77"], "Did you mean 'banking77'"),
        (["--from", "catalogue", "banking77", "--input", "x"], "brings its own columns"),
        (["--from", "catalogue", "banking77", "--drop", "a=1"], "--drop: a catalogue entry"),
        (["--from", "catalogue", "banking77", "--metric", "f1"], "--metric: a catalogue entry"),
        (["--from", "catalogue", "banking77", "--group", "g"], "--group: a catalogue entry"),
        (["--from", "catalogue", "banking77", "--test-split", ""], "--test-split: a catalogue"),
        (["my.csv", "--files", "x.csv"], "--files: belongs to datasets of the hub"),
        (["my.csv", "--config", "c"], "--config: belongs to datasets of the hub"),
        (["--from", "hf", "a/b", "--test", "t.csv"], "--test: belongs to a source that is a file"),
        (["my.csv", "--option-split", "("], r"--option-split: '\(' is no regular expression"),
        (["my.csv", "--labels", "0=a", "0=b"], r"'0' is given several names \(a, b\)"),
        (["my.csv", "--drop", "label"], "--drop: 'label' must have the form NAME=VALUE"),
        (["my.csv", "--delimiter", ",,"], "must be one character"),
        (["my.csv", "--max-train", "0"], "--max-train is 0"),
        (["my.csv", "--input", "txt"], "Did you mean 'text'"),
    ],
)
def test_wrong_use_is_a_clear_message(args, message, run, my_csv, monkeypatch):
    monkeypatch.chdir(my_csv.parent)
    with pytest.raises(ManyICLError, match=message) as caught:
        run("import", *args, "--out", "tasks")
    assert caught.value.exit_code == 2
    assert not (my_csv.parent / "tasks").exists()


def test_empty_cells_of_pandas_are_errors_not_labels(run, tmp_path):
    rows = [{"text": text(i), "label": float("nan") if i == 3 else "ab"[i % 2]} for i in range(12)]
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(ManyICLError, match=r"row 4: .*empty"):
        run("import", source, "--out", tmp_path / "tasks")


def test_json_lines_may_have_any_name_if_it_is_said(run, tmp_path):
    rows = [{"text": text(i), "label": "ab"[i % 2]} for i in range(12)]
    source = tmp_path / "rows.txt"
    source.write_text("\n".join(map(json.dumps, rows)))
    assert run("import", "--from", "jsonl", source, "--out", tmp_path / "tasks")[0] == 0
    assert read_task(tmp_path / "tasks/rows").labels == ("a", "b")


def test_a_number_of_thousands_of_digits_is_told_with_its_row(run, tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text('{"text": "a", "label": ' + "9" * 5000 + "}\n")
    with pytest.raises(ManyICLError, match=r"row 1: not valid JSON .*digits"):
        run("import", source, "--out", tmp_path / "tasks")


def test_list_shows_sizes_and_can_be_filtered(run, my_csv, tmp_path):
    out = tmp_path / "tasks"
    run("import", my_csv, "--out", out)
    run("import", my_csv, "--out", out, "--name", "other", "--family", "qa")
    _, said = run("list", out)
    assert "2 tasks" in said
    assert "my" in said
    code, said = run("list", out, "--family", "qa", "--json")
    (found,) = json.loads(said)
    assert code == 0
    assert (found["name"], found["train"], found["test"], found["num_labels"]) == (
        "other",
        16,
        4,
        2,
    )
    with pytest.raises(TaskError, match="--family: 'family:math' matches no task"):
        run("list", out, "--family", "math")


def test_check_exits_with_two_on_errors_and_zero_on_warnings(run, my_csv, tmp_path):
    out = tmp_path / "tasks"
    run("import", my_csv, "--out", out)
    rows = (out / "my/train.jsonl").read_text()
    (out / "my/train.jsonl").write_text(rows + rows.split("\n")[0] + "\n")
    code, said = run("check", out)
    assert code == 0
    assert "warning  duplicate:" in said
    assert "1 task checked: 0 errors, 1 warning" in said
    (out / "my/test.jsonl").write_text(rows.split("\n")[0] + "\n{}\n")
    code, said = run("check", out, "--json")
    assert code == 2
    assert {"unreadable", "duplicate"} == {finding["kind"] for finding in json.loads(said)}
    (out / "my/task.json").unlink()
    code, said = run("check", out)
    assert code == 2
    assert "task.json: not found" in said


def test_check_compares_tasks_with_each_other(run, my_csv, tmp_path):
    out = tmp_path / "tasks"
    run("import", my_csv, "--out", out)
    run("import", my_csv, "--out", out, "--name", "other")
    code, said = run("check", out)
    assert code == 0
    assert "tasks 'my' and 'other' share 20 inputs and stand in different groups" in said


def test_show_prints_examples_as_they_are(run, tmp_path):
    source = tmp_path / "rows.jsonl"
    odd = "[bold]not markup[/bold] {x} \\n"
    rows = [{"input": f"{odd}\n{i}", "output": f"w{i}"} for i in range(9)]
    source.write_text("\n".join(map(json.dumps, rows)))
    run("import", source, "--out", tmp_path / "tasks")
    code, said = run("show", "rows", "--path", tmp_path / "tasks", "-n", "2", "--split", "train")
    assert code == 0
    assert "train: 2 of 7 examples" in said
    assert said.count(odd) == 2
    with pytest.raises(TaskError, match=r"no task is named 'row'. Did you mean 'rows'"):
        run("show", "row", "--path", tmp_path / "tasks")


def test_export_writes_tasks_that_read_back_the_same(run, my_csv, tmp_path):
    run("import", my_csv, "--out", tmp_path / "tasks")
    code, _ = run("export", tmp_path / "tasks", tmp_path / "copy")
    assert code == 0
    (one,), (other,) = load_tasks([tmp_path / "tasks"]), load_tasks([tmp_path / "copy"])
    assert other.folder == tmp_path / "copy/classification/my"
    assert one.fingerprint("train") == other.fingerprint("train")


def test_the_catalogue_is_listed_by_family(run):
    code, said = run("catalogue", "--family", "math", "--json")
    assert code == 0
    assert {"gsm8k", "svamp"} <= {entry["name"] for entry in json.loads(said)}
    assert "mteb/banking77" in run("list", "catalogue")[1]
    with pytest.raises(TaskError, match=r"no entry of 'maths'. Families: classification, math"):
        run("catalogue", "--family", "maths")


def test_help_does_not_load_heavy_libraries():
    code = (
        "import argparse, sys\n"
        "from manyicl.cli import tasks\n"
        "tasks.register(argparse.ArgumentParser().add_subparsers())\n"
        "print([m for m in ('torch', 'datasets', 'pyarrow', 'rich', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_of_the_format_document_is_one_the_parser_takes():
    document = Path(__file__).resolve().parents[2] / "docs/data_format.md"
    commands = re.findall(
        r"^manyicl (tasks .*(?:\n    .*)*)", document.read_text(encoding="utf-8"), re.MULTILINE
    )
    parser = argparse.ArgumentParser()
    tasks_command.register(parser.add_subparsers())
    assert len(commands) >= 6
    for command in commands:
        assert parser.parse_args(shlex.split(command.replace("\\\n", " "))).run


def test_a_misspelt_value_of_a_label_is_told_once(run, tmp_path):
    source = tmp_path / "rows.csv"
    lines = [f"{text(i)},{('billing', 'parcel')[i % 2]}\n" for i in range(60)]
    source.write_text("text,label\n" + "".join(lines))
    with pytest.raises(TaskError) as caught:
        run("import", source, "--out", tmp_path, "--labels", "billling=Bills", "parcel=Parcels")
    (line, _) = str(caught.value).split("\n")
    assert "--labels: 'billling' occurs nowhere in column 'label'" in line
    assert "without a label (rows): 'billing' (30)" in line


def test_show_takes_a_task_folder_and_says_where_else_a_name_is_looked_for(run, my_csv, tmp_path):
    run("import", my_csv, "--out", tmp_path / "tasks")
    code, said = run("show", tmp_path / "tasks/my", "-n", 1)
    assert code == 0
    assert said.startswith("my: ")
    with pytest.raises(TaskError, match=r"no task is named 'my'.* --path FOLDER"):
        run("show", "my")
    with pytest.raises(
        TaskError, match=r"tasks show: .*/mi' is no task folder. Did you mean .*/my'"
    ):
        run("show", tmp_path / "tasks/mi")
