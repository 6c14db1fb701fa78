import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.tasks.duplicates import near_duplicates, normalise

WORDS = st.sampled_from(["a", "b", "c", "d", "É", "é", "ﬁ", "?", "🙂", "７", "7"])
TEXTS = st.lists(
    st.one_of(
        st.lists(WORDS, max_size=12).map(" ".join),
        st.text(max_size=8),
        # a shared head and a short free tail: many pairs near the threshold
        st.lists(WORDS, max_size=3).map(lambda tail: "a b c d 7 a a b b c c d d " + " ".join(tail)),
    ),
    max_size=14,
)
THRESHOLDS = st.sampled_from([0.1, 0.5, 0.7, 0.8, 0.9, 1.0, 1 / 3])


def brute_force(texts, against, threshold):
    """The definition, pair by pair, written without regard to speed."""
    everything = list(texts) + list(texts if against is None else against)
    distinct = {normalise(text) for text in everything}
    shingles = {}
    for text in distinct:
        tokens = re.findall(r"\w+|[^\w\s]", text)
        shingles[text] = {tuple(tokens[i : i + 3]) for i in range(len(tokens) - 2)}
    number = Counter(s for text in distinct for s in shingles[text])
    limit = max(5, 0.02 * len(distinct))
    kept = {text: {s for s in shingles[text] if number[s] <= limit} for text in distinct}

    def alike(one, other):
        one, other = normalise(one), normalise(other)
        if one == other:
            return True
        if not kept[one] or not kept[other]:
            return False
        both = len(kept[one] & kept[other])
        return both / len(kept[one] | kept[other]) >= threshold

    others = texts if against is None else against
    return [
        {j for j, b in enumerate(others) if alike(a, b) and not (against is None and i == j)}
        for i, a in enumerate(texts)
    ]


@given(TEXTS, THRESHOLDS)
@settings(max_examples=200, deadline=None)
def test_one_list_equals_brute_force_and_is_symmetric(texts, threshold):
    found = near_duplicates(texts, threshold=threshold)
    assert found == brute_force(texts, None, threshold)
    for i, others in enumerate(found):
        assert i not in others
        assert all(i in found[j] for j in others)


@given(TEXTS, TEXTS, THRESHOLDS)
@settings(max_examples=200, deadline=None)
def test_two_lists_equal_brute_force(texts, against, threshold):
    expected = brute_force(texts, against, threshold)
    assert near_duplicates(texts, against, threshold=threshold) == expected


@given(st.lists(st.sampled_from("abcdefgh"), min_size=3, max_size=40), st.integers(0, 39))
@settings(max_examples=100, deadline=None)
def test_a_text_meets_itself_with_any_case_and_space(tokens, seed):
    text = " ".join(tokens)
    changed = text.upper().replace(" ", " \n\t"[seed % 2 + 1] * (seed % 3 + 1))
    assert near_duplicates([text], [changed]) == [{0}]


def test_one_changed_word_in_forty_is_near_and_one_in_six_is_not():
    long = [f"w{i}" for i in range(40)]
    other = [*long[:20], "changed", *long[21:]]
    assert near_duplicates([" ".join(long), " ".join(other)]) == [{1}, {0}]
    short = [" ".join(long[:6]), " ".join([*long[:3], "changed", *long[4:6]])]
    assert near_duplicates(short) == [set(), set()]


def test_punctuation_is_kept_so_a_question_is_not_its_statement():
    assert near_duplicates(["It rains.", "It rains?"]) == [set(), set()]


def test_shared_boilerplate_does_not_make_rows_duplicates():
    table = " ".join(f"cell{i}" for i in range(200))
    rows = [f"{table} Which penguin is number {i} in line {i * 7}?" for i in range(30)]
    assert near_duplicates(rows) == [set() for _ in rows]
    # ... and yet the same row twice is found, however common its words are.
    assert near_duplicates([*rows, rows[3]])[3] == {30}


def test_many_copies_of_a_text_do_not_hide_a_near_copy():
    text = " ".join(f"w{i}" for i in range(60))
    near = text + " more"
    assert near_duplicates([near], [text] * 20) == [set(range(20))]


def test_empty_and_emoji_only_texts_are_compared():
    texts = ["", "  ", "🙂", "🙂 ", "👩‍👩‍👧 🇩🇪 🏳️‍🌈", "👩‍👩‍👧 🇩🇪 🏳️‍🌈"]
    assert near_duplicates(texts) == [{1}, {0}, {3}, {2}, {5}, {4}]
    assert near_duplicates([], ["a"]) == []
    assert near_duplicates(["a"], []) == [set()]


def test_compatibility_forms_are_equal():
    assert near_duplicates(["ﬁne Ａ ５"], ["FINE a 5"]) == [{0}]


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01])
def test_a_threshold_outside_its_range_is_refused(threshold):
    with pytest.raises(ValueError, match="must lie in"):
        near_duplicates(["a"], threshold=threshold)
