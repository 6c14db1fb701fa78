"""Pages that things are looked up in: what is asked for stood further up, beside the same key."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from pretraining.patterns.page_documents import answers, keys, page_of, seeds, sizes

pytestmark = pytest.mark.usefixtures("no_invented_word_is_fixed_text")


def lines_with(text: str, part: str, around: int) -> Iterator[str]:
    """Yield every place in the text where the part stands, with so many lines on both sides."""
    at = text.find(part)
    while at >= 0:
        end = at + len(part)
        before, after = text[:at].split("\n"), text[end:].split("\n")
        yield "\n".join([*before[-1 - around :], part, *after[: 1 + around]])
        at = text.find(part, at + 1)


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
def test_a_copied_record_has_the_values_of_the_first_copy(seed: int):
    for before, answer, _ in answers(page_of("converted_records", seed, 12)):
        assert answer in before


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
