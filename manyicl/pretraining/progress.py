"""Where a pre-training stands: with weights and the optimizer's state this is a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Progress:
    """All that a resume needs besides weights and the optimizer's state; plain JSON values.

    `text`: the state of the stage's text stream. `streak`: the last losses, for `until_loss`.
    `recent`: losses since the last log line, by kind of row. `log_lines`: how many lines the log
    had. `begun`: settings of the stages up to this one. `tokenizer`: its fingerprint. `sources`:
    those of the text (`CorpusData.sources`).
    """

    stage: int = 0
    step_in_stage: int = 0
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    text: dict[str, Any] | None = None
    streak: list[float] = field(default_factory=list)
    recent: dict[str, list[float]] = field(default_factory=dict)
    log_lines: int = 0
    begun: list[dict[str, Any]] = field(default_factory=list)
    tokenizer: str = ""
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
