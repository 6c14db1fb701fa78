"""`manyicl inspect` prints rows and plan, and writes the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import ARCHITECTURES, make_task

from manyicl.cli import main
from manyicl.tasks import write_task


@pytest.fixture
def words(tmp_path) -> list[str]:
    write_task(make_task(), tmp_path / "tasks" / "toy")
    model = {"model_type": "llama", **ARCHITECTURES["llama"]}
    settings = ", ".join(f"{key}: {value}" for key, value in model.items())
    return [
        "inspect",
        f"run_dir={tmp_path / 'run'}",
        f"tasks.path={tmp_path / 'tasks'}",
        f"model.config={{{settings}}}",
        "model.vocab_size=300",
        "episodes.max_tokens=128",
        "training.steps=4",
        "training.rows_per_step=2",
    ]


def test_rows_and_plan_are_printed_and_nothing_is_written(words, tmp_path, capsys):
    assert main([*words, "-n", "2", "--index", "3"]) == 0
    out = capsys.readouterr().out
    assert "Row 3 (rows 0 to 7), step 2 of 4" in out
    assert "Row 4 (rows 0 to 7), step 3 of 4" in out
    assert "Row 5" not in out
    assert "⟨0⟩⟦ " in out
    assert "<|end|>⟧" in out
    assert "The whole run" in out
    assert {path.name for path in tmp_path.iterdir()} == {"tasks"}


def test_the_page_is_written_where_asked(words, tmp_path, capsys):
    page = tmp_path / "pages" / "rows.html"
    assert main([*words, "--html", str(page)]) == 0
    assert f"HTML: {page}" in capsys.readouterr().out
    text = Path(page).read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "&lt;|end|&gt;" in text


def test_bad_input_exits_with_2(words, capsys):
    assert main([*words, "--index", "8"]) == 2
    assert "--index: is 8, but the run has 8 rows: 0 to 7" in capsys.readouterr().err
    assert main([*words, "episodes.max_tokens=12"]) == 2
    assert "episodes.max_tokens: is 12" in capsys.readouterr().err
    assert main(["inspect", "tasks.path=builtin", "model.path="]) == 2
    assert "model.path: is empty" in capsys.readouterr().err
