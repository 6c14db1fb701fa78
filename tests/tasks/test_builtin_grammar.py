"""Templates, English spelling and draws that do not depend on the Python version."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.tasks.builtin.grammar import Grammar, counted, listed, parse, plural, polish
from manyicl.tasks.builtin.lexicon.calendar import clock, clock12
from manyicl.tasks.builtin.lexicon.people import MEN, SURNAMES, WOMEN, people
from manyicl.tasks.builtin.lexicon.places import RIVERS, STREETS, TOWNS
from manyicl.tasks.builtin.stable_random import StableRandom, stable_digest


def every_text(grammar, template, **bound):
    return {grammar.expand(StableRandom(seed), template, **bound) for seed in range(60)}


def test_alternatives_symbols_and_bound_values_give_all_texts_and_no_others():
    grammar = Grammar({"fruit": ["plum", "{size} pear"], "size": ["big"]})
    texts = every_text(grammar, "(a|the (old|new)) {fruit} for {name}", name="{Ada}")
    starts = ("a", "the old", "the new")
    fruits = ("plum", "big pear")
    assert texts == {f"{start} {fruit} for {{Ada}}" for start in starts for fruit in fruits}


@pytest.mark.parametrize("template", ["(a|b", "a|b", "a)", "{a", "(a)", "(a|{b)"])
def test_a_slip_in_a_template_is_an_error_at_once(template):
    with pytest.raises(ValueError):
        Grammar({"start": [template]})
    with pytest.raises(ValueError):
        parse(template)


def test_a_rule_that_uses_itself_is_an_error():
    with pytest.raises(ValueError, match="'end'"):
        Grammar({"end": ["and {end}"]})


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("a apple  and a user , a hour .", "An apple and a user, an hour."),
        ("he has a 8 and a 80, not a 7", "He has an 8 and an 80, not a 7"),
        ("see you.\n then what? nothing", "See you.\nThen what? Nothing"),
        ("A orange, a one-way ticket, a European, a useless thing",
         "An orange, a one-way ticket, a European, a useless thing"),
    ],
)  # fmt: skip
def test_polish_spells_as_english_does(raw, text):
    assert polish(raw) == text


def test_counts_and_lists():
    nouns = ["box", "city", "day", "knife", "loaf", "scarf", "roof", "child", "pair of socks"]
    assert [plural(noun) for noun in nouns] == [
        "boxes", "cities", "days", "knives", "loaves", "scarves", "roofs", "children",
        "pairs of socks",
    ]  # fmt: skip
    assert (counted(1, "jar of jam"), counted(2, "jar of jam")) == ("1 jar of jam", "2 jars of jam")
    assert (listed(["a"]), listed(["a", "b"])) == ("a", "a and b")


def test_clock_times():
    assert [clock(m) for m in (0, 545, 1440)] == ["00:00", "09:05", "00:00"]
    assert [clock12(m) for m in (0, 545, 720, 960)] == ["12 am", "9:05 am", "noon", "4 pm"]


def test_names_are_told_apart():
    for names in (WOMEN + MEN, SURNAMES, TOWNS, RIVERS, STREETS):
        assert len(set(names)) == len(names)
    drawn = people(StableRandom(3), 30)
    assert len({person.first for person in drawn}) == 30
    assert all(("she" if person.first in WOMEN else "he") == person.they for person in drawn)


def test_draws_are_pinned():
    rng = StableRandom(stable_digest("pinned"))
    found = [rng.randrange(100) for _ in range(4)], rng.sample(range(9), 4), rng.choice("abcdef")
    assert found == ([46, 11, 62, 17], [3, 7, 6, 8], "b")
    rows = list(range(6))
    rng.shuffle(rows)
    assert rows == [1, 2, 4, 3, 0, 5]


@given(st.integers(0, 2**64 - 1), st.integers(1, 50))
def test_draws_use_nothing_but_random(seed, size):
    rng, plain = StableRandom(seed), random.Random(seed)
    assert rng.randrange(size) == int(plain.random() * size)
    assert rng.choice(range(size)) == int(plain.random() * size)
    assert sorted(rng.sample(range(size), size)) == list(range(size))
    mixed = list(range(size))
    rng.shuffle(mixed)
    assert sorted(mixed) == list(range(size))
    assert -3 <= rng.randint(-3, 4) <= 4


def test_impossible_draws_are_errors():
    with pytest.raises(ValueError):
        StableRandom(1).randrange(0)
    with pytest.raises(ValueError):
        StableRandom(1).sample([1], 2)
    with pytest.raises(ValueError):
        StableRandom(1).sample([1], 1, counts=[1])
