"""Near-duplicates: which texts are the same, or nearly the same, as which others.

Two texts are duplicates if they are equal after `normalise`, or if the Jaccard similarity of their
informative word 3-shingles reaches a threshold. A shingle is informative if few texts hold it:
what most rows of a task share (a table, an instruction) says nothing about two rows being alike.
Neither meaning nor word order beyond three words is looked at.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from manyicl.tasks.task import Example

SHINGLE_WORDS = 3
THRESHOLD = 0.8
MIN_COMMON = 5  # a shingle in at most this many texts is informative, however few texts there are
COMMON_SHARE = 50  # beyond that, a shingle in at most 1/50 of the texts is informative

_TOKEN = re.compile(r"\w+|[^\w\s]")


def normalise(text: str) -> str:
    """Return `text` after NFKC, case folding and whitespace collapse; punctuation stays.

    >>> normalise("  Ｈｅｌｌｏ,\\n World ")
    'hello, world'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def query_text(example: Example) -> str:
    """Return what makes a query the same query: the input, and options the input does not list."""
    unlisted = [option for option in example.options if option not in example.input]
    return "\n".join([example.input, *unlisted])


def near_duplicates(
    texts: Sequence[str],
    against: Sequence[str] | None = None,
    *,
    threshold: float = THRESHOLD,
) -> list[set[int]]:
    """Return, for every text, the indices in `against` that are the same or nearly the same.

    Without `against` the texts are compared with one another; a text never meets itself, and the
    relation is symmetric. A shingle is informative if it occurs in at most max(5, 2 %) of the
    distinct normalised texts of both lists together. Texts of fewer than three tokens, or without
    an informative shingle, are duplicates of equal texts only. `threshold` lies in (0, 1].

    The result is exact: prefix filtering (Chaudhuri et al. 2006; Xiao et al. 2008) only skips
    pairs that cannot reach the threshold. Time grows with the number of similar pairs.
    """
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"threshold is {threshold}; it must lie in (0, 1].")
    left = _by_normal_text(texts)
    right = left if against is None else _by_normal_text(against)
    distinct = list(dict.fromkeys([*left, *right]))
    shingles = dict(zip(distinct, _informative_shingles(distinct), strict=True))

    found: list[set[int]] = [set() for _ in texts]
    similar = _similar_pairs(list(left), list(right), shingles, threshold)
    for text, others in zip(left, similar, strict=True):
        matches = {i for other in others for i in right[other]} | set(right.get(text, ()))
        for index in left[text]:
            found[index] = matches - {index} if against is None else set(matches)
    return found


def _by_normal_text(texts: Sequence[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        groups.setdefault(normalise(text), []).append(index)
    return groups


def _informative_shingles(texts: Sequence[str]) -> list[list[int]]:
    """Return for every (distinct) text its informative shingles as ids, the rarest first.

    Ids follow (number of texts, first occurrence), so ascending order is one order for all texts,
    as the prefix filter needs.
    """
    rows = [_shingles(text) for text in texts]
    num_texts = Counter(shingle for row in rows for shingle in row)
    limit = max(MIN_COMMON, len(texts) // COMMON_SHARE)
    kept = sorted((n, i, s) for i, (s, n) in enumerate(num_texts.items()) if n <= limit)
    id_of = {shingle: number for number, (_, _, shingle) in enumerate(kept)}
    return [sorted(id_of[shingle] for shingle in row if shingle in id_of) for row in rows]


def _shingles(text: str) -> Iterable[tuple[str, ...]]:
    tokens = _TOKEN.findall(text)
    # dict.fromkeys and not set: the order, and with it every run, must not hang on hash seeds.
    return dict.fromkeys(zip(*(tokens[i:] for i in range(SHINGLE_WORDS)), strict=False))


def _similar_pairs(
    left: list[str], right: list[str], shingles: dict[str, list[int]], threshold: float
) -> list[list[str]]:
    """Return for every left text the right texts whose similarity reaches the threshold.

    Two sets with Jaccard similarity >= t share at least ceil(t * size) members with the larger
    one, so their first size - ceil(t * size) + 1 members (in one global order) must meet.
    """
    index: dict[int, list[int]] = defaultdict(list)
    sets = [frozenset(shingles[text]) for text in right]
    for number, text in enumerate(right):
        for shingle in _prefix(shingles[text], threshold):
            index[shingle].append(number)
    found: list[list[str]] = []
    for text in left:
        mine = frozenset(shingles[text])
        candidates: set[int] = set()
        for shingle in _prefix(shingles[text], threshold):
            candidates.update(index.get(shingle, ()))
        found.append([right[c] for c in sorted(candidates) if _alike(mine, sets[c], threshold)])
    return found


def _prefix(ids: list[int], threshold: float) -> list[int]:
    # The small subtraction keeps rounding of threshold * size from shortening the prefix.
    return ids[: len(ids) - math.ceil(threshold * len(ids) - 1e-9) + 1] if ids else []


def _alike(one: frozenset[int], other: frozenset[int], threshold: float) -> bool:
    small, large = sorted((len(one), len(other)))
    if small < (threshold - 1e-9) * large:
        return False
    shared = len(one & other)
    return shared / (small + large - shared) >= threshold
