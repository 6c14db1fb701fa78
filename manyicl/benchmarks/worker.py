"""The process of one side: `python -m manyicl.benchmarks.worker MODULE:FUNCTION`.

The first line of standard input holds the settings, every later one a turn. Reports go to the
original standard output; whatever libraries print goes to standard error, which is a log file.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback

from manyicl.benchmarks.turns import Skipped, Turns


def main() -> int:
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline())
    turns = Turns(sys.stdin, reports)
    try:
        module, _, function = sys.argv[1].partition(":")
        getattr(importlib.import_module(module), function)(settings, turns)
    except Skipped as reason:
        turns.send({"skipped": str(reason)})
    except KeyboardInterrupt:
        return 130
    except BaseException as error:
        traceback.print_exc()
        first = (str(error).splitlines() or [""])[0]
        turns.send({"failed": f"{type(error).__name__}: {first[:300]}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
