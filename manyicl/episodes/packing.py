"""Packing: several short sequences in one row of tokens. They share the row, never their contents.

Isolation is the attention's: `position_ids` restart with every sequence and no attention mask is
passed, which models read as separate documents (an all-ones mask would let them see each other).
"""

from __future__ import annotations

from collections.abc import Iterator

from manyicl.episodes.stream import Episode

OPEN_ROWS = 8  # rows that may wait for a sequence that fits; more pack tighter and mix order more


def pack(
    episodes: Iterator[Episode], max_tokens: int, *, share_rows: bool = True
) -> Iterator[list[Episode]]:
    """Yield rows of episodes with at most `max_tokens` tokens together (first fit).

    Rows close in the order they were opened. Without `share_rows` every episode is its own row.
    """
    open_rows: list[tuple[int, list[Episode]]] = []
    for episode in episodes:
        if not share_rows:
            yield [episode]
            continue
        for index, (used, row) in enumerate(open_rows):
            if used + episode.num_tokens <= max_tokens:
                row.append(episode)
                open_rows[index] = (used + episode.num_tokens, row)
                break
        else:
            open_rows.append((episode.num_tokens, [episode]))
        if len(open_rows) > OPEN_ROWS:
            yield open_rows.pop(0)[1]
    yield from (row for _, row in open_rows)
