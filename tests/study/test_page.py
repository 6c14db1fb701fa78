from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from study.parsed_page import Page
from study.synthetic import synthetic_study

from manyicl.errors import RunError
from manyicl.report.numbers import change, percent
from manyicl.study.analysis.claims import claims
from manyicl.study.analysis.curves import curve, dedicated_curve
from manyicl.study.analysis.paired import paired
from manyicl.study.analysis.points import DedicatedPoint, ModelKey, Point
from manyicl.study.analysis.retention_change import retention_change
from manyicl.study.analysis.retention_loss import retention_summary
from manyicl.study.analysis.worth import examples_worth, gap_closed
from manyicl.study.records import Failure, SearchPoint, StudyResults
from manyicl.study.regimes import TITLES
from manyicl.study.report.page import render_study, write_study_report
from manyicl.study.report.retention_table import retention_table
from manyicl.study.report.search_table import dedicated_choices, search_table
from manyicl.study.report.similar_table import similar_table
from manyicl.study.report.view import StudyView

MANY = ModelKey("many_shot", "tokens")
RESULTS = synthetic_study(
    families=("classification", "qa", "nli"),
    regimes=("zero_shot", "few_shot", "many_shot"),
    num_shots=(0, 5, 16, 64),
    pools=(16, 64, 256),
)
SMALL = synthetic_study(
    families=("qa",),
    regimes=("few_shot", "many_shot"),
    budgets=("tokens",),
    seeds=(0, 1),
    num_shots=(0, 5, 16),
    pools=(16,),
)


@pytest.fixture(scope="module")
def html() -> str:
    return render_study(RESULTS)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_stands_alone(html: str, page: Page) -> None:
    assert not {"script", "link", "iframe", "object", "embed", "img", "image"} & set(page.tags)
    assert not [key for key, _ in page.attributes if key.startswith("on") or key == "src"]
    assert all(value.startswith("#") for value in page.values("href"))
    assert "http:" not in html
    assert "https:" not in html
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", html))


def test_ids_are_unique_and_every_reference_has_its_target(html: str, page: Page) -> None:
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    asked = [href[1:] for href in page.values("href")] + re.findall(r"url\(#([^)]*)\)", html)
    asked += [name for value in page.values("aria-labelledby") for name in value.split()]
    assert asked
    assert set(asked) <= set(ids)


def test_every_figure_has_a_title_and_a_description_with_the_curves_values(
    html: str, page: Page
) -> None:
    # Two of curves, two of retention, one each of pools, cost and loss.
    assert page.tags["svg"] == page.tags["title"] - 1 == page.tags["desc"] == 7
    described = " ".join(re.findall(r"<desc[^>]*>([^<]*)</desc>", html))
    for held_out in (True, False):
        for point in curve(RESULTS, MANY, held_out=held_out):
            assert f"{percent(point.mean)} at {point.num_shots}" in described
    # A log axis labelled by formulas would show them as they are typed.
    assert "$" not in re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL)


def test_scores_stand_in_the_row_of_their_regime_and_the_column_of_their_family(
    page: Page,
) -> None:
    for key, shots in ((MANY, 64), (ModelKey("few_shot", "tokens"), 5)):
        row = page.row("Held-out tasks, score|training tokens", TITLES[key.regime])
        assert row["shots"] == str(shots)
        for family, column in ((None, "all (12)"), ("qa", "qa (4)")):
            found = curve(RESULTS, key, held_out=True, family=family)
            (point,) = (p for p in found if p.num_shots == shots)
            expected = f"{percent(point.mean)} {percent(point.low)}–{percent(point.high)}"
            assert row[column] == expected


def test_the_best_regime_of_a_column_is_bold(html: str) -> None:
    table = html[html.index("Held-out tasks, score in %, equal training tokens") :]
    table = table[: table.index("</table>")]
    bold = re.findall(r"<b>([\d.]+)</b>", table)
    (best,) = (p for p in curve(RESULTS, MANY, held_out=True) if p.num_shots == 64)
    assert bold[0] == percent(best.mean)
    assert len(bold) == 4  # all families together, and three


def test_differences_are_those_of_the_analysis(page: Page) -> None:
    few, many = Point(ModelKey("few_shot", "tokens"), 5), Point(MANY, 64)
    found = paired(RESULTS, many, few, held_out=True)
    assert found is not None
    row = page.row("Paired differences|training tokens", "ManyICL (64) − few-shot fine-tuning (5)")
    assert row["difference"] == f"{change(found.mean)} {change(found.low)} to {change(found.high)}"
    assert row["win / tie / loss"] == f"{found.wins} / {found.ties} / {found.losses}"
    assert (row["tasks"], row["seeds"]) == (str(found.num_tasks), str(found.num_seeds))


def test_the_comparison_with_dedicated_models_is_that_of_the_analysis(page: Page) -> None:
    few, many = Point(ModelKey("few_shot", "tokens"), 5), Point(MANY, 64)
    closed = gap_closed(RESULTS, few, many, DedicatedPoint(64), held_out=True, family="nli")
    assert closed.value is not None
    row = page.row("against dedicated fine-tuning on 64|training tokens", "nli")
    assert row["share of the gap closed, %"].split()[0] == percent(closed.value)
    worth = examples_worth(RESULTS, many, held_out=True)
    assert worth is not None
    cell = page.row("How many examples", "all")["budget tokens (64 shots)"]
    assert cell == f"{worth.words} {worth.interval}"
    described = page.text
    for point in dedicated_curve(RESULTS, held_out=True):
        assert f"{percent(point.mean)} at {point.pool_size}" in described


def test_retention_is_that_of_the_analysis(page: Page) -> None:
    found = {one.measure: one for one in retention_change(RESULTS, MANY)}
    one = found["icl/flipped_labels"]
    row = page.row("Retention|training tokens", "in context: flipped labels")
    assert row["base"] == percent(one.base)
    said = f"{percent(one.after)} {change(one.difference)}"
    assert row["ManyICL"] == f"{said} {change(one.low)} to {change(one.high)}"


def test_the_mean_loss_is_told_over_what_all_have_and_over_what_most_have() -> None:
    results = replace(
        RESULTS,
        retention=tuple(
            one
            for one in RESULTS.retention
            if (one.regime, one.measure[:6]) != ("few_shot", "family")
        ),
    )
    table = retention_table(StudyView(results), "tokens")
    assert table is not None
    rows = [row for row in table.rows if row.head == "mean relative loss"]
    notes = ["% of the base, 6 measures", "% of the base, 9 measures"]
    assert [row.note for row in rows] == notes
    whole = {
        one.key.regime: one for one in retention_summary(results) if one.key.budget == "tokens"
    }
    both = [ModelKey("zero_shot", "tokens"), MANY]
    most = {one.key.regime: one for one in retention_summary(results, both)}
    regimes = ("zero_shot", "few_shot", "many_shot")
    assert [c.text for c in rows[0].cells[1:]] == [percent(whole[r].mean_loss) for r in regimes]
    assert [c.text for c in rows[1].cells[1:]] == [
        percent(most[r].mean_loss) if r in most else "–" for r in regimes
    ]
    claim = next(c for c in claims(results) if (c.name, c.budget) == ("retention", "tokens"))
    assert dict(claim.values)["many_shot"] == pytest.approx(most["many_shot"].mean_loss)


def test_cost_and_search_are_told(page: Page) -> None:
    row = page.row("Cost of training one model", "few-shot fine-tuning")
    assert row["tokens"] == "2,000,000"
    assert row["steps"] == "500"
    assert row["supervised answers"] == "6,000"
    assert row["time"] == "3 min 42 s"
    assert row["FLOPs"] == "1.2e14"
    row = page.row("Cost of adapting", "dedicated fine-tuning")
    assert (row["examples"], row["training tokens"]) == ("16", "57,600")  # 24 steps x 2,400
    row = page.row("Cost of adapting", "ManyICL")
    assert (row["training tokens"], row["time"]) == ("0", "–")
    row = page.row("Search of the learning rate", "ManyICL")
    assert (row["untuned"], row["0.0003"]) == ("2.500", "1.700")
    assert "loss is not finite at step 12." in page.text


def of_search(losses: list[float | None], chosen: int | None) -> StudyResults:
    """A search of the untuned base and rates 1, 2, ..."""
    points = [
        SearchPoint("few_shot", float(rate), loss, 5, rate == chosen)
        for rate, loss in enumerate(losses)
    ]
    return StudyResults("x", search=tuple(points))


@pytest.mark.parametrize(
    ("losses", "chosen", "note"),
    [
        ([2.0, 1.5, 1.4, 1.6], 2, ""),
        ([2.0, 1.3, 1.4, 1.6], 1, "chosen at the edge of what was tried"),
        ([2.0, 1.5, 1.4, 1.3], 3, "chosen at the edge of what was tried"),
        ([1.0, 1.5, 1.4, 1.6], 2, "no rate is below the untuned base"),
        ([2.0, 1.3], None, "not complete: nothing chosen yet"),
        ([2.0, 1.3], 1, "the only rate tried"),
        ([2.0, 1.5, 1.4, None], 2, ""),
        ([2.0, None, None], None, "every rate diverged"),
    ],
)
def test_a_doubtful_choice_of_a_rate_is_noted(losses, chosen, note) -> None:
    table = search_table(of_search(losses, chosen))
    assert table is not None
    (row,) = table.rows
    assert row.note == note
    assert [cell.text for cell in row.cells[1:]] == [
        "diverged" if loss is None else f"{loss:.3f}" for loss in losses
    ]
    assert [at for at, cell in enumerate(row.cells[1:]) if cell.bold] == [chosen] * bool(chosen)
    assert table.columns[2] == "untuned"


def test_the_choices_of_dedicated_searches_are_counted_once_for_all_seeds() -> None:
    # 21 tasks, pools of 16, 64 and 256: 24, 36 and 84 steps.
    said = dedicated_choices(RESULTS)
    assert said.startswith("Dedicated models, 63 searches")
    assert "chosen: 0.0003 for 63." in said
    assert said.endswith("the fewest (24) for 21, the most (84) for 21.")
    config = {"study": {"dedicated": {"steps": [8, 24, 128]}}}
    said = dedicated_choices(replace(RESULTS, config=config))
    assert said.endswith("the fewest (8) for 0, the most (128) for 0.")


def test_similar_demonstrations_are_compared_as_paired_does() -> None:
    table = similar_table(StudyView(RESULTS), "tokens")
    assert table is not None
    rows = [row for row in table.rows if row.head == TITLES["many_shot"]]
    assert [row.cells[0].text for row in rows] == ["16", "64"]
    for row, k in zip(rows, (16, 64), strict=True):
        found = paired(RESULTS, Point(MANY, k, "similar"), Point(MANY, k), held_out=True)
        assert found is not None
        assert [cell.text for cell in row.cells[1:4]] == [
            percent(found.mean_b),
            percent(found.mean_a),
            change(found.mean),
        ]
        assert row.cells[3].interval == f"{change(found.low)} to {change(found.high)}"
        assert row.cells[3].bold == found.clear_for_one_model
        for family, cell in zip(("classification", "qa", "nli"), row.cells[4:], strict=True):
            own = [
                s.score
                for s in RESULTS.scores
                if (s.regime, s.budget, s.num_shots, s.selection) == (*MANY, k, "similar")
                and s.task.startswith(f"{family}/held_out")
            ]
            assert cell.text == percent(sum(own) / len(own))


def test_similar_demonstrations_are_measured_with_one_seed_and_may_be_clear() -> None:
    """Studies measure them so; both sides are one model."""
    scores = tuple(s for s in RESULTS.scores if s.selection == "random" or s.seed == 0)
    table = similar_table(StudyView(replace(RESULTS, scores=scores)), "tokens")
    assert table is not None
    found = [
        paired(
            replace(RESULTS, scores=scores),
            Point(MANY, k, "similar"),
            Point(MANY, k),
            held_out=True,
        )
        for k in (16, 64)
    ]
    assert [one and (one.num_seeds, one.clear) for one in found] == [(1, False)] * 2
    rows = [row for row in table.rows if row.head == TITLES["many_shot"]]
    assert [row.cells[3].bold for row in rows] == [one and one.low > 0 for one in found]
    assert any(row.cells[3].bold for row in rows)


def test_shots_that_did_not_fit_are_told_wherever_shots_are() -> None:
    results = synthetic_study(
        families=("qa", "summarization"), regimes=("few_shot", "many_shot"), budgets=("tokens",),
        num_shots=(0, 5, 64), pools=(64,),
    )  # fmt: skip
    page = Page(render_study(results))
    # Summarization holds 40 of 64 shots, so both together 52.
    assert page.row("Held-out tasks, score", "ManyICL")["shots"] == "64 52 fit"
    assert page.row("Held-out tasks, score", "few-shot fine-tuning")["shots"] == "5"
    assert page.row("Paired differences", "ManyICL (64, 52 fit) − few-shot fine-tuning (5)")
    head = page.row("against dedicated fine-tuning on 64", "summarization")["family"]
    assert head == "summarization 4 tasks, 3 seeds, 40 fit"
    assert page.row("most similar", "ManyICL")["shots"] == "64 52 fit"
    assert "at 64 (52 fit) against 5 shots" in page.text
    assert page.row("Every held-out", "summarization/held_out_1")["ManyICL (64)"].endswith("40 fit")
    assert all("the context was full" in text for text in page.captions if "shots in br" in text)
    assert "fit”" not in Page(render_study(SMALL)).text


def test_the_calibration_caption_tells_the_bias() -> None:
    known = replace(SMALL, config={"evaluation": {"max_queries": 25}})
    assert "with at most 25 queries a task it is biased upwards" in Page(render_study(known)).text
    assert "with few queries a task it is biased upwards" in Page(render_study(SMALL)).text


def test_every_claim_is_told_with_its_verdict(page: Page) -> None:
    for claim in claims(RESULTS):
        assert claim.wording in page.text
    row = page.row("claims of many-shot", "Holds")
    claim = claims(RESULTS)[0]
    assert claim.value is not None
    assert change(claim.value) + " points" in row["measured"]
    assert row["measured"].endswith("above 0; at 64 against 5 shots (12 tasks, 3 seeds)")


def test_a_claim_that_fails_is_said_to_fail() -> None:
    worse = dict.fromkeys(TITLES, (0.4, 0.01)) | {"many_shot": (0.2, 0.0)}
    worse["zero_shot"] = (0.7, 0.0)
    results = synthetic_study(
        families=("qa", "nli"), effects=worse, pools=(64,), num_shots=(0, 5, 64)
    )
    verdicts = [claim.verdict for claim in claims(results)]
    assert verdicts.count("fails") >= 4
    table = Page(render_study(results)).tables[0][1:]
    assert [row[0].lower() for row in table] == verdicts


def test_the_same_results_give_the_same_bytes(html: str, tmp_path: Path) -> None:
    again = StudyResults.from_json(RESULTS.to_json())
    path = write_study_report(again, tmp_path / "report.html")
    assert path.read_bytes() == html.encode()


def test_cells_not_run_are_told_at_once(html: str) -> None:
    assert "Not complete: 1 cell failed." in html
    assert "Not complete" not in render_study(replace(RESULTS, failures=()))
    begun = StudyResults("begun", tasks=RESULTS.tasks, models=RESULTS.models, missing=3)
    text = Page(render_study(begun)).text
    assert "Not complete: 3 cells not run." in text
    assert text.index("Not complete") < text.index("Base model")


@pytest.mark.parametrize(
    "kept",
    [
        (),
        ("tasks",),
        ("search",),
        ("tasks", "scores"),
        ("tasks", "dedicated"),
        ("tasks", "models"),
        ("tasks", "models", "retention"),
        ("tasks", "models", "scores"),
        ("tasks", "models", "scores", "orders"),
    ],
)
def test_what_is_not_there_is_left_out(kept: tuple[str, ...]) -> None:
    parts = {name: getattr(SMALL, name) for name in kept}
    page = Page(render_study(StudyResults("begun", missing=9, **parts)))
    ids = page.values("id")
    assert ("curves" in ids) == ("scores" in kept)
    assert ("retention" in ids) == ("retention" in kept)
    assert ("cost" in ids) == ("models" in kept or "dedicated" in kept)
    assert ("differences" in ids) == ("scores" in kept)
    assert all(table for table in page.tables)


def test_a_toy_study_of_one_task_and_seed_is_shown() -> None:
    toy = synthetic_study(
        families=("qa",), regimes=("many_shot",), budgets=("tokens",), seeds=(0,),
        num_shots=(0, 2), pools=(16,),
    )  # fmt: skip
    name = toy.tasks[0].task
    toy = replace(
        toy,
        tasks=toy.tasks[:1],
        scores=tuple(s for s in toy.scores if s.task == name),
        dedicated=tuple(s for s in toy.dedicated if s.task == name),
        orders=tuple(s for s in toy.orders if s.task == name),
    )
    page = Page(render_study(toy))
    assert "1 held-out task, 1 seed" in page.text
    assert page.row("claims of many-shot", "Cannot tell")


def test_names_from_outside_are_text() -> None:
    evil = "<script>alert(1)</script>$x$"
    name = SMALL.tasks[0].task
    renamed = replace(
        SMALL,
        name=evil,
        tasks=tuple(replace(t, task=evil) if t.task == name else t for t in SMALL.tasks),
        scores=tuple(replace(s, task=evil) if s.task == name else s for s in SMALL.scores),
        dedicated=tuple(replace(d, task=evil) if d.task == name else d for d in SMALL.dedicated),
        orders=tuple(replace(o, task=evil) if o.task == name else o for o in SMALL.orders),
        failures=(Failure(evil, evil),),
        search=(SearchPoint(evil, 1e-3, 0.4, 5, True),),
        config={"key": evil},
        environment={"command": evil, "device": evil},
    )
    html = render_study(renamed)
    assert "<script" not in html
    assert evil in Page(html).text


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_study_report(StudyResults("x"), tmp_path / "file" / "report.html")
