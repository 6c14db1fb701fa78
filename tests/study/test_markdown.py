from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from study.synthetic import synthetic_study

from manyicl.report.numbers import change, percent
from manyicl.study.analysis.claims import claims
from manyicl.study.analysis.curves import curve
from manyicl.study.analysis.paired import paired
from manyicl.study.analysis.points import ModelKey, Point
from manyicl.study.analysis.retention_change import retention_change
from manyicl.study.records import Failure, StudyResults
from manyicl.study.report.markdown import (
    escaped,
    study_figures,
    study_markdown,
    table_lines,
)
from manyicl.study.report.tables import TableCell, TableData, TableRow

MANY = ModelKey("many_shot", "tokens")
RESULTS = synthetic_study(
    families=("classification", "qa", "nli"),
    regimes=("zero_shot", "few_shot", "many_shot"),
    num_shots=(0, 5, 16, 64),
    pools=(16, 64, 256),
)


@pytest.fixture(scope="module")
def text() -> str:
    return study_markdown(RESULTS)


def tables(text: str) -> list[list[list[str]]]:
    """Return every table of a text as rows of cells; the rule under the head left out."""
    found: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("|"):
            if not inside:
                found.append([])
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            found[-1].append(cells)
        inside = line.startswith("|")
    return [[table[0], *table[2:]] for table in found]


def test_every_table_has_as_many_cells_as_columns(text: str) -> None:
    for table in tables(text):
        assert {len(row) for row in table} == {len(table[0])}


def test_the_headline_is_the_held_out_score_by_family(text: str) -> None:
    head, *rows = tables(text)[0]
    assert head[:3] == ["way to adapt", "shots", "all (12)"]
    (row,) = (row for row in rows if row[0] == "ManyICL")
    (point,) = (p for p in curve(RESULTS, MANY, held_out=True) if p.num_shots == 64)
    interval = f"{percent(point.low)}–{percent(point.high)}"
    assert row[1:3] == ["64", f"**{percent(point.mean)}** ({interval})"]


def test_claims_differences_and_retention_are_those_of_the_analysis(text: str) -> None:
    lines = [line for line in text.splitlines() if line.startswith("- **")]
    found = claims(RESULTS)
    assert len(lines) == len(found)
    for line, claim in zip(lines, found, strict=True):
        assert line.lower().startswith(f"- **{claim.verdict}**")
        assert escaped(claim.wording) in line
    few = Point(ModelKey("few_shot", "tokens"), 5)
    difference = paired(RESULTS, Point(MANY, 64), few, held_out=True)
    assert difference is not None
    interval = f"({change(difference.low)} to {change(difference.high)})"
    assert f"**{change(difference.mean)}** {interval}" in text
    changes = {one.measure: one for one in retention_change(RESULTS, MANY)}
    one = changes["icl/list_functions"]
    assert f"**{percent(one.after)}** ({change(one.difference)})" in text


def test_tasks_that_nothing_can_do_are_counted() -> None:
    assert "stay at 0" not in study_markdown(RESULTS)
    names = {task.task for task in RESULTS.tasks if task.family == "nli"}
    zero = {
        kind: tuple(
            replace(one, score=0.01) if one.task in names else one for one in getattr(RESULTS, kind)
        )
        for kind in ("scores", "dedicated")
    }
    text = study_markdown(replace(RESULTS, **zero))
    said = "4 of the 12 held-out tasks stay at 0 with every way to adapt (at most 2 %"
    assert said in text
    assert text.index("## Paired differences") < text.index(said) < text.index("## Against")


def test_the_free_text_caption_says_what_it_is(text: str) -> None:
    kept = text[text.index("## Retention") : text.index("## Cost")]
    assert kept.count("it is part of no mean and of no claim") == 2
    rows = tables(kept)[0][1:]
    (row,) = (row for row in rows if row[0].startswith("free text: different word pairs"))
    assert not any("**" in cell for cell in row)
    assert "mean relative loss (% of the base, 9 measures)" in [row[0] for row in rows]


def test_a_failed_claim_is_said_plainly() -> None:
    effects = dict.fromkeys(("base", "few_shot"), (0.4, 0.01)) | {
        "many_shot": (0.2, 0.0),
        "zero_shot": (0.7, 0.0),
    }
    results = synthetic_study(
        families=("qa", "nli"), regimes=("zero_shot", "few_shot", "many_shot"), effects=effects
    )
    assert "- **Fails** (budget tokens): On held-out tasks, ManyICL is above" in study_markdown(
        results
    )


def test_how_it_was_made_is_told() -> None:
    environment = {
        "command": "manyicl study recipe.yaml",
        "cpu": "a processor, 2 cores",
        "date": "2026-11-22T01:02:03+00:00",
    }
    text = study_markdown(replace(RESULTS, environment=environment))
    made = text[text.index("## How it was made") :]
    assert "    manyicl study recipe.yaml" in made
    assert "a processor, 2 cores" in made
    assert "2026-11-22T01:02:03+00:00" in made
    assert "3 seeds: 0, 1, 2." in made


def test_an_unfinished_study_says_so_first() -> None:
    text = study_markdown(replace(RESULTS, missing=1))
    assert text.splitlines()[2].startswith("**Not complete: 1 cell not run and 1 cell failed.")
    empty = study_markdown(StudyResults("begun", missing=4))
    assert "Not complete: 4 cells" in empty
    assert not tables(empty)


def test_the_same_results_give_the_same_text(text: str) -> None:
    assert study_markdown(StudyResults.from_json(RESULTS.to_json())) == text


def test_a_table_is_written_with_its_markup_escaped() -> None:
    table = TableData(
        "a | caption", ("x", "y"), (TableRow("a_b|c\nd", (TableCell("1", "n", "0–2", bold=True),)),)
    )
    assert table_lines(table) == (
        "a \\| caption\n\n| x | y |\n|---|--:|\n| a\\_b\\|c d | **1** (n, 0–2) |"
    )
    assert table_lines(table, intervals=0).endswith("**1** (n) |")


def test_names_from_outside_make_no_markup() -> None:
    failed = replace(RESULTS, name="<b>x", failures=(Failure("a|b", "<img>\nnext"),))
    text = study_markdown(failed)
    assert text.startswith("# \\<b\\>x")
    assert "| a\\|b | \\<img\\> next |" in text


def test_the_figures_are_files_of_their_own_that_the_text_shows(text):
    figures = study_figures(RESULTS)
    assert re.findall(r"!\[[^]]*\]\(([^)]*)\)", text) == list(figures)
    assert list(figures) == ["curves-tokens.svg", "curves-targets.svg"]
    assert study_figures(RESULTS) == figures
    for budget, figure in zip(("tokens", "targets"), figures.values(), strict=True):
        root = ElementTree.fromstring(figure)
        names = [element.tag.rpartition("}")[2] for element in root]
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert names[:3] == ["title", "desc", "rect"]  # the ground lies under everything
        assert root[0].text == f"Mean score by number of shots, budget {budget}"
        assert root.get("width") == f"{float(root.get('viewBox', '').split()[2]):.0f}pt"
        assert "ManyICL" in "".join(root.itertext())


def test_a_study_without_models_has_no_figure():
    assert study_figures(StudyResults(name="empty")) == {}
