from __future__ import annotations

from collections.abc import Callable

import pytest

from manyicl.evaluation.scores import KShotScore


@pytest.fixture
def make_score() -> Callable[..., KShotScore]:
    """Build a score by hand; `mean` is that of every seed."""

    def build(task: str = "t", stage: str = "base", num_shots: int = 4, mean: float = 0.5, **rest):
        fields = {
            "family": "classification",
            "group": task,
            "held_out": True,
            "metric": "accuracy",
            "effective_shots": float(num_shots),
            "seeds": (0, 1),
            "by_seed": (mean, mean),
            "metrics": {"accuracy": mean, "macro_f1": 0.25},
            "std": 0.0,
            "stderr": 0.05,
            "low": max(0.0, mean - 0.1),
            "high": min(1.0, mean + 0.1),
            "num_queries": 100,
            "chance": 0.25,
            "selection": "random",
            "scoring": "sum",
        }
        return KShotScore(task=task, stage=stage, num_shots=num_shots, mean=mean, **fields | rest)

    return build
