"""`manyicl advise`: more shots, similar shots or a dedicated fine-tune, for a task of one's own."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from manyicl.errors import ConfigError
from manyicl.files import check_writable

if TYPE_CHECKING:
    from manyicl.study.advice.advise import Advice

EPILOG = """\
examples:
  manyicl advise my_tasks/tickets --model runs/mine
  manyicl advise my_tasks/tickets --model runs/mine --study results/study --json advice.json
  manyicl advise ticket_team --queries 200 --seeds 5      the base model on a built-in task

A quarter of the train rows (8 to --queries) are set aside as queries and answered after 0, 1, 2,
4 ... demonstrations from the others, random and similar ones. The test rows are never opened.

the rules (differences are paired over queries; intervals are 95 %, by bootstrap over queries and
draws, widened for few queries):
  yes          the whole interval lies above 0
  no           all of it lies below +3 points, and there are at least 30 queries
  cannot tell  otherwise; said is roughly how many queries would settle it
  more shots     the largest k against half of it
  similar shots  similar against random ones at the largest k
  dedicated      from a study (--study): dedicated models against ManyICL at its largest k, on the
                 held-out tasks of the same family (of the same kind, where fewer than three)
  guessing       a model that is nowhere clearly above chance and the most frequent answer, and
                 nowhere 3 points above them, does not do the task
Recommended are the fewest shots that score within 1 point of the best; similar ones only where
they gain. Chosen on the queries it is measured on, that score is slightly too good.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "advise",
        help="say whether a task needs more shots, similar shots or a dedicated fine-tune",
        description="Measure k-shot curves of a task on rows set aside from its train split, and "
        "say from them whether to add shots, to use similar ones, or to fine-tune a dedicated "
        "model: with the expected gain and cost, and when it cannot tell.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("task", metavar="TASK_DIR", help="a task folder, or the name of a built-in task")
    add("--model", default="nano", metavar="RUN", help="a run folder, a model folder, a GGUF "
        "file, a hub id, smollm2, or nano (default: nano)")  # fmt: skip
    add("--study", metavar="RESULTS", help="a study's folder or results.json, for what a dedicated "
        "fine-tune gains")  # fmt: skip
    add("--queries", type=int, default=40, metavar="N", help="most train rows set aside as queries "
        "(default 40)")  # fmt: skip
    add("--seeds", type=int, default=3, metavar="N", help="draws of random shots (default 3)")
    add("--max-shots", type=int, default=128, metavar="K", help="largest number of shots measured; "
        "0: as many as context and pool hold (default 128)")  # fmt: skip
    add("--max-tokens", type=int, default=0, metavar="N", help="tokens of demonstrations, query "
        "and answer together (default: the model's limit)")  # fmt: skip
    add("--max-new-tokens", type=int, default=64, metavar="N", help="longest written answer")
    add("--seed", type=int, default=0, help="of the choice of queries (default 0)")
    add("--json", metavar="FILE", help="write the advice there too, for programs")
    add("--trust-remote-code", action="store_true", help="run code that comes with the weights")
    parser.set_defaults(run=run_advise)


def run_advise(args: argparse.Namespace) -> int:
    """Measure, print the advice, and write it to --json."""
    from manyicl.files import write_whole
    from manyicl.quiet import quiet_libraries
    from manyicl.study.advice.advise import AdviseSettings, advise
    from manyicl.study.records import StudyResults
    from manyicl.tasks.demonstrations import find_task

    settings = AdviseSettings(
        queries=args.queries,
        seeds=args.seeds,
        max_shots=args.max_shots,
        max_tokens=args.max_tokens,
        max_new_tokens=args.max_new_tokens,
        seed=args.seed,
    )
    task = find_task(args.task, "TASK_DIR")
    study = StudyResults.load(args.study) if args.study else None
    if args.json:
        _check_json(Path(args.json))
    quiet_libraries()
    with _progress() as advance:
        advice = advise(
            task,
            args.model,
            settings,
            study=study,
            trust_remote_code=args.trust_remote_code,
            advance=advance,
        )
    _show(advice)
    if args.json:
        write_whole(args.json, advice.to_json())
        print(f"JSON: {args.json}")
    return 0


def _show(advice: Advice) -> None:
    from rich.console import Console

    from manyicl.study.advice.text import curve_table, findings, levels, notes, recommendation

    console = Console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=not console.is_terminal)

    say(recommendation(advice))
    if advice.curve:
        console.print()
        console.print(curve_table(advice))
        say(levels(advice))
    console.print()
    for question, found in findings(advice):
        say(f"{question}: {found}")
    console.print()
    for note in notes(advice):
        say(note)


def _check_json(path: Path) -> None:
    """Raise before anything is measured if the file is something else or could not be written."""
    if path.exists():
        try:
            former = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            former = None
        if not isinstance(former, dict) or "recommendation" not in former:
            raise ConfigError(
                f"--json: {path} exists and holds no advice. Choose another name, or remove it."
            )
    check_writable(path, "--json")


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """A bar on a terminal, a line a step elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total, what: print(
            f"measured {done} of {total}: {what}", file=sys.stderr, flush=True
        )
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("measuring", total=None)
        yield lambda done, total, what: bar.update(
            task, completed=done, total=total, description=f"measured {what}"
        )
