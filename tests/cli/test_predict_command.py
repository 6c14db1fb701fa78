"""`manyicl predict`: the command answers as the function does, and refuses bad input in time."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import pytest
import torch
from builders import byte_level_tokenizer, make_task, tiny_model

from manyicl.cli import main
from manyicl.inference import Engine
from manyicl.inference.predict import PredictSettings, predict
from manyicl.tasks import read_task, write_task
from manyicl.tasks.queries import read_queries

QUERIES = [("7", "a candle, two rivers\nand a mirror"), ("9", "the harbour 👍"), ("x", "engine")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model folder, a task folder and a file of queries."""
    folder = tmp_path_factory.mktemp("predict")
    tiny_model(vocab_size=400).save_pretrained(folder / "model")
    byte_level_tokenizer().save_pretrained(folder / "model")
    write_task(make_task(), folder / "toy")
    with (folder / "queries.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *QUERIES])
    return folder


def words(folder: Path, out: Path, *more: object, queries: str = "queries.csv") -> list[str]:
    return [
        "predict", str(folder / "model"), "--queries", str(folder / queries), "--out", str(out),
        *map(str, more),
    ]  # fmt: skip


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_command_answers_as_the_function_does(folder, tmp_path, capsys):
    out = tmp_path / "new" / "answers.jsonl"
    more = ("--task", folder / "toy", "--query-input", "text", "--shots", 5, "--seed", 2)
    assert main(words(folder, out, *more, "--scoring", "mean")) == 0
    printed = capsys.readouterr()
    assert f"Answers: {out} (3 rows)" in printed.out
    assert "shown: 5 of 30 demonstrations" in printed.err
    assert "answered 3 of 3" in printed.err

    task = read_task(folder / "toy")
    queries = read_queries(folder / "queries.csv", task, input="text")
    engine = Engine.load(str(folder / "model"))
    settings = PredictSettings(num_shots=5, seed=2, scoring="mean")
    expected = predict(engine, task, queries.examples, settings)
    assert rows_of(out) == [
        {
            "id": id_,
            "text": text,
            "answer": prediction.answer,
            "probability": prediction.probability,
            "scores": prediction.scores,
            "num_shots": 5,
        }
        for (id_, text), prediction in zip(QUERIES, expected, strict=True)
    ]


def test_csv_answers_hold_every_row_and_a_probability(folder, tmp_path):
    out = tmp_path / "answers.csv"
    assert main(words(folder, out, "--task", folder / "toy", "--query-input", "text")) == 0
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["text"]) for row in rows] == QUERIES
    for row in rows:
        assert row["answer"] in ("positive", "negative", "no opinion")
        assert 1 / 3 <= float(row["probability"]) <= 1
        assert int(row["num_shots"]) > 3


def test_a_file_of_solved_examples_serves_as_the_task(folder, tmp_path, capsys):
    solved = tmp_path / "solved.csv"
    lines = [f"message {i} about {'tea' if i % 2 else 'milk'},{i % 2}" for i in range(8)]
    solved.write_text("\n".join(["text,kind", *lines]))
    out = tmp_path / "answers.jsonl"
    more = ("--demonstrations", solved, "--target", "kind", "--labels", "0,1")
    assert main(words(folder, out, *more, "--instruction", "Sort.")) == 0
    # The queries' column is the one the demonstrations have.
    assert [row["text"] for row in rows_of(out)] == [text for _, text in QUERIES]
    assert all(set(row["scores"]) == {"0", "1"} for row in rows_of(out))
    more = ("--demonstrations", solved, "--target", "text", "--input", "kind")
    assert main(words(folder, out, *more, "--max-new-tokens", 3, "--query-input", "id",
                      "--force")) == 0  # fmt: skip
    assert "answers are written" in capsys.readouterr().err
    assert all("scores" not in row for row in rows_of(out))


def test_a_run_folder_stands_for_its_model(folder, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("run_dir: runs/other\n")
    (run / "model").symlink_to(folder / "model")
    out = tmp_path / "answers.jsonl"
    arguments = words(folder, out, "--task", folder / "toy", "--query-input", "text")
    arguments[1] = str(run)
    assert main(arguments) == 0
    (run / "model").unlink()
    assert main([*arguments, "--force"]) == 2


def test_a_prefix_is_kept_and_used_again(folder, tmp_path, capsys):
    prefix = tmp_path / "toy.safetensors"
    more = ("--task", folder / "toy", "--query-input", "text", "--prefix", prefix, "--shots", 6)
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert main(words(folder, first, *more)) == 0
    assert f"prefix saved: {prefix}" in capsys.readouterr().err
    assert main(words(folder, second, *more)) == 0
    assert "prefix saved" not in capsys.readouterr().err
    assert rows_of(first) == rows_of(second)
    assert main(words(folder, tmp_path / "chat.jsonl", *more, "--template", "chat")) == 2


BAD_FILES = {
    "empty.csv": (b"", "holds no rows"),
    "latin.csv": (b"text\ncaf\xe9\n", "is not valid UTF-8"),
    "broken.jsonl": (b'{"text": "a"}\n{"text"\n', "row 2: not valid JSON"),
    "blank.csv": (b"id,text\n1,one\n2,\n", "row 3: the input is empty"),
    "column.csv": (b"id,txet\n1,one\n", "no column 'text' (wanted as input). Did you mean 'txet'"),
    "long.jsonl": (b'{"text": "' + b"word " * 700 + b'"}\n', "row 1: the query takes"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_queries_are_refused_with_their_place(folder, tmp_path, capsys, name):
    content, said = BAD_FILES[name]
    (folder / name).write_bytes(content)
    out = tmp_path / "answers.csv"
    more = ("--task", folder / "toy", "--query-input", "text")
    assert main(words(folder, out, *more, queries=name)) == 2
    printed = capsys.readouterr().err
    assert f"error: {folder / name}" in printed
    assert said in printed
    assert "Traceback" not in printed
    assert not out.exists()


def test_answers_that_are_there_are_kept_unless_forced(folder, tmp_path, capsys):
    out = tmp_path / "answers.csv"
    out.write_text("precious")
    more = ("--task", folder / "toy", "--query-input", "text", "--shots", 1)
    assert main(words(folder, out, *more)) == 2
    assert f"--out: {out} exists already" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert main(words(folder, out, *more, "--force")) == 0
    assert out.read_text().startswith("id,text,answer,probability,num_shots\n")
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, torch.OutOfMemoryError, signal.SIGTERM])
@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_answers_finished_before_a_break_are_kept(
    folder, tmp_path, capsys, monkeypatch, error, suffix
):
    out, part = tmp_path / f"a.{suffix}", tmp_path / f"a.{suffix}.part"
    more = ("--task", folder / "toy", "--query-input", "text", "--shots", 2)
    assert main(words(folder, out, *more)) == 0
    every = out.read_text(encoding="utf-8")
    out.unlink()
    monkeypatch.setattr("manyicl.inference.predict.QUERIES_AT_ONCE", 1)
    plain, calls = Engine.choose, []

    def broken(self, *args):
        calls.append(args)
        if len(calls) == broken_at:
            if error is signal.SIGTERM:
                os.kill(os.getpid(), error)
            else:
                raise error
        return plain(self, *args)

    monkeypatch.setattr(Engine, "choose", broken)
    capsys.readouterr()
    broken_at = 3
    assert main(words(folder, out, *more)) == (1 if error is torch.OutOfMemoryError else 130)
    assert f"broken off after 2 of 3 rows; their answers: {part}" in capsys.readouterr().err
    assert not out.exists()
    kept = part.read_text(encoding="utf-8")
    if suffix == "jsonl":
        assert len(kept.splitlines()) == 2
        assert [r["answer"] for r in rows_of(part)] == [
            json.loads(line)["answer"] for line in every.splitlines()[:2]
        ]
    else:
        with part.open(encoding="utf-8", newline="") as file:
            assert [(row["id"], row["text"]) for row in csv.DictReader(file)] == QUERIES[:2]
    part.unlink()
    calls.clear()
    broken_at = 1
    main(words(folder, out, *more))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "give one of --task (a task folder or built-in task) and --demonstrations"),
        (("--task", "ticket_team", "--demonstrations", "x.csv"), "give one of --task"),
        (("--task", "tickt_team"), "Did you mean 'ticket_team'"),
        (("--task", "ticket_team", "--labels", "a,b"), "--labels: belongs to --demonstrations"),
        (("--demonstrations", "nowhere.csv"), "nowhere.csv: no such file"),
        (("--task", "ticket_team", "--shots", "-2"), "num_shots: is -2"),
        (("--task", "ticket_team", "--shots", "5000"), "asked for 5000 shots"),
    ],
)
def test_what_does_not_make_sense_is_refused(folder, tmp_path, capsys, more, said):
    arguments = words(folder, tmp_path / "a.csv", "--query-input", "text", *more)
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_found_before_the_model_is_read(folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    arguments = words(folder, tmp_path / "file" / "a.csv", "--task", "ticket_team")
    arguments[1] = str(tmp_path / "no_model")
    assert main([*arguments, "--query-input", "text"]) == 1
    assert "cannot be written" in capsys.readouterr().err
    arguments = words(folder, tmp_path / "a.txt", "--task", "ticket_team")
    assert main(arguments) == 2
    assert "answers are written as .jsonl, .csv, .tsv" in capsys.readouterr().err


def test_answers_that_cannot_be_written_after_all_are_kept_elsewhere(
    folder, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "answers.jsonl"
    more = ("--task", folder / "toy", "--query-input", "text", "--shots", 2)
    assert main(words(folder, out, *more)) == 0
    expected = out.read_text(encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    replace = os.replace

    def full(source: str, target: Path) -> None:
        if Path(target).parent == tmp_path:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    capsys.readouterr()
    assert main(words(folder, out, *more, "--force")) == 1
    (spare,) = (tmp_path / "tmp").iterdir()
    said = capsys.readouterr()
    assert "answers.jsonl: cannot be written (No space left on device)" in said.err
    assert f"Answers: {spare} (3 rows)" in said.out
    assert spare.read_text(encoding="utf-8") == expected
