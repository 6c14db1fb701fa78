"""Near-duplicates: which texts are the same, or nearly the same, as which others.

Two texts are duplicates if they are equal after `normalise` but for the punctuation that ends words
(`same_key`; a question is not its statement), or if one of two rules on their word 3-shingles holds
(the constants below are the numbers meant):

- one changed word: each holds at most three shingles that the other lacks, the Jaccard similarity
  of all shingles is at least 0.85, and both hold the same numbers in the same order. This finds
  near-copies however many there are; another number makes another problem.
- few alike: the Jaccard similarity of the informative shingles reaches a threshold, and the
  differences are small (two changed words, or 5 % of a long text). A shingle is informative if few
  texts hold it: what most rows of a task share (a table, an instruction) says nothing about two
  rows being alike. Texts with hardly any informative shingles are rows of a template, such as
  "What is 3 + 4?", and are left to the first rule.

So rows that share a passage and ask another question are not near-duplicates. A number
is a word that begins with a digit. Neither meaning nor word order beyond three words is looked at.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from manyicl.tasks.task import Example

SHINGLE_WORDS = 3
ALL_THRESHOLD = 0.85  # Jaccard similarity of all shingles: one changed word in about forty
MAX_LOST = SHINGLE_WORDS  # shingles of one text the other may lack: one changed word touches three
THRESHOLD = 0.8  # Jaccard similarity of the informative shingles
MAX_CHANGED = 12  # shingles in only one of the two texts: two changed words ...
MAX_CHANGED_SHARE = 0.05  # ... or, in long texts, this share of the shingles of both
MIN_INFORMATIVE = 5  # with fewer informative shingles, or a smaller share, a text is a template's
MIN_INFORMATIVE_SHARE = 0.3
MIN_COMMON = 5  # a shingle in at most this many texts is informative, however few texts there are
COMMON_SHARE = 50  # beyond that, a shingle in at most 1/50 of the texts is informative

_END_MARKS = re.compile(r"(?<=[^\W\d_])[.,\"'»”’]+(?=\s)|(?<=[?!])[\"'»”’]+(?=\s)")
_LAST_MARK = re.compile(r"(?<!\d)[?!]+$")  # `5!` is another number
_MARKS = re.compile(r"[?!]+")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_NUMBER = re.compile(r"\b\d\w*")
_ROUNDING = 1e-9  # keeps rounding of threshold * size from losing a pair before the exact check

_Key = tuple[int, tuple[str, ...] | None]  # a shingle; for the first rule, the numbers too


@dataclass(frozen=True, slots=True)
class _Shingled:
    """A text's shingles as ids, rarest first, and its numbers.

    `informative` is empty where the text holds too few informative shingles.
    """

    ids: list[int]
    all: frozenset[int]
    informative: frozenset[int]
    numbers: tuple[str, ...]


def normalise(text: str) -> str:
    """Return `text` after NFKC, case folding and whitespace collapse; punctuation stays.

    >>> normalise("  Ｈｅｌｌｏ,\\n World ")
    'hello, world'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def same_key(text: str) -> tuple[str, str]:
    """Return what copies have in common that differ in case, spaces, full stops, commas and quotes
    at the ends of words, and the mark that ends the text.

    Of short texts a full stop is so large a part that no similarity finds the copy.

    >>> same_key("Where is my order?!"), same_key("Is it 5! or 6?")
    (('where is my order', '?'), ('is it 5! or 6?', '?'))
    """
    # One question mark among them makes a question.
    kept = _MARKS.sub(lambda run: "?" if "?" in run[0] else "!", normalise(text))
    mark = kept.rstrip("\"'»”’)")[-1:]
    kept = _END_MARKS.sub("", f"{kept} ").strip()
    return _LAST_MARK.sub("", kept) or kept, mark if mark in (".", "?", "!") else ""


def _said_alike(one: str, other: str) -> bool:
    """Whether the last marks agree, or one text has none: a question is not its statement."""
    return one == other or not (one and other)


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
    distinct normalised texts of `against` (of `texts` without it), so the result for a text does
    not depend on what else is asked. Texts of fewer than three tokens are duplicates of the
    same texts only (`same_key`). `threshold`, in (0, 1], is that of the informative shingles; where
    it is above 0.85, all shingles must reach it too.

    The result is exact: prefix filtering (Chaudhuri et al. 2006; Xiao et al. 2008) only skips
    pairs that can meet neither rule. Time grows with the number of similar pairs.
    """
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"threshold is {threshold}; it must lie in (0, 1].")
    left = _by_normal_text(texts)
    right = left if against is None else _by_normal_text(against)
    shingled = _shingle_all(list(right), list(left))

    same: dict[str, list[tuple[str, list[int]]]] = defaultdict(list)
    for text, indices in right.items():
        key, mark = same_key(text)
        same[key].append((mark, indices))
    found: list[set[int]] = [set() for _ in texts]
    similar = _similar_pairs(list(left), list(right), shingled, threshold)
    for text, others in zip(left, similar, strict=True):
        matches = {i for other in others for i in right[other]}
        matches.update(right.get(text, ()))
        key, mark = same_key(text)
        for other, indices in same.get(key, ()):
            if _said_alike(mark, other):
                matches.update(indices)
        for index in left[text]:
            found[index] = matches - {index} if against is None else set(matches)
    return found


def _by_normal_text(texts: Sequence[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        groups.setdefault(normalise(text), []).append(index)
    return groups


def _shingle_all(pool: list[str], queries: list[str]) -> dict[str, _Shingled]:
    """Return the shingles of every (distinct) text; how common one is, is counted in the pool.

    Ids follow (number of texts, first occurrence), so ascending order is one order for all texts,
    as the prefix filter needs, and the informative shingles of a text come first.
    """
    rows = {text: _shingles(text) for text in dict.fromkeys([*pool, *queries])}
    num_texts = Counter(shingle for text in pool for shingle in rows[text])
    limit = max(MIN_COMMON, len(pool) // COMMON_SHARE)
    every = dict.fromkeys(shingle for row in rows.values() for shingle in row)
    ranked = sorted(every, key=lambda shingle: num_texts[shingle])  # stable: then by occurrence
    id_of = {shingle: number for number, shingle in enumerate(ranked)}
    num_informative = sum(num_texts[shingle] <= limit for shingle in ranked)

    def shingled(text: str) -> _Shingled:
        ids = sorted(id_of[shingle] for shingle in rows[text])
        rare = frozenset(number for number in ids if number < num_informative)
        if len(rare) < max(MIN_INFORMATIVE, MIN_INFORMATIVE_SHARE * len(ids)):
            rare = frozenset()
        return _Shingled(ids, frozenset(ids), rare, tuple(_NUMBER.findall(text)))

    return {text: shingled(text) for text in rows}


def _shingles(text: str) -> Iterable[tuple[str, ...]]:
    tokens = _TOKEN.findall(text)
    # dict.fromkeys and not set: the order, and with it every run, must not hang on hash seeds.
    return dict.fromkeys(zip(*(tokens[i:] for i in range(SHINGLE_WORDS)), strict=False))


def _similar_pairs(
    left: list[str], right: list[str], shingled: dict[str, _Shingled], threshold: float
) -> list[list[str]]:
    """Return for every left text the right texts that one of the two rules makes alike.

    If a text may lack at most d of another's shingles, the rarest shingle that both hold is among
    the first d + 1 of either, so these prefixes must meet.
    """
    index: dict[_Key, list[int]] = defaultdict(list)
    rows = [shingled[text] for text in right]
    for number, row in enumerate(rows):
        for key in _keys(row, threshold):
            index[key].append(number)
    found: list[list[str]] = []
    for text in left:
        mine = shingled[text]
        candidates: set[int] = set()
        for key in _keys(mine, threshold):
            candidates.update(index.get(key, ()))
        found.append([right[c] for c in sorted(candidates) if _alike(mine, rows[c], threshold)])
    return found


def _keys(row: _Shingled, threshold: float) -> list[_Key]:
    """Return the keys of which two texts share one if a rule can make them alike."""
    # With the numbers in the key, the many rows of a numbered template do not meet at all.
    keys: list[_Key] = [(shingle, row.numbers) for shingle in row.ids[: MAX_LOST + 1]]
    if row.informative:  # these are the rarest, so the first of all ids
        few = _most_lost(len(row.informative), threshold) + 1
        keys += [(shingle, None) for shingle in row.ids[:few]]
    return keys


def _most_lost(size: int, threshold: float) -> int:
    """Return how many of a set's members another set may lack at this Jaccard similarity."""
    return size - math.ceil(threshold * size - _ROUNDING)


def _alike(one: _Shingled, other: _Shingled, threshold: float) -> bool:
    if not _same_size(one.all, other.all):
        return False
    shared = len(one.all & other.all)
    lost, gained = len(one.all) - shared, len(other.all) - shared
    every = shared + lost + gained
    if (
        max(lost, gained) <= MAX_LOST
        and shared / every >= max(threshold, ALL_THRESHOLD)
        and one.numbers == other.numbers
    ):
        return True
    if lost + gained > max(MAX_CHANGED, MAX_CHANGED_SHARE * every):
        return False
    rare = len(one.informative & other.informative)
    return rare > 0 and (rare / (len(one.informative) + len(other.informative) - rare) >= threshold)


def _same_size(one: frozenset[int], other: frozenset[int]) -> bool:
    """Whether two sets are close enough in size to be alike; a cheap check before the others."""
    difference = abs(len(one) - len(other))
    return difference <= max(MAX_CHANGED, MAX_CHANGED_SHARE * (len(one) + len(other)))
