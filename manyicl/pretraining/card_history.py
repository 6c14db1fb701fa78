"""The training programs that a model has gone through, in order, as its card tells them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from manyicl.pretraining.settings import PretrainingConfig


@dataclass(frozen=True)
class Program:
    """One training program. `settings`: None where they were not recorded.

    `stages`: what each took (`tokens`, `planned`). `sources`: by name, text tokens read and tokens
    it has. `began_from`: SHA-256 of the weights it started from, None for random ones.
    """

    settings: dict[str, Any] | None
    stages: list[dict[str, Any]]
    steps: int
    tokens: int
    seconds: float
    sources: dict[str, tuple[int, int]]
    began_from: str | None


def programs(config: PretrainingConfig, measured: dict[str, Any]) -> list[Program]:
    """Return all programs, the first one first; the last is of these settings."""
    training = measured["training"]
    start = measured.get("start") or {"weights": None, "before": []}
    last = Program(
        settings=asdict(config),
        stages=training["stages"],
        steps=training["steps"],
        tokens=training["tokens"],
        seconds=training["seconds"],
        sources={
            source["name"]: (source["seen_tokens"], source["train_tokens"])
            for source in measured["sources"]
        },
        began_from=start["weights"],
    )
    return [*map(_recorded, start["before"]), last]


def _recorded(record: dict[str, Any]) -> Program:
    """Return the program of a record (see `history`)."""
    settings, stages = record.get("settings"), record.get("stages", [])
    asked_for = settings["stages"] if settings else []
    seen = dict.fromkeys(record.get("sources", {}), 0)
    for stage, asked in zip(stages, asked_for, strict=True):
        for name, rows in stage["text_rows"].items():
            seen[name] += rows * asked["row_tokens"]
    return Program(
        settings=settings,
        stages=stages,
        steps=record["steps"],
        tokens=record["tokens"],
        seconds=record["seconds"],
        sources={name: (tokens, record["sources"][name]) for name, tokens in seen.items()},
        began_from=record.get("began_from"),
    )


def unrecorded(told: list[Program]) -> str:
    """Return a sentence naming the programs of which only length and time are known, if any."""
    names = [str(number) for number, program in enumerate(told, 1) if program.settings is None]
    return f" Without program {', '.join(names)}, of which only the length is known." * bool(names)


def licences(told: list[Program]) -> dict[str, str]:
    """Return origin and licence by source, of all programs; a later one may mend an earlier."""
    found: dict[str, str] = {}
    for program in told:
        found |= (program.settings or {}).get("licences", {})
    return found
