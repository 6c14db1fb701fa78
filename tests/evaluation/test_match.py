from __future__ import annotations

import re
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from manyicl.evaluation.match import _formula, exact_match, normalise, token_f1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The Eiffel Tower.", "eiffel tower"),
        ("an  apple\n", "Apple"),
        ("“Don’t”", "don't"),
        ("1,000", "1000"),
        ("June 12, 2010", "june 12 2010"),
        ("42.", "42"),
        ("**42**", "42"),
        ("$42", "42"),
        ("A.", "a"),
        ("STRASSE", "straße"),
        ("−5", "-5"),
        ("> } )", ">  } )"),
        ("(B)", "b"),
        ("n/a", "NA"),
        ("x^2 - 4", "$x^2-4$."),
        ("y = 2x", "y=2x"),
        ("[2, 5)", "[2,5)"),
        ("(-5)", "-5"),
        ("`-5`", "-5"),
        ("-5?", "-5"),
        ("$-5$!", "-5"),
        ("(2024-01-05)", "2024-01-05"),
        ("'12/05/2024'", "12/05/2024"),
        ("**1/2**", "1/2"),
        ("(1/2)", "1/2"),
        ("[3, 1, 2]", "3, 1, 2"),
        ("-B", "B"),
        ("B -", "b"),
        ("-> B", "B"),
        ("<b>", "b"),
        ('"C++"', "C++"),
        ("\\( x^2 \\)", "x^2"),
        ("x^2,", "x^2"),
        ("b — c", "b c"),
        ("and/or", "andor"),
        ("555-1234", "555-1234."),
    ],
)
def test_answers_that_differ_in_form_only_match(first: str, second: str) -> None:
    assert exact_match(first, second) == exact_match(second, first) == 1.0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("-5", "5"),
        ("-\\frac{1}{4}", "\\frac{1}{4}"),
        ("-\\$0.50", "\\$0.50"),
        ("-$5", "$5"),
        ("3.5", "35"),
        ("1/2", "12"),
        ("\\frac{1}{12}", "\\frac{11}{2}"),
        ("> } )", "> ) }"),
        ("A", "an"),
        ("a", ""),
        ("x=5", "x 5"),
        ("3:45", "345"),
        ("Paris", "Paris France"),
        ("x^2 - 4", "x^2 + 4"),
        ("(x + 5)(x + 5)", "(x - 5)(x + 5)"),
        ("[2,5)", "(2,5]"),
        ("y = -x", "y = x"),
        ("x < 3", "x > 3"),
        ("3 < 2", "3 > 2"),
        ("a + b", "b"),
        ("a^2", "a2"),
        ("B+", "B"),
        ("2 * 3", "2 3"),
    ],
)
def test_answers_that_differ_in_meaning_do_not_match(first: str, second: str) -> None:
    assert exact_match(first, second) == exact_match(second, first) == 0.0


def squad_normalise(text: str) -> str:
    """SQuAD's four steps, as its paper describes them."""
    text = "".join(mark for mark in text.lower() if mark not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


# Without the backslash, before which a minus is a sign (of a LaTeX fraction).
@given(st.text(string.ascii_letters + string.punctuation.replace("\\", "") + " ", max_size=40))
def test_without_digits_the_normal_form_is_that_of_squad_unless_squad_leaves_nothing(text) -> None:
    assume(_formula(text) is None)
    if squad := squad_normalise(text):
        assert normalise(text) == squad
    else:
        assert normalise(text) == "" if not text.strip() else normalise(text) != ""


@given(st.text(max_size=40))
def test_a_text_is_empty_in_normal_form_only_if_it_is_blank(text: str) -> None:
    assert bool(normalise(text)) == bool(text.split())


@given(st.text(max_size=30), st.text(max_size=30))
def test_exact_match_is_symmetric_and_a_text_matches_itself(first: str, second: str) -> None:
    assert exact_match(first, first) == 1.0
    assert exact_match(first, second) == exact_match(second, first)


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("the cat sat", "cat sat down", 2 * (2 / 2) * (2 / 3) / (2 / 2 + 2 / 3)),
        ("cat cat", "cat", 2 * 0.5 * 1 / 1.5),
        ("dog", "cat", 0.0),
        ("", "cat", 0.0),
        ("Cat.", "the cat", 1.0),
        ("3, -2, 5", "3, -2, 4", 2 / 3),
        ("(3, 1, 2, 9)", "(3, 1, 2, 8)", 3 / 4),
    ],
)
def test_token_f1_of_known_pairs(prediction: str, reference: str, expected: float) -> None:
    assert token_f1(prediction, reference) == pytest.approx(expected)


WORDS = st.lists(st.sampled_from(["red", "green", "blue", "cyan"]), max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_token_f1_is_the_harmonic_mean_of_precision_and_recall(prediction, reference) -> None:
    found, gold = prediction.split(), reference.split()
    left = list(gold)
    common = 0
    for word in found:
        if word in left:
            left.remove(word)
            common += 1
    if not common:
        assert token_f1(prediction, reference) == 0
        return
    precision, recall = common / len(found), common / len(gold)
    expected = 2 * precision * recall / (precision + recall)
    assert token_f1(prediction, reference) == pytest.approx(expected)
