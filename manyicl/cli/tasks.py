"""`manyicl tasks`: list, check, show, import and export tasks, and list the catalogue."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyicl.cli import tasks_import
from manyicl.errors import TaskError, listing, plural

if TYPE_CHECKING:
    from manyicl.tasks import Task, TaskCollection
    from manyicl.tasks.check import Finding

PIPE_WIDTH = 240  # a table that goes into a file or pipe is not cut at a terminal's width

EPILOG = """examples:
  manyicl tasks list                              the generated tasks that come along
  manyicl tasks list my_tasks/ --family qa        tasks in a folder
  manyicl tasks import my.csv --input text --target label --out my_tasks/
  manyicl tasks check my_tasks/                   duplicates, leaks, label noise, ...
  manyicl tasks show tickets --path my_tasks/ -n 3
  manyicl tasks export builtin DIR --only builtin:held_out
"""


def register(subparsers: Any) -> None:
    """Add the parser of `manyicl tasks` and its verbs."""
    parser = subparsers.add_parser(
        "tasks",
        help="list, check, show, import and export tasks",
        description="Work with tasks: named sets of examples that share one instruction.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="tasks_verb", metavar="VERB", required=True)

    verb = verbs.add_parser("list", help="list tasks with family, metric, group, side and sizes")
    verb.add_argument(
        "path", nargs="*", default=["builtin"], metavar="PATH",
        help="task folders, folders of them, 'builtin' (default) or 'catalogue'",
    )  # fmt: skip
    verb.add_argument("--family", help="only tasks of this family")
    verb.add_argument("--json", action="store_true", help="print a JSON list")
    verb.set_defaults(run=list_tasks)

    verb = verbs.add_parser(
        "check",
        help="look for duplicates, leaks, label noise and faulty rows",
        description="Report problems of whole tasks. Exit code 2 if there are errors, else 0.",
    )
    verb.add_argument("path", nargs="+", metavar="PATH", help="task folders or folders of them")
    verb.add_argument("--max-chars", type=int, help="rows longer than this count as over-long")
    verb.add_argument("--json", action="store_true", help="print a JSON list of findings")
    verb.set_defaults(run=check_tasks)

    verb = verbs.add_parser("show", help="print a task and some of its examples")
    verb.add_argument("name", metavar="NAME", help="name of the task, or its folder")
    verb.add_argument(
        "--path", nargs="+", default=["builtin"], metavar="PATH",
        help="where to look for it (default: builtin)",
    )  # fmt: skip
    verb.add_argument("-n", type=int, default=5, help="number of examples (default 5)")
    verb.add_argument("--split", choices=("train", "test"), default="train")
    verb.set_defaults(run=show_task)

    tasks_import.register(verbs)

    verb = verbs.add_parser("export", help="write tasks as task folders, FAMILY/NAME below DIR")
    verb.add_argument("source", metavar="SOURCE", help="'builtin', or a folder of tasks")
    verb.add_argument("out", metavar="DIR", help="folder to write to")
    verb.add_argument(
        "--only", nargs="+", metavar="PATTERN",
        help="names, family:X, group:X, builtin:held_in or builtin:held_out",
    )  # fmt: skip
    verb.set_defaults(run=export_tasks)

    verb = verbs.add_parser("catalogue", help="list the public tasks that import knows by name")
    verb.add_argument("--family", help="only tasks of this family")
    verb.add_argument("--json", action="store_true", help="print a JSON list")
    verb.set_defaults(run=list_catalogue)


def list_tasks(args: argparse.Namespace) -> int:
    """Print the tasks below the paths as a table or as JSON."""
    if "catalogue" in args.path:
        return list_catalogue(args)
    from manyicl.tasks import load_tasks

    tasks = load_tasks(args.path)
    if args.family:
        tasks = tasks.matching([f"family:{args.family}"], "--family")
    rows = [_described(task) for task in tasks]
    if args.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    _print_table(
        plural(len(rows), "task"),
        ("name", "family", "kind", "metric", "group", "side", "labels", "train", "test"),
        [
            (
                *(row[key] for key in ("name", "family", "kind", "metric", "group")),
                (row["side"] or "").replace("_", " "),
                row["num_labels"] or "",
                *("generated" if row[key] is None else row[key] for key in ("train", "test")),
            )
            for row in rows
        ],
    )
    return 0


def _described(task: Task) -> dict[str, Any]:
    from manyicl.tasks.builtin.split import side_of

    return {
        "name": task.name,
        "family": task.family,
        "kind": task.kind,
        "metric": task.metric,
        "group": task.group,
        "side": side_of(task),
        "num_labels": len(task.labels),
        "train": _count_rows(task, "train"),
        "test": _count_rows(task, "test"),
        "folder": str(task.folder) if task.folder else None,
    }


def _count_rows(task: Task, split: str) -> int | None:
    """Return the number of rows without parsing them; None for generated tasks."""
    if task.folder is None:
        return None
    try:
        with (task.folder / f"{split}.jsonl").open("rb") as file:
            return sum(1 for line in file if line.strip())
    except OSError:
        return 0


def list_catalogue(args: argparse.Namespace) -> int:
    """Print the entries of the catalogue as a table or as JSON."""
    from manyicl.tasks.catalogue import load_catalogue

    entries = [e for e in load_catalogue().values() if args.family in (None, e.family)]
    if not entries:
        families = sorted({entry.family for entry in load_catalogue().values()})
        raise TaskError(f"--family: no entry of '{args.family}'. Families: {listing(families)}.")
    keys = ("name", "family", "kind", "metric", "hub", "config", "licence", "group", "note")
    if args.json:
        rows = [{key: getattr(entry, key) for key in keys} for entry in entries]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    shown = keys[:7]
    rows = [tuple(getattr(entry, key) for key in shown) for entry in entries]
    _print_table(f"{len(entries)} tasks in the catalogue", shown, rows)
    print("Import one with: manyicl tasks import --from catalogue NAME --out DIR")
    return 0


def check_tasks(args: argparse.Namespace) -> int:
    """Print all findings; exit code 2 if one is an error."""
    from manyicl.tasks import read_task
    from manyicl.tasks.check import check_folder, check_task
    from manyicl.tasks.check_between import check_between

    findings: list[Finding] = []
    readable: list[Task] = []
    checked = 0
    for folder in _task_folders(args.path):
        checked += 1
        if isinstance(folder, Path):
            found = check_folder(folder, max_chars=args.max_chars)
            if not any(finding.kind == "unreadable" for finding in found):
                readable.append(read_task(folder))
        else:
            found = check_task(folder, max_chars=args.max_chars)
            readable.append(folder)
        findings += found
        if not args.json:
            _print_findings(found)
    if checked > 1:
        between = check_between(readable)
        findings += between
        if not args.json:
            _print_findings(between)
    errors = sum(finding.severity == "error" for finding in findings)
    if args.json:
        print(json.dumps([vars(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        warnings = plural(len(findings) - errors, "warning")
        print(f"{plural(checked, 'task')} checked: {plural(errors, 'error')}, {warnings}")
    return 2 if errors else 0


def _task_folders(paths: Sequence[str]) -> Iterable[Path | Task]:
    """Return every folder that holds or should hold a task; generated tasks as they are."""
    for path in paths:
        if path == "builtin":
            from manyicl.tasks.builtin import builtin_tasks

            yield from builtin_tasks()
            continue
        folder = Path(path).expanduser()
        if not folder.is_dir():
            raise TaskError(f"{folder}: no such folder. Name a task folder or a folder of them.")
        # a folder with rows but without task.json is a task that lost its head: report it too
        found = {file.parent for name in ("task.json", "train.jsonl", "test.jsonl")
                 for file in folder.rglob(name)}  # fmt: skip
        yield from sorted(found or {folder})


def _print_findings(findings: Iterable[Finding]) -> None:
    for finding in findings:
        print(f"{finding.severity:7}  {finding.kind}: {finding.message}")


def _shown_task(name: str, tasks: TaskCollection) -> Task:
    """Return the task of that name, or in the folder of that name."""
    from manyicl.tasks.demonstrations import find_task

    if any(task.name == name for task in tasks):
        return tasks[name]
    if Path(name).expanduser().is_dir() or "/" in name:
        return find_task(name, "tasks show")
    try:
        return tasks[name]
    except TaskError as error:
        raise TaskError(
            f"{error} Tasks of your own: name the task's folder, or where it is with --path FOLDER."
        ) from None


def show_task(args: argparse.Namespace) -> int:
    """Print a task's metadata and its first examples."""
    from manyicl.tasks import load_tasks
    from manyicl.tasks.builtin.card import facts

    if args.n < 1:
        raise TaskError(f"-n is {args.n}; it must be at least 1.")
    task = _shown_task(args.name, load_tasks(args.path))
    what = ", ".join(dict.fromkeys((task.family, task.kind)))
    print(f"{task.name}: {what}, metric {task.metric}, group {task.group}")
    for title, text in (
        ("instruction", task.instruction),
        (f"labels ({len(task.labels)})", listing(list(task.labels), 20)),
        *facts(task),
        ("note", task.note),
        ("source", ", ".join(f"{key} {value}" for key, value in task.source.items())),
        ("folder", str(task.folder or "")),
    ):
        if text:
            print(f"{title}: {text}")
    rows = task.split(args.split)
    print(f"\n{args.split}: {min(args.n, len(rows))} of {len(rows)} examples")
    for number, example in enumerate(rows[: args.n], start=1):
        print(f"\n[{number}] input:  " + example.input.replace("\n", "\n            "))
        print("    output: " + example.target.replace("\n", "\n            "))
        if example.options:
            print("    options: " + " | ".join(example.options))
        if len(example.references) > 1:
            print("    references: " + " | ".join(example.references))
    return 0


def export_tasks(args: argparse.Namespace) -> int:
    """Write tasks as folders DIR/FAMILY/NAME, built-in ones with their card."""
    from manyicl.tasks import load_tasks
    from manyicl.tasks.builtin.card import card
    from manyicl.tasks.builtin.split import is_builtin
    from manyicl.tasks.sources import write_task_folder

    tasks = load_tasks([args.source])
    if args.only:
        tasks = tasks.matching(args.only, "--only")
    out = Path(args.out).expanduser()
    for task in tasks:
        folder = out / task.family / task.name
        write_task_folder(task, folder, card(task) if is_builtin(task) else "")
        print(f"wrote {folder}: {len(task.train)} train and {len(task.test)} test examples")
    print(f"{len(tasks)} tasks written. Read them with: manyicl tasks list {out}")
    return 0


def _print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        numeric = column in ("labels", "train", "test")
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)
