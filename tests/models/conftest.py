"""For tests of `nano`: the model itself, and words to ask it with."""

from __future__ import annotations

from typing import Any

import pytest
from training.tiny_runs import write_tasks

from manyicl.models import load_model


@pytest.fixture(scope="module")
def nano() -> Any:
    return load_model("nano")


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> list[str]:
    """Words of `manyicl predict` but for the model and --out."""
    folder = write_tasks(tmp_path_factory.mktemp("asked"), ("letters",))
    queries = folder / "queries.jsonl"
    queries.write_text('{"input": "late item 3"}\n{"input": "torn item 9"}\n')
    more = ["--shots", "2", "--seed", "1", "--max-new-tokens", "4"]
    return ["--task", str(folder / "letters"), "--queries", str(queries), *more]
