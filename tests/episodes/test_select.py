"""Selection: orders that nest, classes in balance, and never a query among its demonstrations."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from builders import make_task
from hypothesis import given
from hypothesis import strategies as st
from texts import LONG, WORDS

from manyicl.episodes import Pool, order_for_query, shared_order
from manyicl.episodes.select import SHARED_SELECTIONS
from manyicl.tasks import Example

# Short inputs, some of them equal: rows 0.. of a pool with planted duplicates.
INPUTS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join),
        st.sampled_from([LONG, LONG.upper(), LONG + " again", "", " ", "🏳️‍🌈", "日本語"]),
    ),
    min_size=1,
    max_size=14,
)
SEEDS = st.integers(0, 5)


def pool_of(inputs: list[str], targets: str = "ab") -> Pool:
    rows = [Example(text, targets[i % len(targets)]) for i, text in enumerate(inputs)]
    return Pool(make_task(rows))


def has_duplicates(pool: Pool, rows: list[int]) -> bool:
    return any(pool.near_duplicates[row] & set(rows) for row in rows)


@given(INPUTS, st.sampled_from(SHARED_SELECTIONS), SEEDS, st.sets(st.integers(0, 13)))
def test_a_shared_order_holds_no_duplicates_and_nothing_excluded(inputs, selection, seed, exclude):
    pool = pool_of(inputs)
    order = shared_order(pool, selection, seed, exclude)
    assert len(set(order)) == len(order)
    assert not set(order) & exclude
    assert not has_duplicates(pool, order)
    # Nothing is left out without a reason.
    for row in set(range(len(pool))) - set(order) - exclude:
        assert pool.near_duplicates[row] & set(order)
    assert order == shared_order(pool_of(inputs), selection, seed, exclude)


def test_random_orders_differ_by_seed_and_task_and_not_by_process():
    rows = make_task().train
    orders = [shared_order(Pool(make_task(rows)), "random", seed) for seed in range(4)]
    orders.append(shared_order(Pool(make_task(rows, name="other")), "random", 0))
    assert len({tuple(order) for order in orders}) == 5
    # By definition: the generator is seeded with SHA-256 of task, purpose and seed.
    digest = hashlib.sha256(b"toy/order/0").digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    assert orders[0] == rng.permutation(30).tolist()


def test_first_is_the_order_of_the_file():
    pool = pool_of(["a", "b", "a", "c"])
    assert shared_order(pool, "first", 3) == [0, 1, 3]
    assert shared_order(pool, "first", 3, exclude=[1]) == [0, 3]


@pytest.mark.parametrize("seed", range(3))
def test_balanced_keeps_all_classes_within_one_of_each_other(seed):
    targets = "a" * 10 + "b" * 6 + "c" * 3
    pool = pool_of([f"text{i}" for i in range(19)], targets)
    order = shared_order(pool, "balanced", seed)
    assert sorted(order) == list(range(19))
    for k in range(len(order) + 1):
        counts = Counter({"a": 0, "b": 0, "c": 0})
        counts.update(targets[row] for row in order[:k])
        # A class counts as long as it still has rows to show.
        for target, number in counts.items():
            assert number == Counter(targets)[target] or number >= max(counts.values()) - 1


def test_balanced_takes_classes_in_changing_order():
    targets = "abc" * 20
    pool = pool_of([f"text{i}" for i in range(60)], targets)
    order = shared_order(pool, "balanced", 0)
    rounds = {"".join(targets[row] for row in order[i : i + 3]) for i in range(0, 60, 3)}
    assert all(sorted(turn) == ["a", "b", "c"] for turn in rounds)
    assert len(rounds) > 2


def test_similar_places_the_most_similar_demonstration_last():
    inputs = ["red box", "green door and red box", "blue lamp", "a red box in a blue house", "sun"]
    pool = pool_of(inputs)
    query = Example("red box in a blue house", "a")
    ranked = pool.by_similarity(query.input)
    assert ranked[0] == 3
    assert ranked[-1] == 4
    for k in range(1, 5):
        assert order_for_query(pool, query, k, "similar", seed=0) == ranked[:k][::-1]


def test_similarity_agrees_with_bm25_by_hand():
    """Lucene's BM25 (k1 = 1.5, b = 0.75), the default of bm25s."""
    import math

    inputs = ["late late box", "late", "box torn open wide", "sun"]
    lengths = [3, 1, 4, 1]
    frequency = {"late": [2, 1, 0, 0], "torn": [0, 0, 1, 0]}
    scores = [0.0] * 4
    for counts in frequency.values():
        df = sum(count > 0 for count in counts)
        idf = math.log(1 + (4 - df + 0.5) / (df + 0.5))
        for row, count in enumerate(counts):
            norm = 1.5 * (1 - 0.75 + 0.75 * lengths[row] / (sum(lengths) / 4))
            scores[row] += idf * count / (count + norm)
    expected = sorted(range(4), key=lambda row: (-scores[row], row))
    assert pool_of(inputs).by_similarity("Late, torn!") == expected


def test_a_query_of_unknown_words_is_similar_to_all_rows_alike():
    assert pool_of(["a b", "c d", "🏳️‍🌈"]).by_similarity("x y") == [0, 1, 2]
    assert pool_of(["a b", "c d", "🏳️‍🌈"]).by_similarity("🏳️‍🌈")[0] == 2
    assert pool_of(["a", "", " "]).by_similarity("") == [1, 2, 0]


@given(INPUTS, INPUTS, st.sampled_from(["similar", "mixed"]), SEEDS, st.integers(0, 14))
def test_no_query_meets_itself_or_a_near_duplicate(inputs, queries, selection, seed, num_shots):
    pool = pool_of(inputs)
    examples = [Example(text, "a") for text in queries]
    near = pool.near_duplicates_of(examples)
    for query, exclude in zip(examples, near, strict=True):
        rows = order_for_query(pool, query, num_shots, selection, seed, 0.5, exclude)
        assert len(rows) <= num_shots
        assert len(set(rows)) == len(rows)
        assert not set(rows) & exclude
        assert not has_duplicates(pool, rows)
        assert query.input not in [pool.examples[row].input for row in rows]
        # Fewer than asked for only if the pool holds no more.
        if len(rows) < num_shots:
            blocked = set(rows).union(exclude, *(pool.near_duplicates[row] for row in rows))
            assert blocked == set(range(len(pool)))


@given(st.permutations(WORDS), SEEDS, st.floats(0, 1), st.sampled_from(["similar", "mixed"]))
def test_larger_k_holds_the_rows_of_smaller_k(words, seed, share, selection):
    pool = pool_of([f"{a} {b}" for a, b in pairwise(words)])
    query = Example(f"{words[0]} {words[4]} {words[5]}", "a")
    before: set[int] = set()
    for k in range(len(pool) + 1):
        rows = order_for_query(pool, query, k, selection, seed, share)
        assert len(rows) == k
        assert before <= set(rows)
        before = set(rows)


@pytest.mark.parametrize(("share", "similar"), [(0.0, 0), (0.25, 2), (0.5, 4), (1.0, 8)])
def test_mixed_honours_its_share_and_puts_similar_rows_last(share, similar):
    pool = pool_of([f"word{i} thing{i * 7}" for i in range(50)])
    query = Example(" ".join(f"word{i}" for i in range(10, 20)), "a")
    rows = order_for_query(pool, query, 8, "mixed", 1, share)
    ranked = pool.by_similarity(query.input)[:similar]
    assert rows[8 - similar :] == ranked[::-1]
    random = [row for row in shared_order(pool, "random", 1) if row not in ranked]
    assert rows[: 8 - similar] == random[: 8 - similar]


def test_rows_that_differ_in_their_options_only_are_different_questions():
    rows = [
        Example("Which fits?", f"red {i}", options=(f"red {i} box", f"blue {i} lamp", f"red {i}"))
        for i in range(4)
    ]
    pool = Pool(make_task(rows))
    assert pool.near_duplicates == [set()] * 4
    assert pool.near_duplicates_of([rows[2]]) == [{2}]


def test_only_the_train_split_is_ever_opened():
    task = make_task()

    def load(split: str) -> list[Example]:
        assert split == "train"
        return task.train

    from dataclasses import replace

    pool = Pool(replace(task, load=load))
    assert len(shared_order(pool, "balanced", 0)) == len(pool) == 30
