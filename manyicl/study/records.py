"""What a study measured, as flat records: one line a measurement, joined by regime, budget, seed.

A model of the study is named by three things: its regime (`regimes.py`), the budget its training
was matched on (`tokens` or `targets`; `none` for the untuned base), and its seed. The seed of a
study is one number for all that is drawn: training order, demonstrations of the evaluation. The
base is evaluated with the same seeds, so that every comparison is paired.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyicl.errors import ManyICLError
from manyicl.evaluation.results_file import ResultsFormat
from manyicl.files import write_whole

FORMAT = 1  # raised when a reader of the old form would misread the new one
BASE = "base"  # the untuned model, where regimes are named
DEDICATED = "dedicated"  # a model for one task alone, where regimes are named
BUDGETS = ("tokens", "targets")
NO_BUDGET = "none"  # of the base


class StudyError(ManyICLError):
    """A study's results cannot be read, or hold something else."""


@dataclass(frozen=True)
class TaskInfo:
    """What a reader needs to know of an evaluated task; none of its text."""

    task: str
    family: str
    group: str
    held_out: bool
    metric: str
    kind: str
    num_labels: int
    """0 where answers are not from a closed set."""


@dataclass(frozen=True)
class Model:
    """One model of the study and what it cost."""

    regime: str
    budget: str
    seed: int
    learning_rate: float | None = None
    """None for the base."""
    tokens: int = 0
    """Tokens run through the model in training (forward and backward)."""
    supervised_answers: int = 0
    """Answers that carried loss (supervised targets)."""
    supervised_tokens: int = 0
    steps: int = 0
    """Optimizer steps."""
    seconds: float = 0.0
    """Wall clock of training alone, with the threads the study gave it."""
    flops: float = 0.0
    """Training operations, counted from the model's shape (models/flops.py)."""
    loss_by_shot: tuple[tuple[int, float], ...] = ()
    """Mean loss (nats a token) of held-out tasks' answers after k shots."""


@dataclass(frozen=True)
class Score:
    """A model's main metric on one task at one number of shots, in [0, 1]."""

    regime: str
    budget: str
    seed: int
    task: str
    num_shots: int
    effective_shots: float
    """Shots that fitted the context."""
    score: float
    selection: str = "random"
    """How the demonstrations were chosen: `random` or `similar`."""
    ece: float | None = None
    """Expected calibration error of the chosen options; None for generated answers."""


@dataclass(frozen=True)
class Dedicated:
    """A model fine-tuned on one task alone, answering without demonstrations."""

    task: str
    pool_size: int
    """Examples it was trained on: the first of the order the k-shot prompts show too."""
    seed: int
    score: float
    learning_rate: float
    steps: int
    tokens: int
    """Of the final training."""
    search_tokens: int
    """Of the search before it, which is done once for a task and pool size and serves all seeds:
    every one of its models bears the whole of it."""
    supervised_answers: int
    seconds: float
    """Of search and training."""
    flops: float
    ece: float | None = None


@dataclass(frozen=True)
class Retention:
    """One measurement of what a model still can do besides the tasks it learned."""

    regime: str
    budget: str
    seed: int
    measure: str
    """`text_bits_per_byte`, `icl/NAME` (raw in-context ability), `family/NAME` (a family left out
    of training), `generation/NAME` (free text)."""
    value: float
    higher_is_better: bool
    base: float | None = None
    """The base's value, where it is not that of the base's own record (families left out)."""


@dataclass(frozen=True)
class OrderScore:
    """One task's score with the same demonstrations in one of several orders."""

    regime: str
    budget: str
    seed: int
    task: str
    num_shots: int
    order: int
    score: float


@dataclass(frozen=True)
class SearchPoint:
    """One learning rate tried for a regime, on tasks set aside from the held-in ones."""

    regime: str
    learning_rate: float
    """0: the untuned base, to compare with."""
    loss: float | None
    """Mean loss (nats per answer token) after the regime's own shots, as many as fit; None: the
    training diverged."""
    num_shots: int
    chosen: bool


@dataclass(frozen=True)
class Failure:
    """A cell that did not finish, and why; what depends on it is missing too."""

    cell: str
    message: str


@dataclass(frozen=True)
class StudyResults:
    """Everything a study measured, with all that is needed to repeat it."""

    name: str
    tasks: tuple[TaskInfo, ...] = ()
    models: tuple[Model, ...] = ()
    scores: tuple[Score, ...] = ()
    dedicated: tuple[Dedicated, ...] = ()
    retention: tuple[Retention, ...] = ()
    orders: tuple[OrderScore, ...] = ()
    search: tuple[SearchPoint, ...] = ()
    failures: tuple[Failure, ...] = ()
    missing: int = 0
    """Cells not run yet: above 0 the study is not complete."""
    config: dict[str, Any] = field(default_factory=dict, hash=False)
    environment: dict[str, Any] = field(default_factory=dict, hash=False)

    def to_json(self) -> str:
        """Return the file's text: one record a line, so that versions can be compared."""
        lines = [f'"format": {FORMAT}', f'"name": {json.dumps(self.name)}']
        lines.append(f'"missing": {self.missing}')
        for name in ("config", "environment"):
            lines.append(f'"{name}": {json.dumps(getattr(self, name), ensure_ascii=False)}')
        for name in _RECORDS:
            rows = ",\n".join(
                json.dumps(_plain(record), ensure_ascii=False, allow_nan=False)
                for record in getattr(self, name)
            )
            lines.append(f'"{name}": [\n{rows}\n]')
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str, place: str = "study results") -> StudyResults:
        """Read what `to_json` wrote; `place` opens every message. Raises `StudyError`."""
        return _FILE.parse(text, place, cls._of)

    @classmethod
    def _of(cls, found: dict[str, Any]) -> StudyResults:
        records = {
            name: tuple(_record(kind, row) for row in found[name])
            for name, kind in _RECORDS.items()
        }
        return cls(
            name=str(found["name"]),
            missing=int(found["missing"]),
            config=dict(found["config"]),
            environment=dict(found["environment"]),
            **records,
        )

    def save(self, path: str | Path) -> Path:
        """Write the file whole. Raises `RunError` if it cannot be written."""
        return write_whole(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> StudyResults:
        """Read results.json, or the one in a study's folder. Raises `StudyError`."""
        return _FILE.load(path, cls.from_json)


_FILE = ResultsFormat(
    error=StudyError,
    number=FORMAT,
    section=lambda found: found if "dedicated" in found else None,
    other="holds no study. Name a results.json that 'manyicl study' wrote.",
    place="a study's folder or its results.json",
    damaged="is damaged",
    again="run the study again",
    mend="Run 'manyicl study' on its folder again",
)
_RECORDS: dict[str, type] = {
    "tasks": TaskInfo,
    "models": Model,
    "scores": Score,
    "dedicated": Dedicated,
    "retention": Retention,
    "orders": OrderScore,
    "search": SearchPoint,
    "failures": Failure,
}


def _plain(record: Any) -> dict[str, Any]:
    return dataclasses.asdict(record)


def _record(kind: type, row: Mapping[str, Any]) -> Any:
    values = dict(row)
    if kind is Model:
        values["loss_by_shot"] = tuple((int(k), float(v)) for k, v in row["loss_by_shot"])
    return kind(**values)
