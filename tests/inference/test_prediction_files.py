"""Files of predictions keep every column and add the answers."""

from __future__ import annotations

import csv
import io
import json

import pytest

from manyicl.errors import TaskError
from manyicl.inference.predict import Prediction
from manyicl.inference.prediction_files import as_file, check_suffix, new_columns
from manyicl.tasks import Example
from manyicl.tasks.tables import Table

ROWS = [
    {"id": 1, "text": 'a "quoted",\nline', "tags": ["x", "y"], "score": 0.5},
    {"id": 2, "text": "日本語 👍", "tags": None},
]
TABLE = Table("q.jsonl", ("id", "text", "tags", "score"), ROWS)
QUERY = Example("x", "")
CHOSEN = [
    Prediction(QUERY, "yes", 3, {"yes": -1.0, "no": -1.0}),
    Prediction(QUERY, "no", 3, {"yes": -5.0, "no": -0.25}),
]
WRITTEN = [Prediction(QUERY, "one\ntwo", 2), Prediction(QUERY, "", 2)]


def test_jsonl_keeps_every_value_and_adds_all_scores():
    first, second = (json.loads(line) for line in as_file(TABLE, CHOSEN, ".jsonl").splitlines())
    assert first == ROWS[0] | {
        "answer": "yes",
        "probability": 0.5,
        "scores": {"yes": -1.0, "no": -1.0},
        "num_shots": 3,
    }
    assert second["text"] == "日本語 👍"
    assert second["scores"] == {"yes": -5.0, "no": -0.25}
    assert "score" not in second  # the row had none


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_csv_reads_back_with_the_answer_and_its_probability(suffix, delimiter):
    text = as_file(TABLE, CHOSEN, suffix)
    first, second = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    assert first == {
        "id": "1",
        "text": 'a "quoted",\nline',
        "tags": '["x", "y"]',
        "score": "0.5",
        "answer": "yes",
        "probability": "0.5",
        "num_shots": "3",
    }
    assert (second["text"], second["tags"], second["score"]) == ("日本語 👍", "", "")


def test_written_answers_have_neither_probability_nor_scores():
    assert set(json.loads(as_file(TABLE, WRITTEN, ".jsonl").split("\n")[0])) == {
        *ROWS[0],
        "answer",
        "num_shots",
    }
    first, _ = csv.DictReader(io.StringIO(as_file(TABLE, WRITTEN, ".csv"), newline=""))
    assert first["answer"] == "one\ntwo"
    assert "probability" not in first


def test_columns_of_the_queries_are_never_overwritten():
    table = Table("q.csv", ("text", "answer"), [{"text": "a", "answer": "gold"}])
    (row,) = csv.DictReader(io.StringIO(as_file(table, CHOSEN[:1], ".csv")))
    assert row["answer"] == "gold"
    assert row["predicted_answer"] == "yes"
    assert row["predicted_num_shots"] == "3"
    taken = Table("q.csv", ("answer", "predicted_answer"), [])
    with pytest.raises(TaskError, match="has a column 'predicted_answer' already"):
        new_columns(taken)


def test_a_file_of_another_kind_is_refused():
    assert check_suffix("a/B.CSV") == ".csv"
    with pytest.raises(TaskError, match=r"out\.xlsx: answers are written as \.jsonl"):
        check_suffix("out.xlsx")


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_lone_carriage_return_ends_no_row(suffix):
    table = Table("q.jsonl", ("text",), [{"text": "first\rsecond"}, {"text": "plain"}])
    delimiter = "\t" if suffix == ".tsv" else ","
    text = as_file(table, WRITTEN, suffix)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert [row["text"] for row in rows] == ["first\rsecond", "plain"]
    assert [row["answer"] for row in rows] == ["one\ntwo", ""]
