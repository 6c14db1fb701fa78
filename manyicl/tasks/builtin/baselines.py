"""What simple methods without a language model score on the built-in tasks, as recorded.

baselines.yaml holds one line a task, measured on generated rows by `python -m
manyicl.evaluation.baselines`. A line is bound to the rows it was measured on by their digest, so
that a changed generator cannot keep the numbers of its former rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from manyicl.tasks.task import Task

RECORDED = Path(__file__).parent / "baselines.yaml"
NUM_FIT = 500  # train rows that the classifier is fitted on; no baseline reads later ones
NUM_QUERIES = 200  # test rows that are scored
DIGITS = 3  # what 200 queries can tell apart

MEANING = {
    "majority": "majority",
    "tfidf_logistic": "TF-IDF + LR",
    "nearest_bm25": "BM25 neighbour (64)",
    "nearest_bm25_32": "BM25 neighbour (32)",
}


@dataclass(frozen=True)
class Baselines:
    """The task's metric, in [0, 1], of each method on the first 200 test rows.

    `majority` always gives the one answer that scores best on train rows, `tfidf_logistic` (closed
    labels only) is a logistic regression on TF-IDF of 500 train rows. `nearest_bm25` copies the
    answer of the most similar of 64 train rows, `nearest_bm25_32` of 32 ones: what so few examples
    show. Both are means over five sets that share no row, as one set alone is a matter of luck.
    `input_words` is the mean length of an input; `rows` the digest of what was measured
    (`rows_digest`).
    """

    rows: str
    input_words: float
    majority: float
    nearest_bm25: float
    nearest_bm25_32: float
    tfidf_logistic: float | None = None

    def scores(self) -> dict[str, float]:
        """Return the score of each method that applies, by its name for readers."""
        found = {name: getattr(self, key) for key, name in MEANING.items()}
        return {name: score for name, score in found.items() if score is not None}


def rows_digest(task: Task) -> str:
    """Return what the baselines depend on as 16 hex digits: metric, labels, the rows they read."""
    digest = hashlib.sha256(json.dumps([task.kind, task.metric, *task.labels]).encode())
    for example in [*task.train[:NUM_FIT], *task.test[:NUM_QUERIES]]:
        digest.update(json.dumps(example.as_row(), sort_keys=True).encode() + b"\n")
    return digest.hexdigest()[:16]


@cache
def recorded_baselines() -> Mapping[str, Baselines]:
    """Return the recorded baselines by task name; no row is opened."""
    import yaml

    found = yaml.safe_load(RECORDED.read_text(encoding="utf-8")) or {}
    return {name: Baselines(**entry) for name, entry in found.items()}


def baselines_of(task: Task) -> Baselines | None:
    """Return the baselines recorded for exactly these rows of a task, if there are any."""
    found = recorded_baselines().get(task.name)
    return found if found and found.rows == rows_digest(task) else None


def as_yaml(baselines: Mapping[str, Baselines]) -> str:
    """Return the text of baselines.yaml: one line a task, by name."""
    lines = [
        "# Measured by `python -m manyicl.evaluation.baselines`; written by no hand.\n",
        *(f"{name}: {json.dumps(asdict(baselines[name]))}\n" for name in sorted(baselines)),
    ]
    return "".join(lines)
