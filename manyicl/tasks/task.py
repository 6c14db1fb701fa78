"""Tasks: named sets of examples that share one instruction.

Rows are read lazily: a task whose `train` and `test` are never asked for is never opened, which is
how a held-out task stays unseen by a training run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from manyicl.errors import TaskError

Family = Literal["classification", "summarization", "qa", "nli", "math", "symbolic", "other"]
Kind = Literal["classification", "multiple_choice", "generation"]
Metric = Literal["accuracy", "macro_f1", "exact_match", "f1", "rouge_l", "numeric"]
Split = Literal["train", "test"]

SPLITS: tuple[Split, ...] = ("train", "test")


@dataclass(frozen=True, slots=True)
class Example:
    """One row: an input text and its target text.

    `options` are the candidate targets (multiple choice), the target among them; `references` all
    accepted targets, the target among them; `row` the 1-based line in the split's file.
    """

    input: str
    target: str
    options: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    row: int = 0

    def as_row(self) -> dict[str, Any]:
        """Return the JSON object of the task format (`target` is stored as `output`)."""
        row: dict[str, Any] = {"input": self.input, "output": self.target}
        if self.options:
            row["options"] = list(self.options)
        if self.references:
            row["references"] = list(self.references)
        return row


@dataclass(frozen=True)
class Task:
    """What is to be learned: metadata at once, rows on demand.

    `load(split)` is called at most once a split. Folder tasks read JSONL; built-in tasks generate.
    """

    name: str
    family: Family
    kind: Kind
    metric: Metric
    group: str
    load: Callable[[Split], list[Example]] = field(repr=False)
    instruction: str = ""
    labels: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    canary: str = ""
    folder: Path | None = None

    @cached_property
    def train(self) -> list[Example]:
        """The pool: examples that may be shown as demonstrations or trained on."""
        return self._load("train")

    @cached_property
    def test(self) -> list[Example]:
        """The queries that are evaluated. Never trained on, never shown."""
        return self._load("test")

    def _load(self, split: Split) -> list[Example]:
        examples = self.load(split)
        if not examples:
            raise TaskError(
                f"task '{self.name}': the {split} split is empty. "
                f"Add rows to {self.folder / f'{split}.jsonl' if self.folder else split}."
            )
        return examples

    def options_of(self, example: Example) -> tuple[str, ...]:
        """Return the distinct candidate targets of a query. The kind decides: a generation task is
        answered in words, so it has none, whatever its rows and metadata hold."""
        if self.kind == "generation":
            return ()
        return tuple(dict.fromkeys(example.options or self.labels))

    def split(self, split: Split) -> list[Example]:
        return self.train if split == "train" else self.test

    def metadata(self) -> dict[str, Any]:
        """Return the content of `task.json`."""
        found: dict[str, Any] = {
            "name": self.name,
            "family": self.family,
            "kind": self.kind,
            "instruction": self.instruction,
            "metric": self.metric,
            "group": self.group,
        }
        if self.labels:
            found["labels"] = list(self.labels)
        for key in ("source", "note", "canary"):
            if getattr(self, key):
                found[key] = getattr(self, key)
        return found

    def fingerprint(self, split: Split = "train") -> str:
        """Return a SHA-256 over the metadata and the rows of one split (for cards and results)."""
        digest = hashlib.sha256(json.dumps(self.metadata(), sort_keys=True).encode())
        for example in self.split(split):
            digest.update(json.dumps(example.as_row(), sort_keys=True).encode() + b"\n")
        return digest.hexdigest()
