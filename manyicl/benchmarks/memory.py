"""Memory of this process: what it holds now, and the most it held since a moment.

On a GPU the device's memory, as the allocator counts it; else resident memory.
"""

from __future__ import annotations

import contextlib
import re
import resource
import sys
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5): "reset the peak resident set size"


def current() -> int:
    """Return the bytes held now; where the system does not tell, the most held so far."""
    if torch := _with_device():
        return torch.cuda.memory_allocated()
    return _status("VmRSS") or _lifetime_peak()


def peak() -> int:
    """Return the most bytes held since `reset_peak`.

    Since the start of the process where a peak cannot be reset (macOS).
    """
    if torch := _with_device():
        return torch.cuda.max_memory_allocated()
    return _status("VmHWM") or _lifetime_peak()


def reset_peak() -> None:
    """Let `peak` begin anew at what is held now."""
    if torch := _with_device():
        torch.cuda.reset_peak_memory_stats()
        return
    with contextlib.suppress(OSError):  # not there, or forbidden: then a peak is of the whole life
        CLEAR.write_text(RESET_PEAK)


def settle() -> None:
    """Wait for the device, so that a clock read now reads finished work."""
    if torch := _with_device():
        torch.cuda.synchronize()


def _with_device() -> Any:
    torch: Any = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None


def _status(key: str) -> int:
    try:
        found = re.search(rf"^{key}:\s*(\d+) kB", STATUS.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0


def _lifetime_peak() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
