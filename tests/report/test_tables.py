from __future__ import annotations

import io

import pytest
from rich.console import Console

from manyicl.report.numbers import change, percent
from manyicl.report.tables import kshot_tables


def printed(results, width: int, **options) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    for table in kshot_tables(results, width, **options):
        console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_shots": (0, 1, 4, 16, 64)},
        {"num_shots": tuple(2**at for at in range(12))},
        {"stages": ("base", "few_shot_fine_tuning", "many_shot_fine_tuning")},
        {"longest": 3},
    ],
    ids=lambda options: ",".join(options),
)
def test_no_line_is_longer_than_the_terminal_and_no_number_is_cut(
    make_results, options, width: int
) -> None:
    text = printed(make_results(4, **options), width, tasks=True)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    for k in options.get("num_shots", (0, 4, 16)):
        assert f"k={k}" in text


def test_the_means_stand_in_the_row_of_their_family_and_stage(make_results) -> None:
    made = make_results(1, held_in=False)
    before, after = (
        [score.mean for score in made.scores if score.stage == stage] for stage in ("base", "tuned")
    )
    rows = [line.split() for line in printed(made, 80).splitlines()]
    assert ["classification", "1", "before", *map(percent, before)] in rows
    assert ["after", *map(percent, after)] in rows
    gaps = [change(b - a) for a, b in zip(before, after, strict=True)]
    assert ["difference", *gaps] in rows


def test_tasks_are_listed_when_asked_for(make_results) -> None:
    made = make_results(4)
    assert made.scores[0].task not in printed(made, 100)
    assert all(score.task in printed(made, 100, tasks=True) for score in made.scores)


def test_markup_in_names_is_printed_as_it_stands(make_results) -> None:
    made = make_results(1, stages=("[red]x[/red]",))
    assert "[red]x[/red]" in printed(made, 80)


def test_fewer_shots_than_asked_for_carry_a_star(make_results) -> None:
    assert "* fewer shots fitted than asked for." in printed(make_results(2, longest=3), 80)
    assert "*" not in printed(make_results(2), 80)
