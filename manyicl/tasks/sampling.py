"""Sampling: which rows of a table become examples, and which examples become the test part.

Rows are looked at in one seeded order until enough are found, so a table of millions of rows costs
little. Every row that is looked at is either taken or counted with the reason it was left out.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from manyicl.errors import TaskError
from manyicl.tasks.duplicates import near_duplicates, normalise, query_text
from manyicl.tasks.import_report import SplitCounts
from manyicl.tasks.mapping import NO_LABEL, RowMapper
from manyicl.tasks.tables import MAX_PROBLEMS, Table
from manyicl.tasks.task import Example

SEED = 20250611
TEST_SHARE = 0.2
MAX_UNUSABLE_SHARE = 0.2

DUPLICATE = "duplicate input (the first is kept)"
OTHER_TARGET = "duplicate input with another target (the first is kept)"
CONFLICT = "same input with different answers (none is kept)"
IN_TEST = "its input stands in the test part"
UNUSABLE = "not usable"


@dataclass(frozen=True)
class Limits:
    """How much is taken; `max_chars` bounds input plus target of a row."""

    max_train: int = 2000
    max_test: int = 500
    max_chars: int | None = None
    seed: int = SEED

    def __post_init__(self) -> None:
        for name in ("max_train", "max_test", "max_chars"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise TaskError(f"--{name.replace('_', '-')} is {value}; it must be at least 1.")


@dataclass
class Draw:
    """Examples by their normalised query, in drawn order, with what was left out and why."""

    counts: SplitCounts
    examples: dict[str, Example] = field(default_factory=dict)
    repeats: dict[str, list[Example]] = field(default_factory=dict)
    """Query -> later rows with the same query and another target."""

    def settle(self, closed: bool, limit: int) -> list[Example]:
        """Return at most `limit` examples in row order, one a query.

        `closed` is True where answers come from a closed set: there a query with two answers has
        no right one, and all its rows are left out.
        """
        for query, others in self.repeats.items():
            rows = [self.examples.pop(query), *others] if closed else others
            for example in rows:
                self.counts.leave_out(CONFLICT if closed else OTHER_TARGET, example.row)
        self.repeats.clear()
        kept = list(self.examples.values())
        self.counts.looked_at -= max(0, len(kept) - limit)
        return sorted(kept[:limit], key=lambda example: example.row)


def draw(
    table: Table,
    mapper: RowMapper,
    limit: int,
    limits: Limits,
    *,
    test_queries: Iterable[str] = (),
    strict: bool = True,
) -> Draw:
    """Return examples of a table until `limit` queries without conflict are found.

    Queries in `test_queries` (normalised) are left out. A row that the mapping cannot use is an
    error if `strict`, and is counted otherwise. Raises `TaskError` if no row or too few are usable.
    """
    drawn = Draw(SplitCounts(table.name, len(table)))
    test_queries = frozenset(test_queries)
    problems: list[str] = []
    unlabelled = False
    for index in _order(len(table), limit, limits.seed):
        if len(drawn.examples) - len(drawn.repeats) >= limit:
            break
        drawn.counts.looked_at += 1
        try:
            _take(drawn, table, mapper, index, limits, test_queries)
        except TaskError as error:
            if strict and mapper.mapping.labels and NO_LABEL in str(error):
                unlabelled = True  # one mistake in the labels, not one in every row
                continue
            problems.append(f"{table.place(index)}: {error}")
            drawn.counts.leave_out(UNUSABLE, table.number(index), problems[-1])
            if strict and len(problems) == MAX_PROBLEMS:
                problems.append(f"(stopped after {MAX_PROBLEMS} faulty rows)")
                break
    if unlabelled:
        rows = (table.row(index) for index in range(len(table)))
        problems.append(f"{table.name}: {mapper.unlabelled(rows)}")
    _check_usable(drawn, problems, strict)
    return drawn


def _order(rows: int, limit: int, seed: int) -> list[int]:
    """Return all row indices: in file order if all may be taken, else shuffled by the seed."""
    order = list(range(rows))
    if rows > limit:
        random.Random(seed).shuffle(order)
    return order


def _take(
    drawn: Draw,
    table: Table,
    mapper: RowMapper,
    index: int,
    limits: Limits,
    test_queries: frozenset[str],
) -> None:
    row, number = table.row(index), table.number(index)
    if reason := mapper.filtered(row):
        return drawn.counts.leave_out(f"filter: {reason}", number)
    example = mapper.example(row, number)
    if limits.max_chars and len(example.input) + len(example.target) > limits.max_chars:
        return drawn.counts.leave_out(f"longer than {limits.max_chars} characters", number)
    query = normalise(query_text(example))
    if query in test_queries:
        return drawn.counts.leave_out(IN_TEST, number)
    known = drawn.examples.get(query)
    if known is None:
        drawn.examples[query] = example
    elif normalise(known.target) == normalise(example.target):
        drawn.counts.leave_out(DUPLICATE, number)
    else:
        drawn.repeats.setdefault(query, []).append(example)
    return None


def _check_usable(drawn: Draw, problems: list[str], strict: bool) -> None:
    if problems and strict:
        problems.append("Mend these rows, or leave such rows out, counted, with --skip-bad-rows.")
        raise TaskError("\n".join(problems))
    counts = drawn.counts
    if len(problems) > MAX_UNUSABLE_SHARE * counts.looked_at:
        raise TaskError(
            "\n".join(problems[:MAX_PROBLEMS])
            + f"\n{counts.source}: {len(problems)} of {counts.looked_at} rows cannot be used, so "
            "the mapping does not fit this table. Compare its columns with the mapping."
        )
    if not drawn.examples:
        raise TaskError("\n".join([f"{counts.source}: no row is left.", *counts.lines()]))


def split_off_test(
    examples: Sequence[Example], limits: Limits, *, closed: bool
) -> tuple[list[Example], list[Example], str]:
    """Return (train, test, note): a fifth of the examples, at most `max_test`, as the test part.

    Where there are more examples than train may hold, the test part takes more than a fifth.

    Near-duplicates stay together on one side, and with `closed` the test part never takes the
    last training example of an answer. Seeded; both parts are in row order.
    """
    if len(examples) < 2:
        raise TaskError(
            f"{len(examples)} usable row cannot be parted into train and test. Give more rows, or "
            "a test file of its own (--test FILE)."
        )
    share = max(1, round(TEST_SHARE * len(examples)), len(examples) - limits.max_train)
    wanted = min(limits.max_test, share, len(examples) - 1)
    rng = random.Random(limits.seed)
    note = f"test part: {wanted} examples split off (no test split in the source)"
    clusters = _clusters(examples)
    test = _choose(clusters, wanted, rng, closed)
    if not test or len(test) == len(examples):
        clusters = [[example] for example in examples]
        test = _choose(clusters, wanted, rng, closed) or [examples[-1]]
        note += "; near-duplicates had to be parted, since nearly all rows are alike"
    chosen = set(test)
    train = [example for example in examples if example not in chosen]
    rng.shuffle(train)
    train = train[: limits.max_train]
    note = note.replace(f"{wanted} examples", f"{len(test)} examples", 1)
    by_row = lambda example: example.row  # noqa: E731
    return sorted(train, key=by_row), sorted(test, key=by_row), note


def _choose(
    clusters: list[list[Example]], wanted: int, rng: random.Random, closed: bool
) -> list[Example]:
    left = Counter(example.target for cluster in clusters for example in cluster)
    order = list(clusters)
    rng.shuffle(order)
    test: list[Example] = []
    for cluster in order:
        if len(test) + len(cluster) > wanted:
            continue
        targets = Counter(example.target for example in cluster)
        if closed and any(left[target] <= number for target, number in targets.items()):
            continue
        left -= targets
        test += cluster
    return test


def _clusters(examples: Sequence[Example]) -> list[list[Example]]:
    """Return the examples in groups connected by near-duplication."""
    neighbours = near_duplicates([query_text(example) for example in examples])
    clusters: list[list[Example]] = []
    seen: set[int] = set()
    for start in range(len(examples)):
        if start in seen:
            continue
        seen.add(start)
        waiting, cluster = [start], []
        while waiting:
            index = waiting.pop()
            cluster.append(examples[index])
            fresh = neighbours[index] - seen
            seen |= fresh
            waiting += sorted(fresh)
        clusters.append(cluster)
    return clusters
