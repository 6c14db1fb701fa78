"""The same trainer under three objectives; a side's unit is the supervised answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manyicl.benchmarks import training_sides
from manyicl.benchmarks.turns import Turns


def ours(settings: Mapping[str, Any], turns: Turns) -> None:
    """Supervise every answer of filled sequences."""
    training_sides.ours({**settings, "unit": "answers"}, turns)


def last_answer(settings: Mapping[str, Any], turns: Turns) -> None:
    """Supervise the last answer of the same sequences."""
    training_sides.ours({**settings, "unit": "answers", "supervise": "last_answer"}, turns)


def few_shot(settings: Mapping[str, Any], turns: Turns) -> None:
    """Supervise the query of sequences of five shots, packed into rows."""
    objective = {"shots": "6", "supervise": "last_answer", "packing": True}
    training_sides.ours({**settings, "unit": "answers", **objective}, turns)
