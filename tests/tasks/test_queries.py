"""Queries from files: which column is asked, and what a row must hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import make_task

from manyicl.errors import TaskError
from manyicl.tasks import Example
from manyicl.tasks.queries import read_queries

TASK = make_task()


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_input_is_the_named_column_the_usual_one_or_input_or_the_only_one(tmp_path):
    two = write(tmp_path / "two.csv", "text,input\nthe text,the input\n")
    assert read_queries(two, TASK, input="text").examples == [Example("the text", "", row=2)]
    assert read_queries(two, TASK, input="{text} / {input}").examples[0].input == (
        "the text / the input"
    )
    assert read_queries(two, TASK, usual="text").examples[0].input == "the text"
    assert read_queries(two, TASK, usual="headline").examples[0].input == "the input"
    only = write(tmp_path / "only.jsonl", '{"utterance": "hello"}\n')
    assert read_queries(only, TASK).examples[0].input == "hello"
    other = write(tmp_path / "other.csv", "id,text\n1,one\n")
    found = read_queries(other, TASK)
    assert found.examples[0].input == "one"  # a usual name, and the only one
    assert found.notes[-1] == f"{other}: queries are 'text'"
    many = write(tmp_path / "many.csv", "title,text\none,two\n")
    with pytest.raises(
        TaskError, match=r"no column 'input', and more than one column. Columns found: title, te"
    ):
        read_queries(many, TASK)
    with pytest.raises(
        TaskError, match=r"no column 'txt' \(wanted as input\). Did you mean 'text'"
    ):
        read_queries(other, TASK, input="txt")


def test_rows_keep_their_order_and_numbers(tmp_path):
    path = write(tmp_path / "q.csv", 'id,input\n7,"two\nlines"\n\n8,  spaces  \n')
    found = read_queries(path, TASK)
    assert [(e.input, e.row) for e in found.examples] == [("two\nlines", 2), ("spaces", 4)]
    assert [dict(found.table.row(at))["id"] for at in range(2)] == ["7", "8"]


def test_every_faulty_row_is_named(tmp_path):
    rows = [{"input": "fine"}, {"input": " "}, {"other": 1}, {"input": {"a": 1}}]
    path = write(tmp_path / "q.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    path.write_text(path.read_text() + '{"input": "\\ud800"}\n')
    with pytest.raises(TaskError) as caught:
        read_queries(path, TASK)
    message = str(caught.value)
    for said in (
        "row 2: the input is empty",
        "row 3: input 'input' column 'input' is missing",
        "row 4: input 'input' is an object with the fields 'a'",
        "row 5: holds half of a character",
    ):
        assert f"{path} {said}" in message


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "holds no rows"),
        ("header.csv", b"input,id\n", "holds no rows"),
        ("empty.jsonl", b"\n\n", "holds no rows"),
        ("bad.jsonl", b'{"input": "a"}\n{"input": \n', "row 2: not valid JSON"),
        ("latin.csv", b"input\ncaf\xe9\n", "line 2: byte 9 .0xe9. is not valid UTF-8"),
        ("table.xlsx", b"PK", "cannot be read; known types"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TaskError, match=said):
        read_queries(tmp_path / name, TASK)


def choice_task(listed: bool):
    tail = "\nOptions: (A) tea (B) milk" if listed else ""
    rows = [Example(f"drink {i}?{tail}", "tea", ("tea", "milk")) for i in range(3)]
    return make_task(rows, kind="multiple_choice", labels=())


def test_options_are_listed_in_the_input_as_the_demonstrations_list_them(tmp_path):
    row = {"input": "which?", "options": ["red", "blue"]}
    path = write(tmp_path / "q.jsonl", json.dumps(row) + "\n")
    (plain,) = read_queries(path, choice_task(listed=False)).examples
    assert (plain.input, plain.options) == ("which?", ("red", "blue"))
    (listed,) = read_queries(path, choice_task(listed=True)).examples
    assert listed.input == "which?\nOptions: (A) red (B) blue"
    again = write(tmp_path / "again.jsonl", json.dumps(row | {"input": listed.input}) + "\n")
    assert read_queries(again, choice_task(listed=True)).examples[0].input == listed.input


def test_options_of_a_csv_stand_in_columns_or_as_a_json_list(tmp_path):
    columns = write(tmp_path / "columns.csv", "input,a,b,c\nwhich?,red,,blue\n")
    (query,) = read_queries(columns, choice_task(False), options=["a", "b", "c"]).examples
    assert query.options == ("red", "blue")
    cell = write(tmp_path / "cell.csv", 'input,options\nwhich?,"[""red"", ""blue""]"\n')
    assert read_queries(cell, choice_task(False)).examples[0].options == ("red", "blue")


def test_multiple_choice_queries_without_options_are_refused(tmp_path):
    missing = write(tmp_path / "missing.jsonl", '{"input": "which?"}\n')
    with pytest.raises(TaskError, match=r"no column 'options' \(wanted as options\)"):
        read_queries(missing, choice_task(False))
    one = write(tmp_path / "one.jsonl", '{"input": "which?", "options": ["red", "red"]}\n')
    with pytest.raises(TaskError, match=r"row 1: the options are \['red', 'red'\]; a choice needs"):
        read_queries(one, choice_task(False))
    text = write(tmp_path / "text.jsonl", '{"input": "which?", "options": "red or blue"}\n')
    with pytest.raises(TaskError, match=r"row 1: the options are 'red or blue', not a list"):
        read_queries(text, choice_task(False))


def test_options_for_a_task_of_another_kind_are_refused(tmp_path):
    path = write(tmp_path / "q.jsonl", '{"input": "x", "options": ["red", "blue"]}\n')
    with pytest.raises(TaskError, match="--query-options: task 'toy' is of kind 'classification'"):
        read_queries(path, TASK, options=["options"])


def test_a_column_of_options_is_left_alone_where_the_task_has_labels(tmp_path):
    path = write(tmp_path / "q.jsonl", '{"input": "x", "options": ["red", "blue"]}\n')
    assert read_queries(path, TASK).examples[0].options == ()


def test_the_encoding_of_queries_can_be_named(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes("input\nna\u00efve\n".encode("cp1252"))
    assert read_queries(path, TASK, encoding="cp1252").examples[0].input == "na\u00efve"
