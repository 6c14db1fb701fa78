"""The ways to adapt that a study compares, as data over the one training pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from manyicl.errors import ConfigError, did_you_mean
from manyicl.study.records import BASE


@dataclass(frozen=True)
class StudyRegime:
    """A way to adapt. `settings` go over the preset of `preset` (`config/regimes.py`)."""

    name: str
    title: str
    preset: str
    own_shots: int | None
    """Shots it is meant to be used with; None: as many as the sweep goes to."""
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)


REGIMES: dict[str, StudyRegime] = {
    regime.name: regime
    for regime in (
        StudyRegime("zero_shot", "zero-shot fine-tuning", "zero_shot", 0),
        # Five demonstrations and a query, loss on the query's answer alone (MetaICL).
        StudyRegime("few_shot", "few-shot fine-tuning", "few_shot", 5),
        # The ablation: the same long sequences, but only the last answer is a target.
        StudyRegime(
            "many_shot_last",
            "many-shot, last answer only",
            "many_shot",
            None,
            {"objective": {"supervise": "last_answer"}},
        ),
        StudyRegime("many_shot", "ManyICL", "many_shot", None),
        StudyRegime(
            "many_shot_symbols",
            "ManyICL, fresh symbols",
            "many_shot",
            None,
            {"episodes": {"symbols": 0.5}},
        ),
        # A share of similar ones that differs from context to context (Contrastive-Context).
        StudyRegime(
            "many_shot_mixed",
            "ManyICL, similar and random",
            "many_shot",
            None,
            {"episodes": {"selection": "mixed", "similar_share": 0.5}},
        ),
    )
}

TITLES = {BASE: "base model", "dedicated": "dedicated fine-tuning"} | {
    name: regime.title for name, regime in REGIMES.items()
}


def regime_of(name: str, key: str = "study.regimes") -> StudyRegime:
    """Return a regime by name; `key` is the setting that named it. Raises `ConfigError`."""
    if name not in REGIMES:
        raise ConfigError(
            f"{key}: names {name!r}, which is no regime of a study."
            f"{did_you_mean(name, list(REGIMES))} Known: {', '.join(REGIMES)}."
        )
    return REGIMES[name]


def own_shots(name: str, sweep: list[int]) -> int:
    """Return the number of shots of the sweep that a regime is meant to be used with.

    The base is used as ManyICL is: with as many as there are.
    """
    own = None if name == BASE else REGIMES[name].own_shots
    return max(sweep) if own is None else max(k for k in sweep if k <= own)
