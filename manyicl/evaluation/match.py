"""Text matching after SQuAD-style normalisation: exact match and token F1.

Works on single answers; references, averages and names of metrics are `metrics.py`'s business.
Words are what white space separates, so both metrics mean little for languages written without it.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from functools import lru_cache

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_LATEX = re.compile(r"\\[a-z]+")
_LONG_WORD = re.compile(r"[^\W\d_]{2,}")
_NUMBER = r"[-+]?[\d.,:/%$€£-]+"  # also dates, times, ranges
_PLAIN_NUMBER = re.compile(rf"{_NUMBER}|\({_NUMBER}\)|\[{_NUMBER}\]")
_WRAPPED = re.compile(r"^(?:\\[(\[]|[\"'`*$]|[-=]>|- )+|(?:\\[)\]]|[\"'`*$.,;:!?])+$")
_OPERATOR = re.compile(
    r"[\w)\]}]\s*[=<>]\s*[\w(\\+-]"  # a relation
    r"|[\w)\]}]\s*[+^]"  # x+y, x^2, B+
    r"|[\w)\]}]\s*[-*]\s*[\w(\\]"
    r"|(?<=\d)\s*/\s*[a-z(]|[a-z)]\s*/\s*(?=\d)"
    r"|\|[^|]+\|"
    r"|^\[[^\[\]()]*,[^\[\]()]*\)$|^\([^\[\]()]*,[^\[\]()]*\]$"  # [2,5)
)
_PUNCTUATION = set(string.punctuation)
_TYPOGRAPHIC = str.maketrans("‘’“”‐‑–—−", "''\"\"-----")

# Marks that carry the value of a number when they stand directly beside one of its digits.
_BESIDE_A_DIGIT = frozenset("+/^=<>{}\\")
_BETWEEN_DIGITS = frozenset(".,:*_")


@lru_cache(maxsize=65536)
def normalise(text: str) -> str:
    """Return `text` in the form in which answers are compared.

    As in SQuAD (Rajpurkar et al. 2016): casefold, drop ASCII punctuation, drop the articles a, an,
    the, join words by single spaces. Four departures, each because answers of other tasks would
    be taken for one another:

    - marks that carry a number's value stay (`-5`, `3.5`, `1/2`, `-\\frac{1}{12}`); commas between
      thousands go;
    - a formula loses only its white space, and marks around it: without its brackets, operators or
      a variable `a` it would lose its meaning (`_formula`);
    - a text of nothing but punctuation, or nothing but articles, stays (`> }`, `A`);
    - typographic quotes, dashes and the minus sign count as their ASCII forms.

    >>> normalise("The Eiffel-Tower, in “Paris”.")
    'eiffeltower in paris'
    """
    formula = _formula(text)
    return _plain_form(text) if formula is None else formula


def _plain_form(text: str) -> str:
    words = text.translate(_TYPOGRAPHIC).casefold().split()
    text = _THOUSANDS.sub("", " ".join(words))
    bare = "".join(
        mark for at, mark in enumerate(text) if mark not in _PUNCTUATION or _has_value(text, at)
    )
    bare = " ".join(bare.split()) or text
    return " ".join(_ARTICLES.sub(" ", bare).split()) or bare


def _formula(text: str) -> str | None:
    """Return a formula without white space and what wraps it; None for a text that is none.

    A formula has no word of two letters, is no number, date or range alone, and holds an operator
    between its parts, or brackets that do not match: `x^2 - 4`, `y = -x`, `3 > 2`, `B+`, `[2,5)`.
    """
    text = text.replace("—", " ").replace("–", " ").translate(_TYPOGRAPHIC).casefold()
    text = _WRAPPED.sub("", " ".join(text.split())).strip()
    plain = _LATEX.sub(" ", text)
    if _LONG_WORD.search(plain) or _PLAIN_NUMBER.fullmatch(text) or not _OPERATOR.search(plain):
        return None
    return "".join(_THOUSANDS.sub("", text).split()).replace("$", "")


def _has_value(text: str, at: int) -> bool:
    mark, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if mark == "-":  # a sign or a minus; the hyphen of `top-10` is neither
        amount = after == "$" and text[at + 2 : at + 3].isdigit()
        return (after.isdigit() or after == "\\" or amount) and not before.isalpha()
    if mark == ".":  # 3.5 and .5; the full stop after `42.` is neither
        return after.isdigit() and not before.isalpha()
    if mark in _BESIDE_A_DIGIT:
        return before.isdigit() or after.isdigit()
    return mark in _BETWEEN_DIGITS and before.isdigit() and after.isdigit()


def exact_match(prediction: str, reference: str) -> float:
    """Return 1 if both texts are equal once normalised, else 0."""
    return float(normalise(prediction) == normalise(reference))


def token_f1(prediction: str, reference: str) -> float:
    """Return the F1 of the words as bags (SQuAD; formulas too): 0 without a common word."""
    found, gold = _plain_form(prediction).split(), _plain_form(reference).split()
    common = sum((Counter(found) & Counter(gold)).values())
    return 2 * common / (len(found) + len(gold)) if common else 0.0
