"""The n-gram model: a distribution, the published formulas, and what a plain reading gives."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.errors import CorpusError
from manyicl.pretraining.ngram import FALLBACK_DISCOUNTS, KneserNey

ids_of = st.lists(st.integers(0, 5), min_size=1, max_size=60).map(np.array)
orders = st.integers(1, 5)


def random_text(seed: int, size: int, vocab_size: int) -> np.ndarray:
    """Return ids with Zipf-like frequencies and some memory, so that counts of counts are full."""
    rng = np.random.default_rng(seed)
    fresh = np.minimum(rng.zipf(1.4, size) - 1, vocab_size - 1)
    ids = fresh.copy()
    for i in range(8, size):
        if rng.random() < 0.4:
            ids[i] = ids[i - int(rng.integers(1, 8))]
    return ids


class PlainKneserNey:
    """The same model read off the formulas with dictionaries of tuples."""

    def __init__(self, ids: list[int], order: int, vocab_size: int, discount: float | None):
        self.order, self.vocab_size = min(order, len(ids)), vocab_size
        self.counts: dict[int, Counter[tuple[int, ...]]] = {}
        stream = ["start", *ids]  # the neighbour that the first token is seen after
        for n in range(1, self.order + 1):
            if n == self.order:
                grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
                self.counts[n] = Counter(grams)
            else:
                longer = {tuple(stream[i : i + n + 1]) for i in range(len(stream) - n)}
                self.counts[n] = Counter(gram[1:] for gram in longer)
        self.discounts = {n: self._estimate(n, discount) for n in self.counts}
        self.after: dict[tuple[int, ...], dict[int, int]] = defaultdict(dict)
        for n, counts in self.counts.items():
            for gram, count in counts.items():
                assert len(gram) == n
                self.after[gram[:-1]][gram[-1]] = count

    def _estimate(self, n: int, discount: float | None) -> list[float]:
        if discount is not None:
            return [0, discount, discount, discount]
        of = Counter(self.counts[n].values())
        if not (of[1] and of[2] and of[3]):
            return [0, *FALLBACK_DISCOUNTS]
        y = of[1] / (of[1] + 2 * of[2])
        found = [k - (k + 1) * y * of[k + 1] / of[k] for k in (1, 2, 3)]
        usable = all(0 < value <= k for k, value in zip((1, 2, 3), found, strict=True))
        return [0, *(found if usable else FALLBACK_DISCOUNTS)]

    def prob(self, history: tuple[int, ...], token: int) -> float:
        history = history[max(0, len(history) - self.order + 1) :]
        lower = self.prob(history[1:], token) if history else 1 / self.vocab_size
        after = self.after.get(history)
        if not after:
            return lower
        discounts = self.discounts[len(history) + 1]
        total = sum(after.values())
        left = sum(discounts[min(count, 3)] for count in after.values()) / total
        count = after.get(token, 0)
        return (count - discounts[min(count, 3)]) / total + left * lower


@given(ids_of, ids_of, orders, st.sampled_from([None, 0.6]))
def test_equals_a_plain_reading_of_the_formulas(train, text, order, discount):
    model = KneserNey.fit(train, vocab_size=6, order=order, discount=discount)
    plain = PlainKneserNey(train.tolist(), order, 6, discount)
    expected = [math.log(plain.prob(tuple(text[:i].tolist()), text[i])) for i in range(len(text))]
    np.testing.assert_allclose(model.log_probs(text), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_equals_a_plain_reading_where_discounts_are_estimated(order):
    train, text = random_text(0, 3000, 400), random_text(1, 300, 400)
    model = KneserNey.fit(train.astype(np.uint16), vocab_size=450, order=order)
    plain = PlainKneserNey(train.tolist(), order, 450, None)
    assert model.discounts == [pytest.approx(plain.discounts[n][1:]) for n in range(1, order + 1)]
    assert any(row != list(FALLBACK_DISCOUNTS) for row in model.discounts)
    expected = [math.log(plain.prob(tuple(text[:i].tolist()), text[i])) for i in range(len(text))]
    np.testing.assert_allclose(model.log_probs(text), expected, rtol=1e-11)


@given(ids_of, st.lists(st.integers(0, 7), max_size=6), orders)
def test_probabilities_of_all_tokens_sum_to_one_after_any_history(train, history, order):
    # Tokens 6 and 7 never occur in training, so histories with them are unseen.
    model = KneserNey.fit(train, vocab_size=8, order=order)
    probs = [np.exp(model.log_probs(np.array([*history, token]))[-1]) for token in range(8)]
    assert sum(probs) == pytest.approx(1, abs=1e-12)
    assert min(probs) > 0


def test_bigrams_computed_by_hand():
    # 0 1 0 1 0 2 0 1 2: bigrams 01 x3, 10 x2, 02 x1, 20 x1, 12 x1.
    model = KneserNey.fit(np.array([0, 1, 0, 1, 0, 2, 0, 1, 2]), vocab_size=4, order=2)
    # n1 = 3, n2 = 1, n3 = 1, n4 = 0, so Y = 3/5.
    assert model.discounts[1] == pytest.approx([3 / 5, 2 - 3 * 3 / 5, 3])
    # Seen after different tokens: 0 after the start, 1 and 2; 1 after 0; 2 after 0 and 1.
    # n1 = n2 = n3 = 1 and n4 = 0: Y = 1/3.
    d1, d2, d3 = 1 / 3, 1.0, 3.0
    assert model.discounts[0] == pytest.approx([d1, d2, d3])
    left = (d1 + d2 + d3) / 6
    unigrams = np.array([(3 - d3) / 6, (1 - d1) / 6, (2 - d2) / 6, 0]) + left / 4
    # After 0 come 1 three times and 2 once; after 3 nothing.
    after_0 = np.array([0, (3 - 3) / 4, (1 - 0.6) / 4, 0]) + (3 + 0.6) / 4 * unigrams
    for token in range(4):
        first, second = model.log_probs(np.array([0, token]))
        assert np.exp(first) == pytest.approx(unigrams[0])
        assert np.exp(second) == pytest.approx(after_0[token])
        assert np.exp(model.log_probs(np.array([3, token]))[1]) == pytest.approx(unigrams[token])


@pytest.mark.parametrize("order", [2, 3])
def test_equals_nltk_where_the_formulas_coincide(order):
    # One discount, all of the vocabulary seen (then interpolating the unigrams with the uniform
    # distribution gives back what was taken off), and a start mark as the first token's neighbour.
    lm = pytest.importorskip("nltk.lm")
    train = np.concatenate([random_text(3, 150, 8), np.arange(8)])
    padded = ["start", *map(str, train.tolist())]
    grams = [
        tuple(padded[i : i + n]) for n in range(1, order + 1) for i in range(len(padded) - n + 1)
    ]
    theirs = lm.KneserNeyInterpolated(order, discount=0.4)
    theirs.fit([grams], vocabulary_text=padded)
    model = KneserNey.fit(train, vocab_size=8, order=order, discount=0.4)
    for history in (train[i : i + order - 1] for i in range(0, 150, 7)):
        for token in range(8):
            ours = np.exp(model.log_probs(np.array([*history, token]))[-1])
            assert ours == pytest.approx(theirs.score(str(token), list(map(str, history))))


def test_a_longer_memory_helps_on_text_that_needs_it():
    pattern = [0, 1, 2, 3, 0, 1, 2, 4, 0, 1, 5, 3, 2, 0, 1, 5, 4, 2, 0, 1, 2, 3, 1]
    text = np.tile(pattern, 40)
    means = [KneserNey.fit(text, vocab_size=6, order=n).log_probs(text).mean() for n in range(1, 6)]
    assert means == sorted(means)
    assert means[-1] - means[0] > 1


def test_each_token_sees_only_what_is_before_it():
    model = KneserNey.fit(random_text(5, 500, 12), vocab_size=12)
    text = random_text(6, 50, 12)
    whole = model.log_probs(text)
    np.testing.assert_allclose(model.log_probs(text[:20]), whole[:20], rtol=0)
    # and no more than four of them
    np.testing.assert_allclose(model.log_probs(text[16:])[4:], whole[20:], rtol=0)


def test_short_streams_and_no_text():
    assert KneserNey.fit(np.array([2]), vocab_size=4).order == 1
    assert KneserNey.fit(np.array([2, 1, 2]), vocab_size=4).order == 3
    model = KneserNey.fit(np.array([2, 1, 2, 1, 1, 0]), vocab_size=4)
    assert model.log_probs(np.empty(0, np.int64)).shape == (0,)


@pytest.mark.parametrize(
    ("ids", "message"), [([], "no tokens"), ([0, 9], "token id 9.*4"), ([0, -1], "token id -1")]
)
def test_ids_that_cannot_be_counted(ids, message):
    with pytest.raises(CorpusError, match=message):
        KneserNey.fit(np.array(ids, np.int64), vocab_size=4)


def test_ids_of_another_vocabulary():
    model = KneserNey.fit(np.arange(4), vocab_size=4)
    with pytest.raises(CorpusError, match="another tokenizer"):
        model.log_probs(np.array([1, 4]))
