"""Several processes of one run, started by a launcher such as torchrun; or the one there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from accelerate import PartialState

from manyicl.config import Config
from manyicl.errors import ConfigError


def join_processes(config: Config) -> bool:
    """Meet the other processes of a launcher, if there are any; return whether this is the main
    one, which alone writes the run folder."""
    # The others wait while one writes or hashes tens of gigabytes, for which ten minutes, torch's
    # default, may be too few.
    processes = PartialState(cpu=not torch.cuda.is_available(), timeout=timedelta(hours=2))
    if config.training.rows_per_step % processes.num_processes:
        raise ConfigError(
            f"training.rows_per_step: is {config.training.rows_per_step}, which "
            f"{processes.num_processes} processes cannot share equally. Use a multiple."
        )
    return processes.is_main_process


@contextmanager
def main_process_first() -> Iterator[None]:
    """Let the main process through the block, then the others; a failure holds up nobody."""
    processes = PartialState()
    if not processes.is_main_process:
        processes.wait_for_everyone()
    try:
        yield
    finally:
        if processes.is_main_process:
            processes.wait_for_everyone()
