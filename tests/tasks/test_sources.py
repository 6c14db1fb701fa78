import json

import pytest

from manyicl.errors import RunError, TaskError
from manyicl.files import part_of
from manyicl.tasks import load_tasks, read_task
from manyicl.tasks.mapping import ColumnMapping
from manyicl.tasks.sampling import Limits
from manyicl.tasks.sources import TaskFields, import_files, write_task_folder

WORDS = (
    "river", "stone", "lamp", "cloud", "paper", "train", "apple", "chair", "storm", "bread",
    "glass", "field", "north", "piano",
)  # fmt: skip


def text(number):
    picked = [WORDS[(number * 5 + i * (number + 2)) % len(WORDS)] for i in range(6)]
    return f"{number} {' '.join(picked)}"


def write_csv(path, pairs, header="text,label"):
    lines = [header, *(f'"{x}",{y}' for x, y in pairs)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def labelled(number, labels=("refund", "delivery", "defect"), start=0):
    return [(text(start + i), labels[i % len(labels)]) for i in range(number)]


def do_import(source, tmp_path, mapping=None, **options):
    fields = options.pop("fields", TaskFields("tickets"))
    return import_files(source, tmp_path / "tasks", fields, mapping, **options)


def test_options_name_the_target_of_a_task_that_is_answered_in_words(tmp_path):
    rows = [{"input": text(i), "output": "B", "options": [f"a{i}", f"b{i}"]} for i in range(20)]
    source = write_jsonl(tmp_path / "quiz.jsonl", rows)
    report = do_import(source, tmp_path, fields=TaskFields("quiz", kind="generation"))
    task = read_task(tmp_path / "tasks/quiz")
    found = [*task.train, *task.test]
    assert {example.options for example in found} == {()}
    assert all(f"(B) {example.target}" in example.input for example in found)
    assert "options are no field of the rows (kind is generation)" in "\n".join(report.lines())


def test_multiple_choice_without_options_is_refused(tmp_path):
    source = write_csv(tmp_path / "my.csv", labelled(30))
    with pytest.raises(TaskError, match=r"'tickets': kind is multiple_choice, but rows have no"):
        do_import(source, tmp_path, fields=TaskFields("tickets", kind="multiple_choice"))


def test_a_csv_becomes_a_task_and_everything_guessed_is_said(tmp_path):
    source = write_csv(tmp_path / "my.csv", labelled(30))
    report = do_import(source, tmp_path)
    task = read_task(tmp_path / "tasks/tickets")
    assert report.folder == task.folder
    assert (task.kind, task.family, task.metric) == ("classification", "classification", "accuracy")
    assert task.labels == ("defect", "delivery", "refund")
    assert task.source == {"files": ["my.csv"]}
    assert (len(task.train), len(task.test)) == (24, 6)
    pairs = [(example.input, example.target) for example in (*task.train, *task.test)]
    assert sorted(pairs) == sorted(labelled(30))
    said = "\n".join(report.lines())
    for part in (
        "30 rows, 30 taken",
        "first row is a header",
        "input is column 'text', target is column 'label'",
        "kind is classification (3 short targets over 30 rows)",
        "test part: 6 examples split off",
        "labels are 'defect', 'delivery', 'refund'",
        "metric is accuracy",
        "family is classification",
        "24 train and 6 test examples",
    ):
        assert part in said


def test_the_same_source_gives_the_same_task(tmp_path):
    source = write_csv(tmp_path / "my.csv", labelled(80))
    limits = Limits(max_train=30, max_test=10)
    for name in ("one", "two"):
        do_import(source, tmp_path, fields=TaskFields(name, group="g"), limits=limits)
    one, two = (read_task(tmp_path / "tasks" / name) for name in ("one", "two"))
    assert (one.train, one.test) == (two.train, two.test)
    assert (len(one.train), len(one.test)) == (30, 10)


def test_a_test_file_is_kept_apart_from_train(tmp_path):
    train = write_csv(tmp_path / "train.csv", labelled(20))
    test = write_csv(tmp_path / "test.csv", [*labelled(6, start=50), (text(3).upper(), "refund")])
    report = do_import(train, tmp_path, test=test)
    task = read_task(report.folder)
    assert (len(task.train), len(task.test)) == (19, 7)
    assert text(3) not in [example.input for example in task.train]
    said = "\n".join(report.lines())
    assert "left out 1 row: its input stands in the test part (row 5)" in said


@pytest.mark.parametrize(
    ("answers", "kind", "metric"),
    [
        ([str(i * 7) for i in range(40)], "generation", "numeric"),
        ([f"{i * 7 % 60}" for i in range(400)], "generation", "numeric"),
        ([f"w{i}" for i in range(20)], "generation", "exact_match"),
        ([text(i + 99) for i in range(9)], "generation", "rouge_l"),
        ([[f"w{i}", "w"] for i in range(9)], "generation", "f1"),
        ([i % 5 for i in range(30)], "classification", "accuracy"),
        ([i % 2 == 0 for i in range(9)], "classification", "accuracy"),
    ],
)
def test_kind_metric_and_family_are_guessed_from_the_targets(answers, kind, metric, tmp_path):
    rows = [{"q": text(i), "a": answer} for i, answer in enumerate(answers)]
    source = write_jsonl(tmp_path / "my.jsonl", rows)
    report = do_import(source, tmp_path, ColumnMapping("q", "a"))
    assert (report.kind, report.metric) == (kind, metric)
    families = {"classification": "classification", "numeric": "math"}
    assert report.family == families.get(kind, families.get(metric, "other"))


def test_rows_in_our_own_format_need_no_mapping(tmp_path):
    rows = [
        {"input": text(i), "output": "b", "options": ["a", "b"], "references": ["b", "B"]}
        for i in range(8)
    ]
    report = do_import(write_jsonl(tmp_path / "my.jsonl", rows), tmp_path)
    task = read_task(report.folder)
    assert task.kind == "multiple_choice"
    assert task.train[0].options == ("a", "b")
    assert task.train[0].input.endswith("Options: (A) a (B) b")


def test_columns_in_two_column_tables_are_told_by_name_or_length(tmp_path):
    source = write_csv(tmp_path / "a.csv", [(y, x) for x, y in labelled(12)], "kind,words")
    report = do_import(source, tmp_path)
    assert "input is column 'words', target is column 'kind' (the longer" in "\n".join(report.notes)
    source = write_csv(tmp_path / "b.csv", [(y, x) for x, y in labelled(12)], "label,x")
    report = do_import(source, tmp_path, fields=TaskFields("b"))
    assert "input is column 'x', target is column 'label' (by their names)" in report.notes


@pytest.mark.parametrize(
    ("header", "mapping", "message"),
    [
        ("a,b,c", None, "cannot tell which column is the input. Columns found: a, b, c.*--input"),
        ("text,b,c", None, "cannot tell which column is the target.*--target COLUMN"),
        ("text,b,c", ("texd", "b"), r"no column 'texd' \(wanted as input\). Did you mean 'text'"),
        ("text,b,c", ("text", "label"), r"no column 'label' \(wanted as target\).*text, b, c"),
    ],
)
def test_columns_that_cannot_be_told_are_listed(header, mapping, message, tmp_path):
    rows = ["1 x,y,z", "2 x,y,z"]
    path = tmp_path / "my.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    with pytest.raises(TaskError, match=message):
        do_import(path, tmp_path, ColumnMapping(*mapping) if mapping else None)
    assert not (tmp_path / "tasks").exists()


def test_faulty_rows_name_file_row_and_column_and_write_nothing(tmp_path):
    source = write_csv(tmp_path / "my.csv", [*labelled(9), ("", "refund"), ("what", "")])
    with pytest.raises(TaskError) as caught:
        do_import(source, tmp_path, ColumnMapping("text", "label"))
    message = str(caught.value)
    assert f"{source} row 11: input 'text' is empty." in message
    assert f"{source} row 12: target 'label' is empty." in message
    assert "--skip-bad-rows" in message
    assert not (tmp_path / "tasks").exists()
    report = do_import(source, tmp_path, strict=False)
    assert "left out 2 rows: not usable (rows 11, 12)" in "\n".join(report.lines())


def test_one_distinct_target_is_no_classification(tmp_path):
    source = write_csv(tmp_path / "my.csv", labelled(9, ("same",)))
    with pytest.raises(TaskError, match=r"all targets are 'same'.*--target the right column"):
        do_import(source, tmp_path, fields=TaskFields("t", kind="classification"))


@pytest.mark.parametrize("name", ["", "a/b", "a b", "../x", "family:x", "a*", ".hidden"])
def test_names_that_cannot_be_used_are_refused(name, tmp_path):
    source = write_csv(tmp_path / "my.csv", labelled(9))
    with pytest.raises(TaskError, match=r"cannot be a task name. Use letters"):
        do_import(source, tmp_path, fields=TaskFields(name))


def test_a_taken_place_is_refused_and_left_as_it_is(tmp_path):
    source = write_csv(tmp_path / "my.csv", labelled(9))
    (tmp_path / "tasks/tickets").mkdir(parents=True)
    note = tmp_path / "tasks/tickets/notes.txt"
    note.write_text("mine")
    with pytest.raises(TaskError, match=r"exists and is not empty. Remove it, or choose another"):
        do_import(source, tmp_path)
    assert note.read_text() == "mine"
    note.unlink()
    assert do_import(source, tmp_path).num_train > 0


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    source = write_csv(tmp_path / "my.csv", labelled(9))

    def full(task, folder):
        folder.mkdir(exist_ok=True)
        (folder / "train.jsonl").write_text("half a ro")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("manyicl.tasks.sources.write_task", full)
    with pytest.raises(RunError, match=r"tickets: cannot be written .No space left on device"):
        do_import(source, tmp_path)
    assert list((tmp_path / "tasks").iterdir()) == []


def test_an_import_that_was_killed_is_no_task_and_can_be_done_again(tmp_path):
    source = write_csv(tmp_path / "my.csv", labelled(9))
    stage = part_of(tmp_path / "tasks/tickets", 2**22 + 1)
    stage.mkdir(parents=True)
    (stage / "train.jsonl").write_text("half a ro")
    with pytest.raises(TaskError, match="holds no task"):
        load_tasks([tmp_path / "tasks"])
    do_import(source, tmp_path)
    assert [path.name for path in (tmp_path / "tasks").iterdir()] == ["tickets"]


def test_a_task_that_does_not_read_back_is_not_left(tmp_path, monkeypatch):
    source = write_csv(tmp_path / "my.csv", labelled(9))
    task = read_task(do_import(source, tmp_path).folder)
    monkeypatch.setattr("manyicl.tasks.task.Task.metadata", lambda self: {"name": "x"})
    with pytest.raises(TaskError):
        write_task_folder(task, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    source = write_csv(tmp_path / "my.csv", labelled(9))
    (tmp_path / "tasks").write_text("a file where the folder should be")
    with pytest.raises(RunError, match=r"tickets: cannot be written"):
        do_import(source, tmp_path)
