"""The part of results.json that readers of lm-evaluation-harness know, key by key.

Rows are named `<task>|k=<k>|<stage>`, since one file holds a whole sweep. Metrics are named
`<metric>,<filter>`; nothing is filtered here, so the filter is always `none`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from manyicl.evaluation.scores import KShotScore

FILTER = "none"
UNKNOWN = "N/A"  # what the harness writes where a standard error was not computed

METRIC_NAMES = {"accuracy": "acc", "rouge_l": "rougeL"}
"""Our metrics whose customary name is another; the others keep theirs. `f1` is token F1."""


class NumSamples(TypedDict):
    """How many queries: of the whole test split, and answered."""

    original: int | str
    effective: int


HarnessResults = TypedDict(
    "HarnessResults",
    {
        # Per row: `alias` (the task), `<metric>,none` and `<metric>_stderr,none` (main metric only,
        # "N/A" for the others), `<metric>_low,none` and `_high,none` (95 % interval, main metric).
        "results": dict[str, dict[str, float | str]],
        # Per row: task, family, group, stage, held_out, num_fewshot (asked), effective_shots,
        # seeds, selection, scoring, output_type, and metric_list, the main metric first.
        "configs": dict[str, dict[str, Any]],
        # Per row: the first 12 digits of the task's fingerprint; "N/A" where unknown.
        "versions": dict[str, str],
        # Per row: shots asked for.
        "n-shot": dict[str, int],
        "n-samples": dict[str, NumSamples],
        "higher_is_better": dict[str, dict[str, bool]],
        # The resolved configuration of the run.
        "config": dict[str, Any],
        "git_hash": str | None,
        # Seconds since 1970-01-01 UTC; None where unknown.
        "date": float | None,
    },
)


def row_key(score: KShotScore) -> str:
    """Return the name of the score's row."""
    return f"{score.task}|k={score.num_shots}|{score.stage}"


def metric_name(metric: str) -> str:
    """Return the name a metric has in the harness."""
    return METRIC_NAMES.get(metric, metric)


def harness_results(
    scores: Sequence[KShotScore],
    config: dict[str, Any],
    environment: Mapping[str, Any],
    tasks: Mapping[str, Mapping[str, Any]],
) -> HarnessResults:
    """Return the sections of the file that lm-evaluation-harness defines."""
    rows = {row_key(score): score for score in scores}
    return {
        "results": {key: _row(score) for key, score in rows.items()},
        "configs": {key: _config(score) for key, score in rows.items()},
        "versions": {key: _version(tasks.get(score.task, {})) for key, score in rows.items()},
        "n-shot": {key: score.num_shots for key, score in rows.items()},
        "n-samples": {
            key: {
                "original": tasks.get(score.task, {}).get("n_test", UNKNOWN),
                "effective": score.num_queries,
            }
            for key, score in rows.items()
        },
        "higher_is_better": {
            key: {metric_name(metric): True for metric in score.metrics}
            for key, score in rows.items()
        },
        "config": config,
        "git_hash": environment.get("git_hash"),
        "date": _timestamp(environment.get("date")),
    }


def _row(score: KShotScore) -> dict[str, float | str]:
    row: dict[str, float | str] = {"alias": score.task}
    for metric, value in score.metrics.items():
        name, main = metric_name(metric), metric == score.metric
        row[f"{name},{FILTER}"] = value
        row[f"{name}_stderr,{FILTER}"] = score.stderr if main else UNKNOWN
        if main:
            row[f"{name}_low,{FILTER}"] = score.low
            row[f"{name}_high,{FILTER}"] = score.high
    return row


def _config(score: KShotScore) -> dict[str, Any]:
    metrics = dict.fromkeys((score.metric, *score.metrics))
    return {
        "task": score.task,
        "family": score.family,
        "group": score.group,
        "stage": score.stage,
        "held_out": score.held_out,
        "num_fewshot": score.num_shots,
        "effective_shots": score.effective_shots,
        "seeds": list(score.seeds),
        "selection": score.selection,
        "scoring": score.scoring,
        "output_type": "generate_until" if score.scoring == "generate" else "multiple_choice",
        "metric_list": [
            {"metric": metric_name(metric), "higher_is_better": True} for metric in metrics
        ],
    }


def _version(task: Mapping[str, Any]) -> str:
    found = task.get("fingerprint")
    return found[:12] if isinstance(found, str) else UNKNOWN


def _timestamp(date: Any) -> float | None:
    try:
        return datetime.fromisoformat(date).timestamp()
    except (TypeError, ValueError):
        return None
