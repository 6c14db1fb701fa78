"""Room: how many tokens queries leave for a prefix, and which demonstrations fit it.

What does not fit is left out whole; a query that does not fit is an error that names its row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from manyicl.episodes import EncodedPool, order_for_query
from manyicl.errors import EpisodeError
from manyicl.inference.engine import Engine
from manyicl.tasks import Example

MAX_PROBLEMS = 20  # so many over-long queries are named at once
UNLIMITED = 1 << 30


@dataclass(frozen=True)
class Budget:
    """The tokens of one answered query: prefix, query and longest answer together."""

    limit: int
    prefix: int  # of these, what even the longest query leaves for the prefix


def token_budget(
    engine: Engine,
    pool: EncodedPool,
    queries: Sequence[Example],
    max_new_tokens: int,
    *,
    max_tokens: int = 0,
    source: str = "query",
) -> Budget:
    """Return what the context (or `max_tokens`, if smaller and not 0) leaves for a prefix.

    Raises `EpisodeError` naming the rows of queries that do not fit even without demonstrations.
    """
    limits = [number for number in (engine.context_length, max_tokens) if number]
    limit = min(limits, default=UNLIMITED)
    opening, longest = len(pool.opening()), 0
    problems: list[str] = []
    for index, query in enumerate(queries):
        needed = engine.query_tokens(pool.task, query, max_new_tokens)
        longest = max(longest, needed)
        if opening + needed > limit:
            problems.append(
                f"{source} row {query.row or index + 1}: the query takes {opening + needed:,} "
                f"tokens with its answer, more than the {limit:,} of the context."
            )
    if problems:
        more = len(problems) - MAX_PROBLEMS
        problems = problems[:MAX_PROBLEMS] + [f"({more} further rows)"] * (more > 0)
        raise EpisodeError(
            "\n".join([*problems, "Shorten them, leave them out, or expect shorter answers."])
        )
    return Budget(limit, limit - longest)


def fitting_rows(
    pool: EncodedPool, rows: Sequence[int], room: int, most: int | None = None
) -> list[int]:
    """Return the first rows of an order whose prefix fits `room` tokens, at most `most`.

    A row too long on its own is passed over; the first that does not fit after others ends it.
    """
    opening, separator = len(pool.opening()), len(pool.encoder.separator)
    used, kept = opening, []
    for row in rows:
        if most is not None and len(kept) >= most:
            break
        length = len(pool.demonstration(row)) + separator
        if used + length > room:
            if opening + length > room:
                continue
            break
        kept.append(row)
        used += length
    return kept


def rows_for_query(
    pool: EncodedPool,
    query: Example,
    num_shots: int,
    room: int,
    *,
    selection: str,
    seed: int,
    similar_share: float,
    near: Collection[int],
) -> list[int]:
    """Return the rows to show to one query, most similar last; the least similar go first if not
    all fit `room` tokens. `near` are the rows that nearly equal the query."""
    order = order_for_query(pool.pool, query, num_shots, selection, seed, similar_share, near)
    return fitting_rows(pool, order[::-1], room)[::-1]
