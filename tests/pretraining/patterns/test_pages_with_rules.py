"""Pages that follow a rule or keep a state: turns, times, logs, settings, numbers, headings."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from pretraining.patterns.page_documents import answers, page_of, seeds, sizes, text_of

pytestmark = pytest.mark.usefixtures("no_invented_word_is_fixed_text")


@given(seed=seeds)
def test_turns_come_round(seed: int):
    pieces = page_of("rota", seed, 40)
    pattern = r"(?:Week|Day|No\.)? ?\d+(?::|\.| -|\)|\t|,) ([A-Z][\w, ]+)$"
    turns = [
        name
        for line in text_of(pieces).split("\n")
        if (found := re.fullmatch(pattern, line))
        for name in found[1].split(", ")
    ]
    period = len(set(turns))
    assert turns == [turns[i % period] for i in range(len(turns))]
    assert [a for _, a, _ in answers(pieces)] == turns[period:]


@given(seed=seeds)
def test_timetables_keep_their_interval_and_the_times_between_stops(seed: int):
    pieces = page_of("timetable", seed, 30)
    clock = re.compile(r"\b(\d+)[:.h](\d\d)\b")
    intervals = set()
    for block in text_of(pieces).split("\n\n"):
        rows = [
            [int(hours) * 60 + int(minutes) for hours, minutes in clock.findall(line)]
            for line in block.split("\n")
            if clock.search(line)
        ]
        for row, following in itertools.pairwise(rows):
            intervals |= {(b - a) % 1440 for a, b in zip(row, following, strict=True)}
    assert len(intervals) == 1
    for before, _, _ in answers(pieces):
        line = before.rsplit("\n", 1)[1]
        rows_above = before.rsplit("\n\n", 1)[-1].split("\n")[:-1]
        above = sum(bool(clock.match(row)) for row in rows_above)
        assert above >= 2 or (above == 1 and line)


@given(seed=seeds, size=sizes)
def test_log_lines_repeat_what_belongs_to_an_identifier(seed: int, size: int):
    for before, answer, _ in answers(page_of("log_file", seed, size)):
        *earlier, line = before.split("\n")
        if found := re.search(r"(\S+\[|\S+:|\S+ ->)$", line.removesuffix(line[:20]) or line):
            wanted = re.escape(found[1]) + " ?" + re.escape(answer) + r"(\]| |$)"
            assert any(re.search(wanted, other) for other in earlier)
        elif line == "#":
            assert int(answer) == int(earlier[-1][1:].split()[0]) + 1
        else:  # an even stamp
            times = [re.search(r"\d\d:\d\d:\d\d", t)[0] for t in (*earlier[-2:], answer)]  # type: ignore[index]
            first, second, third = (
                sum(
                    int(part) * unit for part, unit in zip(t.split(":"), (3600, 60, 1), strict=True)
                )
                for t in times
            )
            assert (second - first) % 86_400 == (third - second) % 86_400


@given(seed=seeds, size=sizes)
def test_a_console_gives_the_last_value(seed: int, size: int):
    pieces = page_of("console", seed, size)
    set_to = re.compile(
        r"(?:> set (\w+) |>>> (\w+) = |\$ export (\w+)=|let (\w+) = |(\w+) := |Now (\w+) is )"
        r"(.+?)[.;]?$"
    )
    asked = re.compile(
        r"(?:> get (\w+)\n|>>> (\w+)\n|echo \$(\w+)\n|print\((\w+)\);|(\w+)\?|And (\w+)\?)[^\n]*$"
    )
    for before, answer, _ in answers(pieces):
        found = asked.search(before)
        assert found
        key = next(group for group in found.groups() if group)
        values = [
            said[7]
            for line in before[: found.start()].split("\n")
            if (said := set_to.match(line)) and key in said.groups()[:6]
        ]
        assert values[-1] == answer


@given(seed=seeds, size=sizes)
def test_number_lines_follow_one_rule(seed: int, size: int):
    pieces = page_of("number_lines", seed, size)
    rows = [
        [int(n) for n in re.findall(r"\d+", re.sub(r"^(from \d+: |\d+\) |- )", "", line))]
        for line in text_of(pieces).split("\n")
        if re.match(r"(from \d+: |- )?\d", line)
    ]
    steps = {b - a for row in rows for a, b in itertools.pairwise(row)}
    factors = {b / a for row in rows for a, b in itertools.pairwise(row) if a}
    assert len(steps) == 1 or len(factors) == 1
    told = sum(max(0, len(row) - 1) for row in rows) - min(2, len(rows[0]) - 1)
    assert sum(piece.settled for piece in pieces) == told


@given(seed=seeds, size=sizes)
def test_equal_and_unequal_texts_have_their_own_marks(seed: int, size: int):
    mark_of: dict[bool, str] = {}
    pieces = page_of("same_or_different", seed, size)
    for before, answer, _ in answers(pieces):
        question = re.sub(r"(:| ->| =>| \()?\n?$", "", before[-600:])
        alike = False
        for between in (" / ", "\n", " | ", " ~ ", " and ", "; "):
            first, _, second = question.rpartition(between)
            first = first.rsplit("\n", 1)[-1]
            alike |= bool(second) and first.lower() == second.lower()
        assert mark_of.setdefault(alike, answer) == answer
        assert answer in before
    assert len(set(mark_of.values())) == len(mark_of)


@given(seed=seeds, size=sizes)
def test_a_sentence_keeps_its_heading(seed: int, size: int):
    for before, answer, _ in answers(page_of("headings", seed, size)):
        lines = before.split("\n")
        asked = lines[-2] if lines[-1] == "Heading:" else lines[-1]
        asked = re.sub(r"( ->| \(|' is under| \|)$", "", asked).removeprefix("'")
        heading, found = "", set()
        listed = re.sub(r".+\nHeading:.*", "", "\n".join(lines[: -1 - (lines[-1] == "Heading:")]))
        for line in listed.split("\n"):
            if (text := re.sub(r"^(- |  |\* |> )", "", line)).startswith(asked):
                found |= {heading} if text.endswith(".") or text[-1:].isdigit() else set()
            elif len(line.split()) <= 2 and re.search(r"\w", line):
                heading = re.sub(r"^(## |\[|Under )|[\]:]$", "", line)
        assert found == {answer}
