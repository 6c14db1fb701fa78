from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from manyicl.cli.report import register
from manyicl.errors import ManyICLError


def call(*words: object) -> int:
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    args = parser.parse_args(["report", *map(str, words)])
    return args.run(args)


def test_a_run_folder_gets_its_report_and_the_table_is_printed(
    tmp_path: Path, results, capsys: pytest.CaptureFixture[str]
) -> None:
    results.save(tmp_path / "demo" / "results.json")
    assert call(tmp_path / "demo") == 0
    html = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "<title>demo: k-shot results</title>" in html
    said = capsys.readouterr().out
    assert "Held-out tasks, score in %" in said
    assert str(tmp_path / "demo" / "report.html") in said.replace("\n", "")


def test_the_report_goes_where_it_is_told(tmp_path: Path, results) -> None:
    file = results.save(tmp_path / "demo" / "results.json")
    assert call(file, "--out", tmp_path / "other.html") == 0
    assert (tmp_path / "other.html").is_file()
    assert not (tmp_path / "demo" / "report.html").exists()
    kept = results.save(tmp_path / "demo" / "results.1.json")
    assert call(kept) == 0
    assert (tmp_path / "demo" / "report.1.html").is_file()


def test_several_runs_are_named_by_as_much_of_their_path_as_tells_them_apart(
    tmp_path: Path, results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x/many", "y/many"):
        results.save(tmp_path / name / "results.json")
    assert call("x/many", "y/many/results.json") == 0
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<title>x/many, y/many: k-shot results</title>" in html


@pytest.mark.parametrize(
    ("words", "message"),
    [(["nowhere"], "not found"), (["demo", "demo/results.json"], "named twice")],
)
def test_bad_names_are_errors_with_a_way_out(
    tmp_path: Path, results, monkeypatch: pytest.MonkeyPatch, words, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    results.save(tmp_path / "demo" / "results.json")
    with pytest.raises(ManyICLError, match=message) as caught:
        call(*words)
    assert caught.value.exit_code == 2
