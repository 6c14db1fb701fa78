import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.tasks import read_task
from manyicl.tasks.duplicates import near_duplicates, normalise, query_text

SHARED = Path(__file__).resolve().parents[2].parent / "shared/data/tasks"

WORDS = st.sampled_from(["a", "b", "c", "d", "É", "é", "ﬁ", "?", "🙂", "７", "7"])
BODY = " ".join(f"w{i}" for i in range(40))
LINES = [f"v{i}" for i in range(60)]
TEXTS = st.lists(
    st.one_of(
        st.lists(WORDS, max_size=12).map(" ".join),
        st.text(max_size=8),
        # a shared head and a short free tail: many pairs near the threshold
        st.lists(WORDS, max_size=3).map(lambda tail: "a b c d 7 a a b b c c d d " + " ".join(tail)),
        # ... and a long one, so that the same pair is near in a small pool and common in a large
        st.lists(WORDS, max_size=3).map(lambda tail: f"{BODY} {' '.join(tail)}"),
        # a long text with a few changed words: up to and beyond what counts as a small change
        st.lists(st.tuples(st.integers(0, 59), WORDS), max_size=6).map(
            lambda changes: " ".join(dict(changes).get(i, w) for i, w in enumerate(LINES))
        ),
    ),
    max_size=14,
)
THRESHOLDS = st.sampled_from([0.1, 0.5, 0.7, 0.8, 0.9, 1.0, 1 / 3])


def brute_force(texts, against, threshold):
    """The definition, pair by pair, written without regard to speed."""
    others = texts if against is None else against
    pool = {normalise(text) for text in others}
    shingles, numbers, kept = {}, {}, {}
    for text in pool | {normalise(text) for text in texts}:
        tokens = re.findall(r"\w+|[^\w\s]", text)
        shingles[text] = {tuple(tokens[i : i + 3]) for i in range(len(tokens) - 2)}
        numbers[text] = [token for token in tokens if token[0].isdecimal()]
    number = Counter(s for text in pool for s in shingles[text])
    limit = max(5, 0.02 * len(pool))
    for text, found in shingles.items():
        kept[text] = {s for s in found if number[s] <= limit}
        if len(kept[text]) < 5 or len(kept[text]) < 0.3 * len(found):
            kept[text] = set()

    def jaccard(one, other):
        return len(one & other) / len(one | other) if one & other else 0

    def alike(one, other):
        one, other = normalise(one), normalise(other)
        if one == other:
            return True
        a, b = shingles[one], shingles[other]
        one_word = (
            len(a - b) <= 3
            and len(b - a) <= 3
            and jaccard(a, b) >= max(0.85, threshold)
            and numbers[one] == numbers[other]
        )
        small = len(a ^ b) <= max(12, 0.05 * len(a | b))
        return one_word or (small and jaccard(kept[one], kept[other]) >= threshold)

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


@given(TEXTS, TEXTS, THRESHOLDS)
@settings(max_examples=100, deadline=None)
def test_one_query_and_many_agree(texts, against, threshold):
    together = near_duplicates(texts, against, threshold=threshold)
    assert together == [near_duplicates([text], against, threshold=threshold)[0] for text in texts]


@given(TEXTS, THRESHOLDS)
@settings(max_examples=100, deadline=None)
def test_a_row_asked_of_its_own_pool_finds_the_same_rows_and_itself(texts, threshold):
    expected = near_duplicates(texts, threshold=threshold)
    found = near_duplicates(texts, texts, threshold=threshold)
    assert found == [others | {i} for i, others in enumerate(expected)]


def long_text(*changed, number=60):
    """`number` words; `changed` are (place, word)."""
    words = {i: f"w{i}" for i in range(number)} | dict(changed)
    return " ".join(words.values())


def fillers(number):
    return [" ".join(f"f{i}x{j}" for j in range(30)) for i in range(number)]


@pytest.mark.parametrize("copies", [2, 5, 6, 20, 60])
@pytest.mark.parametrize("others", [0, 30])
@pytest.mark.parametrize("length", [40, 60, 200])
def test_copies_that_differ_in_one_word_are_near_however_many_there_are(copies, others, length):
    texts = [long_text((20, f"c{'x' * i}"), number=length) for i in range(copies)]
    found = near_duplicates(texts + fillers(others))
    assert found[:copies] == [set(range(copies)) - {i} for i in range(copies)]
    assert found[copies:] == [set()] * others


@pytest.mark.parametrize("copies", [4, 5, 6, 7])
def test_a_query_finds_its_near_copies_in_a_pool(copies):
    pool = [long_text((20, f"c{'x' * i}")) for i in range(copies)] + fillers(30)
    assert near_duplicates([long_text()], pool) == [set(range(copies))]
    assert near_duplicates([long_text()] * 9, pool) == [set(range(copies))] * 9


def test_one_pronoun_in_an_item_with_an_instruction_is_a_near_copy():
    head = "Say whom the pronoun of the sentence means, or answer that it cannot be told. Sentence:"
    tail = "Options: (A) The guest had lost the way (B) The guide had lost the way (C) Not clear"
    items = [
        f"{head} The guest called the guide because {word} had lost the way home. {tail}"
        for word in ("he", "she", "they")
    ]
    others = [f"{head} The {a} met the {b} when it rained. {tail}" for a in "pqr" for b in "stu"]
    found = near_duplicates(items + others)
    assert found[:3] == [{1, 2}, {0, 2}, {0, 1}]


def test_rows_of_a_short_template_are_not_near():
    rows = [f"What is ({a} * {b}) {op} {c}?" for a in range(6) for b in range(4) for c in range(4)
            for op in "+*"]  # fmt: skip
    assert near_duplicates(rows) == [set() for _ in rows]


def test_rows_of_a_long_template_with_other_numbers_are_not_near():
    rows = [long_text((20, str(i))) for i in range(30)]
    assert near_duplicates(rows) == [set() for _ in rows]


@pytest.mark.parametrize("rows", [2, 5, 30])
def test_other_questions_on_one_passage_are_not_near(rows):
    passage = long_text(number=150)
    texts = [f"{passage} Question: " + " ".join(f"q{i}x{j}" for j in range(8)) for i in range(rows)]
    assert near_duplicates(texts) == [set() for _ in texts]


def test_several_changed_words_are_near_in_a_long_text_alone():
    changes = [(100 * i + 50, "changed") for i in range(5)]
    assert near_duplicates([long_text(number=800)], [long_text(*changes, number=800)]) == [{0}]
    changes = [(20 * i + 10, "changed") for i in range(5)]
    assert near_duplicates([long_text(number=120)], [long_text(*changes, number=120)]) == [set()]


def test_one_changed_word_in_forty_is_near_and_one_in_six_is_not():
    long = [f"w{i}" for i in range(40)]
    other = [*long[:20], "changed", *long[21:]]
    assert near_duplicates([" ".join(long), " ".join(other)]) == [{1}, {0}]
    short = [" ".join(long[:6]), " ".join([*long[:3], "changed", *long[4:6]])]
    assert near_duplicates(short) == [set(), set()]


def test_punctuation_is_kept_so_a_question_is_not_its_statement():
    assert near_duplicates(["It rains.", "It rains?"]) == [set(), set()]


def test_a_short_copy_is_found_whatever_ends_its_words():
    query = [
        "my card was declined",
        "Where is my order?",
        "I lost it!",
        "reset my password please.",
    ]
    pool = ["My card, was declined.", "where is my order", "I lost it", "Reset my password, please"]
    assert near_duplicates(query, pool) == [{0}, {1}, {2}, {3}]
    assert near_duplicates(pool) == [set()] * 4
    assert near_duplicates(["Where is my order?!"], ["Where is my order?"]) == [{0}]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('"It rains?"', '"It rains."'),
        ("It rains?\nyes\nno", "It rains.\nyes\nno"),
        ("premise: it rains?\nhypothesis: x", "premise: it rains.\nhypothesis: x"),
        ("a, b c; d", "a b, c d"),
        ("It rains!", "It rains?"),
    ],
)
def test_marks_inside_a_text_tell_texts_apart(one, other):
    assert near_duplicates([one, other]) == [set(), set()]


def test_marks_that_carry_meaning_are_no_end_of_a_word():
    assert near_duplicates(["What is 5!", "What is 5", "[ ( ] )", "[ ( ) ]"]) == [set()] * 4


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


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real task collection is not here")
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("math/arith_single_digit_three_ops", 1500),
        ("qa/bbh_penguins_in_a_table", 64),
        ("qa/multirc", 768),
    ],
)
def test_most_rows_of_a_real_task_can_stand_together(name, least):
    found = near_duplicates([query_text(example) for example in read_task(SHARED / name).train])
    kept, blocked = 0, set()
    for row, others in enumerate(found):
        if row not in blocked:
            kept += 1
            blocked |= others
    assert kept >= least


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real task collection is not here")
def test_real_near_copies_are_found():
    """Most rows of this task have a twin that differs in a pronoun."""
    train = read_task(SHARED / "qa/bbh_disambiguation_qa").train
    found = near_duplicates([query_text(example) for example in train])
    assert sum(map(bool, found)) >= 0.7 * len(train)
