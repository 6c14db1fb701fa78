"""Pages that repeat themselves: whatever is marked as settled can be found further up."""

from __future__ import annotations

import inspect
import itertools
import random
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.pretraining.patterns import (
    log_pages,
    question_pages,
    record_pages,
    record_styles,
    reference_pages,
    rule_pages,
    table_pages,
)
from manyicl.pretraining.patterns import vocabulary as vocabulary_module
from manyicl.pretraining.patterns.draws import Recurring, fresh, marks, task_labels
from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.pages import PAGES
from manyicl.pretraining.patterns.piece import Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense
from manyicl.tasks.builtin.registry import task_generators


def make_vocabulary() -> Vocabulary:
    rng = random.Random(7)
    words = list(dict.fromkeys(nonsense(rng) + nonsense(rng) for _ in range(900)))
    sources = tuple(
        tuple(
            " ".join(rng.choices(words, k=rng.randint(4, 9))).capitalize() + "." for _ in range(40)
        )
        for _ in range(8)
    )
    return Vocabulary(tuple(words[:20]), tuple(words[20:]), sources)


VOCABULARY = make_vocabulary()
MODULES = (
    log_pages,
    question_pages,
    record_pages,
    record_styles,
    reference_pages,
    rule_pages,
    table_pages,
)
# Words of the fixed text of pages, which say nothing about what is asked for.
FIXED = {
    word
    for module in MODULES
    for word in re.findall(r"[a-z]+", inspect.getsource(module).replace("\\n", " ").lower())
}
seeds = st.integers(0, 2**32)


@pytest.fixture(autouse=True, scope="module")
def _no_invented_word_is_fixed_text() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary_module, "_ONSETS", ("bx", "dx", "fx", "gx", "kx", "mx", "px"))
        yield


sizes = st.integers(1, 60)


def page_of(name: str, seed: int, size: int) -> list[Piece]:
    return PAGES[name](random.Random(seed), VOCABULARY, size)


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def answers(pieces: list[Piece]) -> Iterator[tuple[str, str, str]]:
    """Yield (text before, answer, text after up to the end of the line) of each settled piece."""
    text, start = text_of(pieces), 0
    for piece in pieces:
        end = start + len(piece.text)
        if piece.settled:
            yield text[:start], piece.text.strip(' "'), text[end:].split("\n", 1)[0]
        start = end


def keys(text: str) -> set[str]:
    """Return the words and numbers that are not fixed text."""
    return set(re.findall(r"\w+", text.lower())) - FIXED


def lines_with(text: str, part: str, around: int) -> Iterator[str]:
    """Yield every place in the text where the part stands, with so many lines on both sides."""
    at = text.find(part)
    while at >= 0:
        end = at + len(part)
        before, after = text[:at].split("\n"), text[end:].split("\n")
        yield "\n".join([*before[-1 - around :], part, *after[: 1 + around]])
        at = text.find(part, at + 1)


@pytest.mark.parametrize("name", PAGES)
@given(seed=seeds, size=sizes)
@settings(max_examples=15)
def test_a_page_is_readable_and_the_same_for_the_same_seed(name: str, seed: int, size: int):
    pieces = page_of(name, seed, size)
    text = text_of(pieces)
    assert pieces == page_of(name, seed, size)
    assert text.endswith("\n")
    assert all(char.isprintable() or char in "\n\t" for char in text)
    assert not re.search(r"\{\w*\}", text), "a field was left open"
    assert len(text) >= 5 * size
    assert all(piece.text for piece in pieces)
    assert not any(a.settled is b.settled is False for a, b in itertools.pairwise(pieces))
    assert not any(piece.text.endswith((" ", "\n")) for piece in pieces if piece.settled)


@pytest.mark.parametrize("name", PAGES)
def test_long_pages_are_worth_reading(name: str):
    """On average at least a twentieth of a long page follows from its beginning."""
    pages = [page_of(name, seed, 150) for seed in range(20)]
    settled = sum(len(p.text) for page in pages for p in page if p.settled)
    assert settled > 0.05 * sum(len(text_of(page)) for page in pages)
    assert len({text_of(page) for page in pages}) == len(pages)


@pytest.mark.parametrize("name", PAGES)
def test_pages_differ_in_form(name: str):
    """Without their words and numbers, twenty pages of ten lines show many forms."""
    forms = {re.sub(r"\w+", "w", text_of(page_of(name, seed, 10)))[:60] for seed in range(20)}
    assert len(forms) >= 6


# page: (lines of the question above the answer, lines around an earlier mention, all keys or any)
COPIES = {
    "glossary": (2, 1, all),
    "directory": (1, 0, all),
    "contents": (2, 1, all),
    "price_list": (1, 0, all),
    "quiz": (2, 2, all),
    "dialogue": (2, 1, all),
    "table": (1, 0, any),
    "aligned_columns": (1, 0, any),
    "records": (9, 9, any),
    "forms": (9, 9, any),
}


@pytest.mark.parametrize("name", COPIES)
@given(seed=seeds, size=sizes)
@settings(max_examples=25)
def test_an_answer_stood_earlier_beside_the_same_key(name: str, seed: int, size: int):
    above, around, needed = COPIES[name]
    for before, answer, _ in answers(page_of(name, seed, size)):
        lines = before.split("\n")
        for asked in range(1, above + 1):  # the question is in this line or in the ones above
            question = keys("\n".join(lines[-asked:]))
            if question:
                break
        if name == "dialogue":  # the call, whoever replies
            asked, question = 2, keys(lines[-2])
        if name == "quiz":  # the number of a question is another one in each round
            question = {key for key in question if not key.isdigit()}
        earlier = "\n".join(lines[:-asked]) + "\n"
        assert question
        assert any(
            needed(key in keys(found) for key in question)
            for found in lines_with(earlier, answer, around)
        ), (question, answer)


@pytest.mark.parametrize("name", ["glossary", "directory", "contents", "price_list", "table"])
@given(seed=seeds)
@settings(max_examples=25)
def test_the_same_question_has_one_answer(name: str, seed: int):
    found: dict[str, str] = {}
    for before, answer, _ in answers(page_of(name, seed, 60)):
        question = "\n".join(before.split("\n")[-2:] if before[-1] in " \n" else [before])
        question = question.rsplit("\n", 1)[-1] if question[-1] not in " \n" else question
        assert found.setdefault(question, answer) == answer


@given(seed=seeds)
def test_cross_references_give_number_or_title_of_an_earlier_section(seed: int):
    for before, answer, _ in answers(page_of("cross_references", seed, 30)):
        title = re.search(r"See '([^']+)' under$", before)
        number = re.search(r"\(See (\d+)\.$", before)
        heads = [line for line in before.split("\n")[:-1] if re.search(r"\d", line)]
        if title:
            assert any(re.search(rf"\b{answer}\b.* {title[1]}$", line) for line in heads)
        else:
            assert number
            assert any(re.search(rf"\b{number[1]}\b.* {answer}$", line) for line in heads)


@given(seed=seeds)
def test_phrases_are_translated_word_by_word(seed: int):
    for before, answer, _ in answers(page_of("phrase_book", seed, 40)):
        *earlier, line = before.split("\n")
        row = re.findall(r"\w+", re.split(r" = ?|: ?| - ?|' is ?| \| ?", line.lstrip("-'| "))[0])
        said = re.findall(r"\w+", line)[len(row) + ("' is" in line) :]
        asked = row[len(said)]
        told = dict(zip(row, said, strict=False))
        for other in earlier:
            if found := re.fullmatch(r"(?:- |'|\| )?(.+?)(?: =|:| -|' is| \|) (.+?)[. |]*", other):
                told |= zip(found[1].split(), found[2].split(), strict=True)
        assert told[asked] == answer


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


@given(seed=seeds)
def test_a_copied_record_has_the_values_of_the_first_copy(seed: int):
    for before, answer, _ in answers(page_of("converted_records", seed, 12)):
        assert answer in before


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
def test_answers_about_facts_were_stated_with_name_and_relation(seed: int, size: int):
    for before, answer, _ in answers(page_of("fact_questions", seed, size)):
        lines = before.split("\n")
        asked = 1 if keys(lines[-1]) else 2
        question = keys("\n".join(lines[-asked:]))
        facts = re.split(r"[.)]+[ \n]", "\n".join(lines[:-asked]) + "\n")
        assert question
        assert any(question | keys(answer) <= keys(fact) for fact in facts), (question, answer)


@given(seed=seeds, size=sizes)
def test_quotations_restore_a_numbered_sentence(seed: int, size: int):
    for before, answer, _ in answers(page_of("quotations", seed, size)):
        *earlier, line = before.split("\n")
        stated = dict(
            found.groups()
            for other in earlier
            if (found := re.fullmatch(r"(?:\[|\(|Note )?(\d+)(?:\]|\)|\.|:)+ ([A-Z].*)", other))
        )
        number = re.fullmatch(r"(?:see |> |In )?(\d+)(?: again| we read)?[:?]", line)
        gap = re.search(r"____|\[\.\.\.\]|\*\*\*|\(\?\)", line)
        if number:
            assert stated[number[1]] == answer
        elif gap:
            whole = line.removesuffix(" ->").replace(gap[0], answer)
            assert whole in stated.values()
        else:
            assert f"{line} {answer}" in stated.values()


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


def test_no_mark_is_a_label_of_a_built_in_task():
    labels = sorted(task_labels())
    assert {"yes", "entailment", "same", "positive"} <= task_labels()
    vocabulary = Vocabulary(("the",), (*labels, "heron", "gravel", "violet"), ())
    for seed in range(50):
        assert not task_labels() & set(marks(random.Random(seed), vocabulary, 3))


@pytest.mark.parametrize("name", PAGES)
def test_no_page_gives_the_instruction_of_a_built_in_task(name: str):
    text = "".join(text_of(page_of(name, seed, 40)) for seed in range(10))
    assert not [task.name for task in task_generators() if task.instruction in text]


@pytest.mark.parametrize("name", PAGES)
def test_pages_need_no_corpus_sentences(name: str):
    bare = Vocabulary(VOCABULARY.common, VOCABULARY.words, ())
    for seed in range(5):
        assert text_of(PAGES[name](random.Random(seed), bare, 12))


def test_a_key_is_settled_from_its_second_time_on():
    page = Page()
    page.recall("tea", "4.50")
    page.add("\n")
    page.recall("tea", "4.50", lead=': "')
    assert page.pieces() == [Piece(" 4.50\n"), Piece(': "4.50', True)]
    with pytest.raises(ValueError, match=r"'tea' is '4.50'"):
        page.recall("tea", "5.00")


def test_fresh_texts_are_new_even_when_the_source_is_dry():
    draw = fresh(lambda: "tea")
    assert len({draw() for _ in range(5)}) == 5


@given(seed=seeds, size=st.integers(1, 200))
def test_keys_come_back(seed: int, size: int):
    drawn: list[int] = []
    keys_of = Recurring(random.Random(seed), lambda: len(drawn), size)
    for _ in range(size):
        drawn.append(keys_of.draw())
    assert set(drawn) == set(keys_of.seen)
    assert drawn[0] == 0
