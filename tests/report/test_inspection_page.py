"""Inspected rows on the page and in the terminal."""

from __future__ import annotations

import re
from collections import Counter
from io import StringIO

import pytest
from rich.console import Console

from manyicl.config import Config, ObjectiveConfig
from manyicl.report.inspection import render_inspection, shot_buckets, write_inspection
from manyicl.report.inspection_text import print_inspection, sequence_text
from manyicl.training.inspection import (
    InspectedRow,
    InspectedSequence,
    Inspection,
    Piece,
    PlanSummary,
    TaskShare,
)


def sequence(weight: float = 1.0) -> InspectedSequence:
    pieces = (
        Piece("<s>", 0, 1, -1, 0.0, True),
        Piece("Input: <b>1 & 2</b>\x1b[31m [bold]\nOutput:", 1, 9, -1, 0.0, False),
        Piece(" one", 9, 10, 0, 0.0, False, True),
        Piece("</s>", 10, 11, 0, 0.0, True),
        Piece("\n\nInput: next\r\nOutput:", 11, 17, -1, 0.0, False),
        Piece(" two\nlines", 17, 20, 1, weight, False, True),
        Piece("</s>", 20, 21, 1, weight, True),
    )
    return InspectedSequence("toy", (4, 2), {"yes": "QX"}, pieces, 21, 4)


@pytest.fixture
def inspection() -> Inspection:
    plan = PlanSummary(
        rows=10,
        rows_per_step=2,
        max_tokens=64,
        sequences=10,
        sampled_rows=5,
        num_shots=Counter({2: 9, 5: 1}),
        drawn=12,
        fewer_shots=3,
        tasks=[TaskShare("toy", "other", 30, 2, 10, 23, 210, 105, 20)],
    )
    config = Config(objective=ObjectiveConfig(supervise="last_answer"))
    config.episodes.shots = "2-5"
    return Inspection(config, [InspectedRow(3, (sequence(),))], plan, True)


def terminal(inspection: Inspection, **options) -> str:
    out = StringIO()
    print_inspection(inspection, Console(file=out, width=120, **options))
    return out.getvalue()


def test_without_colour_targets_stand_in_brackets_and_all_text_is_there():
    text = sequence_text(sequence(), uniform=True, colour=False).plain
    assert text == (
        "<s>Input: <b>1 & 2</b>␛[31m [bold]\nOutput:⟨0⟩ one</s>"
        "\n\nInput: next␍\nOutput:⟨1⟩⟦ two↵\nlines</s>⟧"
    )


def test_with_colour_targets_are_coloured_instead(inspection):
    text = sequence_text(sequence(), uniform=True, colour=True)
    assert "⟦" not in text.plain
    styled = {text.plain[span.start : span.end]: str(span.style) for span in text.spans}
    assert "green" in styled[" two↵\nlines"]
    assert "green" not in styled.get(" one", "")
    assert "\x1b[" in terminal(inspection, force_terminal=True, color_system="standard")


def test_weights_are_shown_where_they_differ():
    text = sequence_text(sequence(0.25), uniform=False, colour=False).plain
    assert "⟨0 ×0⟩ one" in text
    assert "⟨1 ×0.25⟩⟦ two" in text


def test_the_terminal_prints_every_line_of_a_sequence_and_the_plan(inspection):
    out = terminal(inspection)
    assert sequence_text(sequence(), True, False).plain in out
    assert "\x1b" not in out
    for said in (
        "Row 3 (rows 0 to 9), step 2 of 5",
        "train examples 4, 2; symbols for labels: yes = QX",
        "21 of 64 tokens, 1 sequence, 2 demonstrations, 4 supervised tokens (19.0 %)",
        "longer than 64 tokens: 2 of toy",
        "3 of 12 drawn",
        "2 to 5, median 2",
        "5 rows spread over the run's 10",
    ):
        assert said in out, said


def test_the_page_holds_the_same_text_escaped_and_no_scripts(inspection):
    page = render_inspection(inspection)
    assert "<script" not in page
    assert "http" not in page
    assert "<b>1" not in page
    body = re.search(r'<div class="tokens" dir="auto">(.*?)</div>', page, re.S)
    assert body
    plain = re.sub(r"<sup>.*?</sup>|<[^>]*>", "", body[1])
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&amp;", "&")):
        plain = plain.replace(entity, character)
    brackets = sequence_text(sequence(), True, False).plain
    assert plain == re.sub("⟨.*?⟩|[⟦⟧]", "", brackets)
    assert body[1].count('class="target"') == 1
    assert '<sup>1</sup><span class="target" title="answer after 1 shot, 3 tokens' in body[1]
    assert "\x1b" not in page


def test_the_page_is_one_file_written_whole(inspection, tmp_path):
    path = write_inspection(inspection, tmp_path / "new" / "page.html")
    assert path.read_text(encoding="utf-8") == render_inspection(inspection)
    assert list(path.parent.iterdir()) == [path]


def test_sequences_are_counted_by_powers_of_two():
    counts = Counter({1: 1, 2: 2, 3: 2, 4: 1, 16: 8})
    assert shot_buckets(counts) == [
        ("1", 1, 0.125),
        ("2-3", 4, 0.5),
        ("4-7", 1, 0.125),
        ("8-15", 0, 0.0),
        ("16-31", 8, 1.0),
    ]
