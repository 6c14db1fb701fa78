"""Interpolated modified Kneser-Ney n-grams over token ids: the yardstick for bits per byte.

Chen and Goodman (1999), section 3: three discounts an order, estimated from counts of counts;
below the highest order an n-gram counts how many different tokens it was seen after. The unigrams
are interpolated with the uniform distribution, so every token of the vocabulary has a probability.

All n-grams of one order are one sorted array. An n-gram is the number `rank * V + id`: the rank of
its first n-1 tokens among the distinct (n-1)-grams, and its last token. That fits 64 bits for any
order, and numbering what was sorted gives the ranks of the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from manyicl.errors import CorpusError

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)  # where there are too few n-grams to estimate them


@dataclass(frozen=True)
class _Level:
    """The n-grams of one order (U of them) and their histories, the (n-1)-grams (H of them)."""

    keys: np.ndarray  # int64 [U], sorted; unigrams have none: their rank is the id
    counts: np.ndarray  # int32 [U]; 0 only for unigrams that never occurred
    totals: np.ndarray  # float64 [H]: sum of counts after a history; 0 where nothing follows
    backoff: np.ndarray  # float64 [H]: mass left to the lower order; 1 where nothing follows
    discounts: np.ndarray  # float64 [4]: taken off a count of 0, 1, 2, 3 or more


class KneserNey:
    """An n-gram model of a stream of token ids. Make one with `KneserNey.fit`."""

    def __init__(self, levels: list[_Level], vocab_size: int):
        self._levels = levels
        self.vocab_size = vocab_size
        unigrams = levels[0]
        kept = unigrams.counts - unigrams.discounts[np.minimum(unigrams.counts, 3)]
        self._unigrams = kept / unigrams.totals[0] + unigrams.backoff[0] / vocab_size

    @classmethod
    def fit(
        cls, ids: np.ndarray, *, vocab_size: int, order: int = 5, discount: float | None = None
    ) -> KneserNey:
        """Count the n-grams of `ids` [tokens], any integer dtype, up to `order`.

        The stream has no padding: its first tokens count as seen after one token of their own.
        `discount` (between 0 and 1) replaces the estimated ones: plain Kneser-Ney. A stream shorter
        than `order` gives a lower order. About 90 bytes a token at the peak. Raises `CorpusError`.
        """
        if order < 1 or not (discount is None or 0 < discount < 1):
            raise ValueError(f"order {order}, discount {discount}: at least 1; between 0 and 1")
        if len(ids) == 0:
            raise CorpusError("n-gram model: no tokens to count.")
        _check_ids(ids, vocab_size)
        order = min(order, len(ids))
        keys = np.empty(0, np.int64)
        ranks = ids.astype(np.int32)  # [positions]: of the n-gram that starts there
        raw = np.bincount(ids, minlength=vocab_size)
        num_histories = 1
        levels: list[_Level] = []
        for n in range(1, order + 1):
            if n == order:
                levels.append(_level(keys, raw, num_histories, vocab_size, discount))
                break
            following = _number(ranks, ids[n:], vocab_size)
            # The suffix of an (n+1)-gram starts one token later.
            suffixes = ranks[following.first + 1]
            counts = np.bincount(suffixes, minlength=len(raw))
            counts[ranks[0]] += 1
            levels.append(_level(keys, counts, num_histories, vocab_size, discount))
            num_histories = len(raw)
            keys, raw, ranks = following.keys, following.counts, following.ranks
        return cls(levels, vocab_size)

    @property
    def order(self) -> int:
        """The longest n-gram, the predicted token included."""
        return len(self._levels)

    @property
    def discounts(self) -> list[list[float]]:
        """Per order: what is taken off a count of 1, of 2, and of 3 or more."""
        return [level.discounts[1:].tolist() for level in self._levels]

    def log_probs(self, ids: np.ndarray) -> np.ndarray:
        """Return the natural-log probability of each token given the tokens before it in `ids`.

        float64 [tokens]; at most order - 1 tokens before it count, so the first token has its
        unigram probability. Raises `CorpusError` for ids outside the vocabulary.
        """
        _check_ids(ids, self.vocab_size)
        ids = ids.astype(np.int64)
        probs = self._unigrams[ids]
        histories = ids  # [positions]: rank of the (n-1)-gram that starts there, -1 if unseen
        for n, level in enumerate(self._levels[1:], start=2):
            if len(ids) < n:
                break
            histories = histories[: len(ids) - n + 1]
            wanted = histories * self.vocab_size + ids[n - 1 :]
            found = np.minimum(np.searchsorted(level.keys, wanted), len(level.keys) - 1)
            hit = level.keys[found] == wanted
            # An unseen history leaves the lower order as it is, like one that nothing follows.
            seen = histories >= 0
            weight = np.where(seen, level.backoff[histories], 1.0)
            probs[n - 1 :] *= weight
            counts = level.counts[found[hit]]
            kept = counts - level.discounts[np.minimum(counts, 3)]
            probs[n - 1 :][hit] += kept / level.totals[histories[hit]]
            histories = np.where(hit, found, -1)
        return np.log(probs)


@dataclass(frozen=True)
class _Numbered:
    keys: np.ndarray  # int64 [U], sorted
    counts: np.ndarray  # int64 [U]
    first: np.ndarray  # int64 [U]: a position where the n-gram starts
    ranks: np.ndarray  # int32 [positions]


def _number(ranks: np.ndarray, following: np.ndarray, vocab_size: int) -> _Numbered:
    """Sort and number the n-grams made of an (n-1)-gram, given by rank, and the token after it."""
    keys = ranks[: len(following)].astype(np.int64)
    keys *= vocab_size
    keys += following
    order = np.argsort(keys)
    keys = keys[order]
    is_new = np.empty(len(keys), bool)
    is_new[0] = True
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    starts = np.flatnonzero(is_new)
    numbers = np.cumsum(is_new, dtype=np.int32)
    numbers -= 1
    by_position = np.empty_like(numbers)
    by_position[order] = numbers
    counts = np.diff(starts, append=len(keys))
    return _Numbered(keys[starts], counts, order[starts], by_position)


def _level(
    keys: np.ndarray,
    counts: np.ndarray,
    num_histories: int,
    vocab_size: int,
    discount: float | None,
) -> _Level:
    discounts = np.array([0.0, *(_discounts(counts) if discount is None else [discount] * 3)])
    taken = discounts[np.minimum(counts, 3)]
    if num_histories == 1 and not len(keys):
        totals, removed = np.array([counts.sum(dtype=float)]), np.array([taken.sum()])
    else:
        histories = keys // vocab_size
        totals = np.bincount(histories, weights=counts, minlength=num_histories)
        removed = np.bincount(histories, weights=taken, minlength=num_histories)
    backoff = np.divide(removed, totals, out=np.ones_like(totals), where=totals > 0)
    return _Level(keys, counts.astype(np.int32), totals, backoff, discounts)


def _discounts(counts: np.ndarray) -> tuple[float, ...]:
    """Return the three discounts from how many n-grams occur once, twice, 3 and 4 times."""
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].tolist()
    if not (n1 and n2 and n3):
        return FALLBACK_DISCOUNTS
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    usable = all(0 < value <= count for count, value in enumerate(found, start=1))
    return found if usable else FALLBACK_DISCOUNTS


def _check_ids(ids: np.ndarray, vocab_size: int) -> None:
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= vocab_size):
        wrong = int(ids.min()) if int(ids.min()) < 0 else int(ids.max())
        raise CorpusError(
            f"n-gram model: token id {wrong} in a vocabulary of {vocab_size:,}. The tokens are of "
            "another tokenizer; encode the text again."
        )
