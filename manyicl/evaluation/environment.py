"""Where and with what a run happened: versions, machine, commit, date, command."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import manyicl
from manyicl.evaluation.results import Environment
from manyicl.version import __version__


def describe_environment() -> Environment:
    """Return what a reader needs to run it again. Names no user, host or folder of the machine."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return Environment(
        manyicl=__version__,
        torch=metadata.version("torch"),
        transformers=metadata.version("transformers"),
        python=platform.python_version(),
        cpu=f"{_cpu_model()}, {os.cpu_count()} cores",
        threads=torch.get_num_threads(),
        device=device,
        git_hash=_git_hash(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["manyicl", *sys.argv[1:]]),
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _git_hash() -> str | None:
    """The commit of a source checkout, with `-dirty` if files differ; None for installed code."""
    checkout = Path(manyicl.__file__).parents[1]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        found = subprocess.run(
            [*command, "--exclude=*"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
