"""Every prediction as one line of JSON, with the keys of lm-evaluation-harness' sample files.

The prompt is not written (64 shots times every query would be gigabytes), only its hash: two rows
with one `prompt_hash` were asked exactly the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyicl.tasks import Example


@dataclass(frozen=True)
class Sample:
    """One query answered once: the task and row, what was asked, and what came back."""

    task: str
    stage: str
    num_shots: int
    seed: int
    doc_id: int
    """Index of the query in the test split, from 0."""
    example: Example
    prompt: str | Sequence[int]
    """The whole prompt, as text or token ids. Only its hash is written."""
    arguments: Sequence[Any]
    """What the model was asked after the prompt: the options, or how to generate."""
    responses: Sequence[Any]
    """What it gave: one score for each option, or the generated text."""
    prediction: str
    metrics: Mapping[str, float]
    cut: bool = False
    """Whether a generated answer reached `max_new_tokens` before it ended."""

    def as_record(self) -> dict[str, Any]:
        """Return the JSON object of the line."""
        row = self.example.as_row()
        return {
            "doc_id": self.doc_id,
            "doc": row,
            "target": self.example.target,
            "arguments": list(self.arguments),
            "resps": list(self.responses),
            "filtered_resps": [self.prediction],
            "filter": "none",
            "metrics": list(self.metrics),
            "doc_hash": _hash(json.dumps(row, sort_keys=True, ensure_ascii=False)),
            "prompt_hash": _hash(
                self.prompt if isinstance(self.prompt, str) else json.dumps(list(self.prompt))
            ),
            "target_hash": _hash(self.example.target),
            "task": self.task,
            "stage": self.stage,
            "num_shots": self.num_shots,
            "seed": self.seed,
            "cut": self.cut,
            **self.metrics,
        }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
