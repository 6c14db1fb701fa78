"""Results: what an evaluation found, with all that is needed to repeat it, as one JSON file.

The file has the shape of lm-evaluation-harness (`harness.py`) and, under `manyicl`, the scores in
full, so that a loaded file equals what was saved.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from manyicl.errors import ManyICLError
from manyicl.evaluation.harness import HarnessResults, harness_results
from manyicl.evaluation.results_file import ResultsFormat
from manyicl.evaluation.scores import KShotScore
from manyicl.files import write_whole

BASE, TUNED = "base", "tuned"  # stages: the untuned model, and the one of the run
FORMAT = 1  # raised when a reader of the old form would misread the new one


class ResultsError(ManyICLError):
    """A results file cannot be read, or holds something else."""


class LossByShot(TypedDict, total=False):
    """In-context learning curves on training sequences: `[shot, loss]` pairs, loss in nats."""

    start: list[list[float]]
    end: list[list[float]]


class TrainingSummary(TypedDict, total=False):
    """What training cost and how its loss went. Every key may be absent; more may be present."""

    steps: int  # optimizer steps
    tokens: int  # tokens run through the model
    supervised_tokens: int  # of these, tokens with loss
    supervised_answers: int  # answers with loss
    seconds: float  # wall clock, without evaluation
    tokens_per_s: float
    num_parameters: int
    num_trainable_parameters: int
    loss_by_shot: LossByShot
    loss_curve: list[list[float]]  # [step, loss] pairs


class Environment(TypedDict, total=False):
    """Where and with what it ran (`environment.describe_environment`)."""

    manyicl: str
    torch: str
    transformers: str
    python: str
    cpu: str
    threads: int
    device: str
    git_hash: str | None
    date: str  # ISO 8601, UTC
    command: str


class OwnSection(TypedDict):
    """The section `manyicl` of the file."""

    format: int
    scores: list[dict[str, Any]]  # KShotScore, field by field
    training: TrainingSummary
    environment: Environment
    tasks: dict[str, dict[str, Any]]


class ResultsFile(HarnessResults):
    """The whole file: lm-evaluation-harness' keys, then ours."""

    manyicl: OwnSection


@dataclass(frozen=True)
class Results:
    """Scores of one or more stages over a k-shot sweep.

    The dictionaries are kept as JSON would give them back (lists for tuples, string keys, text for
    paths, None for numbers that are not finite).
    """

    scores: list[KShotScore]
    config: dict[str, Any] = field(default_factory=dict)
    """The resolved configuration of the run."""
    training: TrainingSummary = field(default_factory=TrainingSummary)
    """Empty where nothing was trained."""
    environment: Environment = field(default_factory=Environment)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By task name: its task.json fields, and `fingerprint` (SHA-256 of the rows used)."""

    def __post_init__(self) -> None:
        for name in ("config", "training", "environment", "tasks"):
            object.__setattr__(self, name, _as_json(getattr(self, name)))
        places = Counter((s.stage, s.task, s.num_shots) for s in self.scores)
        twice = [place for place, times in places.items() if times > 1]
        if twice:
            stage, task, k = twice[0]
            raise ResultsError(
                f"results: task '{task}' at k={k} has two scores of stage '{stage}'. "
                "Give each model or selection a stage name of its own."
            )

    @property
    def stages(self) -> list[str]:
        """The stages in order of appearance, `base` first."""
        found = list(dict.fromkeys(score.stage for score in self.scores))
        return sorted(found, key=lambda stage: stage != BASE)

    @property
    def num_shots(self) -> list[int]:
        """Every k of the sweep, ascending."""
        return sorted({score.num_shots for score in self.scores})

    def to_json(self) -> str:
        """Return the file's text."""
        whole = ResultsFile(
            **harness_results(self.scores, self.config, dict(self.environment), self.tasks),
            manyicl=OwnSection(
                format=FORMAT,
                scores=[score.as_dict() for score in self.scores],
                training=self.training,
                environment=self.environment,
                tasks=self.tasks,
            ),
        )
        return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, place: str = "results") -> Results:
        """Read what `to_json` wrote; `place` opens every message. Raises `ResultsError`."""
        return _FILE.parse(text, place, cls._of)

    @classmethod
    def _of(cls, found: dict[str, Any]) -> Results:
        own = found["manyicl"]
        return cls(
            scores=[KShotScore.from_dict(score) for score in own["scores"]],
            config=dict(found["config"]),
            training=own["training"],
            environment=own["environment"],
            tasks=own["tasks"],
        )

    def save(self, path: str | Path) -> Path:
        """Write the file whole. Raises `RunError` if it cannot be written."""
        return write_whole(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Results:
        """Read results.json, or the one in a run folder. Raises `ResultsError`."""
        return _FILE.load(path, cls.from_json)


_FILE = ResultsFormat(
    error=ResultsError,
    number=FORMAT,
    section=lambda found: found.get("manyicl"),
    other="has no section 'manyicl'. Name a results.json that 'manyicl evaluate' or 'manyicl run' "
    "wrote.",
    place="a results.json or a run folder that holds one",
    damaged="section 'manyicl' is damaged",
    again="evaluate again",
    mend="Evaluate again",
)


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _as_json(found) for key, found in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Sequence):
        return [_as_json(found) for found in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # numpy and torch numbers and arrays
        return _as_json(value.tolist())
    return str(value)
