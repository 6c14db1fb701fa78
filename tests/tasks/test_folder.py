import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.errors import TaskError
from manyicl.tasks import Example, Task, read_examples, read_task, write_task

SHARED = Path(__file__).resolve().parents[2].parent / "shared/data/tasks"

META = {"name": "mood", "family": "classification", "kind": "classification", "metric": "accuracy"}
META["labels"] = ["good", "bad"]  # pyright: ignore[reportArgumentType]
ROWS = [{"input": "what a day", "output": "good"}, {"input": "oh no", "output": "bad"}]


def make_folder(folder, meta=META, train=ROWS, test=ROWS):
    folder.mkdir(exist_ok=True)
    for name, content in (("task.json", meta), ("train.jsonl", train), ("test.jsonl", test)):
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        elif isinstance(content, str):
            (folder / name).write_text(content, encoding="utf-8")
        elif isinstance(content, dict):
            (folder / name).write_text(json.dumps(content), encoding="utf-8")
        elif content is not None:
            text = "".join(json.dumps(row) + "\n" for row in content)
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def meta_without(*keys, **changes):
    return {key: value for key, value in META.items() if key not in keys} | changes


def message_of(folder, split=None):
    with pytest.raises(TaskError) as caught:
        _ = read_task(folder) if split is None else read_task(folder).split(split)
    return str(caught.value)


def test_a_good_folder_is_read_with_its_rows_numbered(tmp_path):
    task = read_task(make_folder(tmp_path / "mood"))
    assert (task.name, task.kind, task.labels) == ("mood", "classification", ("good", "bad"))
    assert task.group == "mood"
    assert task.train == [Example("what a day", "good", row=1), Example("oh no", "bad", row=2)]


def test_rows_are_not_opened_before_they_are_asked_for(tmp_path):
    task = read_task(make_folder(tmp_path / "mood", train=None, test=None))
    assert task.name == "mood"
    with pytest.raises(TaskError, match=r"train.jsonl: not found.*train.jsonl and test.jsonl"):
        _ = task.train


@pytest.mark.parametrize(
    ("meta", "parts"),
    [
        (None, ["task.json: not found", "manyicl tasks import"]),
        ("{", ["task.json: not valid JSON", "line 1 column 2"]),
        ("", ["task.json: not valid JSON"]),
        ("[1]", ["task.json: holds a JSON list; it must be an object"]),
        (meta_without("kind"), ["task.json: field 'kind' is missing", "Add it"]),
        (meta_without(name=""), ["task.json: field 'name' is missing or empty"]),
        (meta_without(name="a/b"), ["task.json: field 'name' is 'a/b'", "no slash"]),
        (meta_without(family="clasification"), ["'clasification'", "Did you mean 'class", "nli"]),
        (meta_without(metric="bleu"), ["field 'metric' is 'bleu'", "rouge_l"]),
        (
            meta_without(instrution="x"),
            ["unknown field 'instrution'", "Did you mean 'instruction'"],
        ),
        (meta_without(group=3), ["field 'group' is 3; it must be a JSON string"]),
        (meta_without(n_train=True), ["field 'n_train' is True; it must be a JSON number"]),
        (meta_without(labels="good"), ["field 'labels' is 'good'; it must be a JSON list"]),
        (meta_without(labels=["good", 1]), ["'labels' must list non-empty strings"]),
        (meta_without(labels=["a", "a"]), ["'labels' names a label twice"]),
        (meta_without("labels"), ["needs at least two 'labels'", "set kind to 'generation'"]),
        (meta_without(labels=["good"]), ["needs at least two 'labels'", "List the class names"]),
        (meta_without(kind="generation"), ["'labels' lists 2 answers", "remove 'labels'"]),
    ],
)
def test_a_faulty_task_json_names_file_field_and_way_out(meta, parts, tmp_path):
    message = message_of(make_folder(tmp_path / "mood", meta=meta))
    assert str(tmp_path / "mood" / "task.json") in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ('{"input": "x"}', ["field 'output' is missing. Add it"]),
        ('{"output": "good"}', ["field 'input' is missing"]),
        (r'{"input": "\ud800", "output": "good"}', ["field 'input'", "surrogate"]),
        ('{"input": 3, "output": "good"}', ["field 'input' is 3 (int)", 'e.g. "3"']),
        ('{"input": null, "output": "good"}', ["field 'input' is None (NoneType)"]),
        ('{"input": "x", "output": ["good"]}', ["field 'output' is ['good'] (list)"]),
        ('{"input": "x", "output": " "}', ["field 'output' is empty", "remove the row"]),
        ('{"input": "x", "output": "god"}', ["'god', not one of the 2 labels", "mean 'good'"]),
        ('{"input": "x", "output": "good", "label": 1}', ["unknown field 'label'", "references"]),
        ('{"input": "x", "output": "good", "options": "good"}', ["field 'options' must be a list"]),
        ('{"input": "x", "output": "good", "options": [""]}', ["list of non-empty strings"]),
        ('{"input": "x", "output": "good", "options": ["bad", "ok"]}', ["not among its options"]),
        ('{"input": "x", "output": "good", "references": ["fine"]}', ["not among its references"]),
        ('["x", "good"]', ["holds a JSON list; a row must be an object"]),
        ("{'input': 'x'}", ["not valid JSON"]),
        ("x" * 10, ["not valid JSON"]),
    ],
)
def test_a_faulty_row_names_file_row_field_and_way_out(line, parts, tmp_path):
    good = json.dumps(ROWS[0])
    folder = make_folder(tmp_path / "mood", train=f"{good}\n\n{line}\n{good}\n")
    message = message_of(folder, "train")
    assert f"{folder / 'train.jsonl'} row 3: " in message
    for part in parts:
        assert part in message


def test_all_faulty_rows_come_at_once_up_to_twenty(tmp_path):
    folder = make_folder(tmp_path / "mood", train='{"input": "x"}\n' * 3)
    assert message_of(folder, "train").count("field 'output' is missing") == 3
    folder = make_folder(tmp_path / "many", train='{"input": "x"}\n' * 90)
    message = message_of(folder, "train")
    assert message.count("field 'output' is missing") == 20
    assert "stopped after 20 faulty rows" in message


def test_a_multiple_choice_row_needs_options(tmp_path):
    meta = meta_without("labels", kind="multiple_choice", family="qa")
    message = message_of(make_folder(tmp_path / "quiz", meta=meta), "train")
    assert "row 1: field 'options' is missing" in message
    assert "lists its candidates" in message


@pytest.mark.parametrize(
    "meta", [META, meta_without("labels", kind="generation")], ids=lambda meta: meta["kind"]
)
def test_options_belong_to_multiple_choice_rows_alone(meta, tmp_path):
    rows = [ROWS[0], ROWS[1] | {"options": ["good", "bad"]}]
    message = message_of(make_folder(tmp_path / "mood", meta=meta, test=rows), "test")
    assert "test.jsonl row 2: field 'options' belongs to multiple_choice rows" in message
    assert f"of kind '{meta['kind']}'. Remove the field, or set kind" in message


@pytest.mark.parametrize("name", ["task.json", "train.jsonl"])
def test_invalid_utf8_names_the_row_and_the_byte(name, tmp_path):
    first = json.dumps(ROWS[0]).encode() + b"\n"
    content = {"task.json": b'{"name": \n"\xff"}', "train.jsonl": first + b'{"input": "\xe4"}\n'}
    changed = {"meta": content[name]} if name == "task.json" else {"train": content[name]}
    message = message_of(make_folder(tmp_path / "mood", **changed), "train")
    assert f"{name} row 2: byte" in message
    assert "Re-save the file as UTF-8" in message


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_train_file_names_the_file(content, tmp_path):
    folder = make_folder(tmp_path / "mood", train=content)
    message = message_of(folder, "train")
    assert "task 'mood': the train split is empty" in message
    assert f"Add rows to {folder / 'train.jsonl'}" in message


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path):
    lines = "\r\n".join(json.dumps(row) for row in ROWS)
    folder = make_folder(tmp_path / "mood", train=b"\xef\xbb\xbf" + lines.encode())
    assert [example.target for example in read_task(folder).train] == ["good", "bad"]


def test_line_separators_inside_a_row_do_not_split_it(tmp_path):
    text = "one\u2028two\x85three\x0bfour"
    row = json.dumps({"input": text, "output": "good"}, ensure_ascii=False)
    folder = make_folder(tmp_path / "mood", train=row + "\n")
    assert read_task(folder).train[0].input == text


def test_a_row_nested_beyond_reason_is_an_error_not_a_crash(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("[" * 100_000 + "\n", encoding="utf-8")
    with pytest.raises(TaskError, match="row 1: "):
        read_examples(path)


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@given(
    rows=st.lists(st.tuples(TEXT, TEXT.filter(str.strip)), min_size=1, max_size=8),
    instruction=TEXT,
)
@settings(max_examples=40, deadline=None)
def test_what_is_written_reads_back_the_same(rows, instruction, tmp_path_factory):
    examples = [Example(a, b, (b, "x" + b), (b,), row=i) for i, (a, b) in enumerate(rows, 1)]
    task = Task(
        name="any",
        family="other",
        kind="multiple_choice",
        metric="f1",
        group="g",
        load=lambda split: examples,
        instruction=instruction,
        source={"licence": "none"},
        note="n",
        canary="c",
    )
    read = read_task(write_task(task, tmp_path_factory.mktemp("task")))
    assert read.train == read.test == examples
    assert read.metadata() == task.metadata()
    assert read.fingerprint("test") == task.fingerprint("test")


def test_writing_refuses_a_folder_that_holds_a_task(tmp_path):
    folder = make_folder(tmp_path / "mood")
    with pytest.raises(TaskError, match=r"holds a task already. Remove it or choose another"):
        write_task(read_task(folder), folder)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real task collection is not here")
def test_all_real_tasks_read():
    folders = sorted(path.parent for path in SHARED.rglob("task.json"))
    assert len(folders) == 151
    sizes = [(len(task.train), len(task.test)) for task in map(read_task, folders)]
    assert min(min(size) for size in sizes) > 0
    assert max(train for train, _ in sizes) == 2000
