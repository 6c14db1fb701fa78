"""Settings and fixtures of all tests; what they are built with is in builders.py."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from typing import Any

import pytest
import torch
from builders import (  # noqa: F401
    ARCHITECTURES,
    REAL_TASKS,
    TOKENIZERS,
    byte_level_tokenizer,
    chat_tokenizer,
    make_task,
    metaspace_tokenizer,
    tiny_model,
)
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
settings.register_profile(
    "repository",
    deadline=None,
    derandomize=True,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("repository")


@pytest.fixture(scope="session", params=list(TOKENIZERS))
def any_tokenizer(request: pytest.FixtureRequest) -> Any:
    tokenizer = TOKENIZERS[request.param]()
    tokenizer.kind = request.param
    return tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return byte_level_tokenizer()
