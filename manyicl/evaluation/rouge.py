"""ROUGE-L: the longest common subsequence of words, as an F-measure (Lin 2004).

Equal to `rouge_score`'s `rougeL` without stemming, including its tokens: runs of a-z and 0-9 of the
lower-cased text. Text in other scripts therefore has no tokens and scores 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_TOKEN = re.compile("[a-z0-9]+")


def rouge_l(prediction: str, reference: str) -> float:
    """Return the F-measure of precision and recall of the longest common subsequence."""
    found, gold = _TOKEN.findall(prediction.lower()), _TOKEN.findall(reference.lower())
    common = longest_common_subsequence(found, gold)
    return 2 * common / (len(found) + len(gold)) if common else 0.0


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    Bit-parallel (Hyyrö 2004): bit i of `row` is 0 where the table's row grows at position i of
    `first`, so one step of the dynamic program is a handful of integer operations.
    """
    places: dict[str, int] = {}
    for at, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << at
    whole = (1 << len(first)) - 1
    row = whole
    for token in second:
        hits = row & places.get(token, 0)
        row = (row + hits | row - hits) & whole
    return len(first) - row.bit_count()
