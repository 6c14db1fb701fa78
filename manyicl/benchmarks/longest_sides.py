"""The longest sequence that a training step fits, as sides: lengths tried until memory ends."""

from __future__ import annotations

import gc
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from manyicl.benchmarks import memory, training_sides
from manyicl.benchmarks.turns import Turns

Side = Callable[[Mapping[str, Any], Turns], None]


def ours(settings: Mapping[str, Any], turns: Turns) -> None:
    """Try lengths with `ManyICLTrainer`."""
    _try_lengths(training_sides.ours, settings, turns)


def trl(settings: Mapping[str, Any], turns: Turns) -> None:
    """Try lengths with TRL's SFTTrainer."""
    _try_lengths(training_sides.trl, settings, turns)


def _try_lengths(side: Side, settings: Mapping[str, Any], turns: Turns) -> None:
    turns.ready(dtype=settings.get("dtype", "float32"))
    for _ in turns:
        longest, peaks = 0, {}
        for length in settings["lengths"]:
            found = fits(side, {**settings, "tokens": length, "rounds": 1})
            if found is None:
                break
            longest, peaks[length] = length, found
        turns.report(units=len(peaks) or 1, longest=longest, peaks=peaks)


def fits(side: Side, settings: Mapping[str, Any]) -> int | None:
    """Return the most bytes a warm-up step and a step took, or None if memory ended."""
    reports = io.StringIO()
    try:
        side(settings, Turns(io.StringIO('{"turn": 0}\n'), reports))
    except (MemoryError, RuntimeError) as error:
        if not ends_memory(error):
            raise
        return None
    finally:
        gc.collect()
        _empty_cache()
    return json.loads(reports.getvalue().splitlines()[-1])["peak"]


def ends_memory(error: BaseException) -> bool:
    """Tell by name and words: a CPU raises a plain RuntimeError."""
    names = {cls.__name__ for cls in type(error).__mro__}
    said = str(error)
    return (
        bool(names & {"OutOfMemoryError", "MemoryError"})
        or "can't allocate memory" in said
        or "out of memory" in said
    )


def _empty_cache() -> None:
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    memory.reset_peak()
