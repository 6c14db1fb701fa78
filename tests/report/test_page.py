from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from manyicl.errors import RunError
from manyicl.evaluation.results import Results, ResultsError
from manyicl.report.numbers import percent
from manyicl.report.page import render, write_report

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Everything the tests ask of a page: elements, attributes, text, tables cell by cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.tables: list[list[list[str]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag, attrs) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, key, value or "") for key, value in attrs]

    def handle_endtag(self, tag) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data

    def values(self, key: str) -> list[str]:
        return [value for _, name, value in self.attributes if name == key]


@pytest.fixture(scope="module")
def html(results: Results) -> str:
    return render(results, "made up")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_runs_no_script_and_asks_nothing_of_the_network(html: str, page: Page) -> None:
    forbidden = {"script", "link", "iframe", "object", "embed", "img", "image", "foreignobject"}
    assert not forbidden & set(page.tags)
    assert not [key for _, key, _ in page.attributes if key.startswith("on") or key == "src"]
    assert all(value.startswith("#") for value in page.values("href"))
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", html))


def test_ids_are_unique_and_every_reference_has_its_target(html: str, page: Page) -> None:
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    asked = [href[1:] for href in page.values("href")] + re.findall(r"url\(#([^)]*)\)", html)
    asked += [name for value in page.values("aria-labelledby") for name in value.split()]
    assert asked
    assert set(asked) <= set(ids)


def test_every_figure_says_in_words_what_it_shows(html: str, page: Page, results: Results) -> None:
    assert page.tags["svg"] == page.values("role").count("img")
    assert page.tags["svg"] == page.tags["title"] - 1 == page.tags["desc"]
    described = " ".join(re.findall(r"<desc[^>]*>([^<]*)</desc>", html))
    for score in results.scores:
        assert f"{percent(score.mean)} at {score.num_shots}" in described


def test_every_score_stands_in_the_row_of_its_task_and_the_column_of_its_k(
    page: Page, results: Results
) -> None:
    found: dict[tuple[str, str, str], str] = {}
    for table in page.tables:
        if table[0][0] != "task":
            continue
        task, shots = "", table[0][3:]
        for row in table[1:]:
            if len(row) == len(table[0]):  # the first row of a task carries its name and chance
                task = re.split(r"accuracy|f1|numeric|rouge_l", row[0])[0]
            label, *cells = row[-len(shots) - 1 :]
            for column, cell in zip(shots, cells, strict=True):
                found[task, label, column] = cell
    for score in results.scores:
        label = {"base": "before", "tuned": "after"}[score.stage]
        cell = found[score.task, label, f"{score.num_shots} shots"]
        assert cell.split() == [percent(score.mean), f"±{percent(score.std)}"]
        other = next(
            s
            for s in results.scores
            if (s.task, s.num_shots) == (score.task, score.num_shots) and s.stage != score.stage
        )
        if score.stage == "tuned":
            gap = found[score.task, "difference", f"{score.num_shots} shots"]
            assert float(gap.replace("−", "-")) == pytest.approx(
                100 * (score.mean - other.mean), abs=0.051
            )


def test_cost_command_configuration_and_data_are_told(page: Page, results: Results) -> None:
    facts = {row[0]: row[1] for table in page.tables for row in table if len(row) == 2}
    assert facts["Supervised tokens"] == "412,345 (6.3 %)"
    assert facts["Time"] == "20 min 34 s"
    assert facts["Tokens per second"] == "5,309"
    assert facts["git hash"] == "0123456789abcdef"
    assert "manyicl run recipe.yaml training.steps=400" in page.text
    assert "model:\n  path: tiny" in page.text
    assert page.text.count("ab" * 32) == len(results.tasks)


def test_the_same_results_give_the_same_bytes_in_every_process(
    html: str, results: Results, tmp_path: Path
) -> None:
    assert render(results, "made up") == html
    results.save(tmp_path / "results.json")
    program = (
        "from manyicl.evaluation.results import Results\n"
        "from manyicl.report.page import write_report\n"
        f"write_report(Results.load({str(tmp_path)!r}), {str(tmp_path / 'r.html')!r}, 'made up')"
    )
    env = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=env)
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == html


def test_names_are_text_and_never_markup_or_mathematics(make_results) -> None:
    name = "<b>x</b> & $y_1$ \"q\" 'q'"
    made = make_results(1, held_in=False)
    scores = [replace(score, task=name, stage=f"<i>{score.stage}</i>") for score in made.scores]
    html = render(Results(scores, config={name: name}, tasks={name: {"fingerprint": "1"}}), name)
    found = Page(html)
    assert not {"b", "i"} & set(found.tags)
    assert found.text.count(name) >= 5
    assert "<i>tuned</i>" in found.text


@pytest.mark.parametrize(
    "options",
    [
        {"stages": ("base",)},
        {"stages": ("llama",), "training": False},
        {"stages": ("base", "few_shot", "many_shot")},
        {"num_shots": (8,)},
        {"num_shots": (8,), "seeds": (0,), "stages": ("llama",)},
        {"num_shots": tuple(2**at for at in range(11))},
        {"families": ("math", "summarization")},
        {"held_in": False},
        {"longest": 3},
        {"num_tasks": 1, "num_queries": 1, "seeds": (0,)},
    ],
    ids=lambda options: ",".join(options),
)
def test_every_shape_of_results_makes_a_whole_page(make_results, options) -> None:
    made = make_results(**{"num_tasks": 3, **options})
    html = render(made)
    found = Page(html)
    assert "nan" not in found.text.split()
    assert "None" not in found.text
    for score in made.scores:
        assert percent(score.mean) in found.text
        assert score.task in found.text


def test_fewer_shots_than_asked_for_are_told_in_words_and_in_the_table(make_results) -> None:
    found = Page(render(make_results(3, longest=3, held_in=False)))
    assert "With 16 shots (3 fitted on average)" in found.text
    assert "3 fitted" in found.tables[0][1][-1]


def test_results_without_training_say_so(make_results) -> None:
    found = Page(render(make_results(2, training=False)))
    assert "These results hold no training information." in found.text
    assert "#training" not in found.values("href")


def test_forty_tasks_stay_below_a_megabyte(make_results) -> None:
    html = render(make_results(40, num_queries=5, seeds=(0,), num_shots=(0, 1, 4, 16, 64)))
    assert len(html) < 1_000_000


def test_tasks_that_lack_a_k_are_named(make_results) -> None:
    made = make_results(3)
    lacking = made.scores[0].task
    scores = [s for s in made.scores if (s.task, s.num_shots) != (lacking, 16)]
    assert f"Incomplete: {lacking}." in Page(render(Results(scores))).text


def test_several_runs_stand_side_by_side(make_results) -> None:
    few = make_results(3)
    many = Results(few.scores, training=few.training, config={"only": "many"})
    found = Page(render({"few": few, "many": many}))
    labels = {row[1] for row in found.tables[0] if len(row) > 2}
    assert "before" in labels
    assert "many − before" in found.text
    assert "Configuration of many" in found.text
    costs = next(table for table in found.tables if table[0] == ["", "few", "many"])
    assert ["Optimizer steps", "400", "400"] in costs


def test_the_summary_gives_means_intervals_and_differences(make_results) -> None:
    made = make_results(7, held_in=False)
    scores = []
    for score in made.scores:
        value = {"base": 0.25, "tuned": 0.5}[score.stage] + 0.001 * score.num_shots
        scores.append(replace(score, mean=value, low=value - 0.1, high=value + 0.1))
    text = " ".join(Page(render(Results(scores))).text.split())
    assert "Mean over 7 held-out tasks" in text
    assert (
        "With 16 shots: before training 26.6 % (26.6 to 26.6); after training 51.6 % "
        "(51.6 to 51.6), +25.0 points (+25.0 to +25.0), higher on 7 of 7 tasks." in text
    )
    assert "From 0 to 16 shots: before training +1.6 points; after training +1.6 points." in text


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path, make_results) -> None:
    made = make_results(1)
    path = write_report(made, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8").endswith("</html>")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"report\.html: cannot be written"):
        write_report(made, tmp_path / "file" / "report.html")


def test_results_without_scores_make_no_report() -> None:
    with pytest.raises(ResultsError, match="hold no scores"):
        render(Results([]))
    with pytest.raises(ResultsError, match="results of b: hold no scores"):
        render({"b": Results([])})
