"""ManyICL: fine-tune a causal LM once, then teach it tasks by showing examples.

The public names load on first use, so that `import manyicl` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from manyicl.version import __version__

if TYPE_CHECKING:
    from manyicl.config import Config, load_config
    from manyicl.episodes import Encoder, EpisodeStream
    from manyicl.evaluation.evaluate import evaluate
    from manyicl.evaluation.results import Results
    from manyicl.inference import Engine
    from manyicl.pipeline import run
    from manyicl.report import write_report
    from manyicl.tasks import Example, Task, load_tasks
    from manyicl.training.run import train

_HOMES = {
    "Config": "manyicl.config",
    "Encoder": "manyicl.episodes",
    "Engine": "manyicl.inference",
    "EpisodeStream": "manyicl.episodes",
    "Example": "manyicl.tasks",
    "Results": "manyicl.evaluation.results",
    "Task": "manyicl.tasks",
    "evaluate": "manyicl.evaluation.evaluate",
    "load_config": "manyicl.config",
    "load_tasks": "manyicl.tasks",
    "run": "manyicl.pipeline",
    "train": "manyicl.training.run",
    "write_report": "manyicl.report",
}

__all__ = [
    "Config",
    "Encoder",
    "Engine",
    "EpisodeStream",
    "Example",
    "Results",
    "Task",
    "__version__",
    "evaluate",
    "load_config",
    "load_tasks",
    "run",
    "train",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'manyicl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
