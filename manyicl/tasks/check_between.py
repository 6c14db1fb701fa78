"""Checks between tasks: the same name twice, and the same query in tasks of different groups.

Tasks that share queries must share their group, or a held-out task may be met in training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from manyicl.tasks.check import Finding
from manyicl.tasks.duplicates import normalise, query_text
from manyicl.tasks.task import SPLITS, Task

MIN_CHARS = 12  # shorter queries (a number, a name) meet by chance


def check_between(tasks: Sequence[Task]) -> list[Finding]:
    """Return findings about pairs of readable tasks; every row of all tasks is read."""
    findings: list[Finding] = []
    places: dict[str, list[str]] = {}
    for task in tasks:
        places.setdefault(task.name, []).append(str(task.folder or "builtin"))
    for name, found in places.items():
        if len(found) > 1:
            text = f"task '{name}' is named {len(found)} times: {', '.join(found)}."
            text += " Change 'name' in task.json of all but one."
            findings.append(Finding("error", "", (), "named twice", text))
    for (one, other), number in sorted(_shared_queries(tasks).items()):
        text = (
            f"tasks '{one}' and '{other}' share {number} input{'s' * (number != 1)} and stand in "
            "different groups. Unless that is chance, give both the same 'group' in task.json, so "
            "that they stay on one side of a held-in / held-out split."
        )
        findings.append(Finding("warning", "", (), "shared between groups", text))
    return findings


def _shared_queries(tasks: Sequence[Task]) -> Counter[tuple[str, str]]:
    """Return (task, later task of another group) -> number of queries that both have."""
    holders: dict[str, list[Task]] = {}
    shared: Counter[tuple[str, str]] = Counter()
    for task in tasks:
        queries = {normalise(query_text(e)) for split in SPLITS for e in task.split(split)}
        for query in queries:
            if len(query) < MIN_CHARS:
                continue
            earlier = holders.setdefault(query, [])
            for one in earlier:
                if one.group != task.group:
                    shared[one.name, task.name] += 1
            earlier.append(task)
    return shared
