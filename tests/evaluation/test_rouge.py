from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.evaluation.rouge import longest_common_subsequence, rouge_l

rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer", reason="rouge-score is a dev extra")
SCORER = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)

WORDS = st.lists(st.sampled_from(["the", "cat", "sat", "on", "mat", "42", "-", "."]), max_size=15)
TEXT = st.one_of(WORDS.map(" ".join), st.text(max_size=40))


@given(TEXT, TEXT)
def test_rouge_l_equals_rouge_score_without_stemming(prediction: str, reference: str) -> None:
    expected = SCORER.score(reference, prediction)["rougeL"].fmeasure
    assert rouge_l(prediction, reference) == pytest.approx(expected, abs=1e-12)


def test_rouge_l_of_a_known_pair() -> None:
    # Lin (2004): LCS of these is "police the gunman", 3 of 4 words on both sides.
    assert rouge_l("police kill the gunman", "police killed the gunman") == 0.75


def test_rouge_l_of_texts_without_latin_letters_is_zero() -> None:
    assert rouge_l("猫", "猫") == 0.0


@given(WORDS, WORDS)
def test_the_longest_common_subsequence_equals_the_textbook_table(first, second) -> None:
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, one in enumerate(first):
        for j, two in enumerate(second):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if one == two else max(table[i][j + 1], table[i + 1][j])
            )
    assert longest_common_subsequence(first, second) == table[-1][-1]


def test_long_texts_take_no_table() -> None:
    first, second = ["x", "y"] * 5000, ["y", "x"] * 5000
    assert longest_common_subsequence(first, second) == 9999
