"""`manyicl tasks import`: flags to a column mapping, one import, and what to do next."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from manyicl.errors import TaskError, plural

if TYPE_CHECKING:
    from manyicl.tasks.import_report import ImportReport
    from manyicl.tasks.mapping import ColumnMapping
    from manyicl.tasks.sampling import Limits
    from manyicl.tasks.sources import TaskFields
    from manyicl.tasks.tables import Reading

KINDS = ("jsonl", "csv", "hf", "catalogue")
SHOWN_FINDINGS = 5
COLUMN_FLAGS = ("input", "target", "options", "option_keys", "option_split", "target_is")
COLUMN_FLAGS += ("references", "labels", "readable_labels", "drop", "keep")
TASK_FLAGS = ("family", "kind", "metric", "instruction", "group", "licence")
TABLE_FLAGS = ("delimiter", "encoding", "no_header")
HUB_FLAGS = ("config", "revision", "train_split", "test_split")
# What a flag is where it was not given; the others are "".
UNSET: dict[str, Any] = {
    **{key: [] for key in ("options", "labels", "drop", "keep", "files")},
    **dict.fromkeys(("family", "kind", "metric", "test", "test_split")),
    **dict.fromkeys(("readable_labels", "no_header", "skip_bad_rows"), False),
    "target_is": "auto",
    "train_split": "train",
}

EPILOG = """examples:
  your own table; the columns are guessed where you do not name them
    manyicl tasks import my.csv --input text --target label --name tickets --out tasks/
  a template over columns, options in several columns, a test file of its own
    manyicl tasks import train.jsonl --test test.jsonl --out tasks/ --name quiz \\
        --input "{passage}\\nQuestion: {question}" --target answer --options a b c d
  a dataset on the Hugging Face hub
    manyicl tasks import --from hf nyu-mll/glue --config rte --test-split validation --out tasks/ \\
        --input "Premise: {sentence1}\\nHypothesis: {sentence2}" --target label --family nli
  a task of the catalogue, from the hub or from files of the same columns
    manyicl tasks import --from catalogue banking77 --out tasks/
    manyicl tasks import --from catalogue banking77 --out tasks/ \\
        --files train=train.parquet test=test.parquet
"""


def register(verbs: Any) -> None:
    """Add the parser of `manyicl tasks import`."""
    from manyicl.tasks.task import Family, Kind, Metric

    parser = verbs.add_parser(
        "import",
        help="write a task folder from CSV, JSONL, Hugging Face datasets or the catalogue",
        description="Write a task folder. Everything left out or guessed is printed; a failed "
        "import leaves nothing behind.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("source", metavar="SOURCE", help="a file, a hub id (OWNER/NAME) or a catalogue name")
    add("--from", dest="kind_of_source", choices=KINDS, help="what SOURCE is (default: found out)")
    add("--out", required=True, metavar="DIR", help="the task is written to DIR/NAME")
    add("--name", default="", help="name of the task (default: from SOURCE)")

    group = parser.add_argument_group("columns (a column, a path a.b, or a template '{a} {b}')")
    add = group.add_argument
    add("--input", default="", metavar="COL", help="the input")
    add("--target", default="", metavar="COL", help="the answer")
    add("--options", nargs="+", default=[], metavar="COL", help="a list column, or several columns")
    add("--option-keys", default="", metavar="COL", help="the options' own keys, if target is one")
    add("--option-split", default="", metavar="REGEX", help="splits an options cell into options")
    add("--target-is", choices=("auto", "text", "index", "index1", "key"), default="auto",
        help="what the target column holds where there are options")  # fmt: skip
    add("--references", default="", metavar="COL", help="list of all accepted answers")
    add("--labels", nargs="+", default=[], metavar="VALUE=LABEL", help="readable label names")
    add("--readable-labels", action="store_true", help="write labels with spaces for underscores")
    add("--drop", nargs="+", default=[], metavar="COL=VALUE", help="leave such rows out")
    add("--keep", nargs="+", default=[], metavar="COL=VALUE", help="take only such rows")

    group = parser.add_argument_group("the task (what is not given is guessed and printed)")
    add = group.add_argument
    add("--family", choices=get_args(Family))
    add("--kind", choices=get_args(Kind))
    add("--metric", choices=get_args(Metric))
    add("--instruction", default="", help="one sentence that says what is to be done")
    add("--group", default="", help="tasks that share source text share a group (default: NAME)")
    add("--licence", default="", help="licence of the data, kept in task.json")

    group = parser.add_argument_group("rows")
    add = group.add_argument
    add("--test", metavar="FILE", help="file of the test part (default: a fifth is split off)")
    add("--files", nargs="+", default=[], metavar="SPLIT=PATH", help="local files in place of the "
        "hub, or one folder")  # fmt: skip
    add("--config", default="", help="configuration of a hub dataset")
    add("--revision", default="", help="revision of a hub dataset")
    add("--train-split", default="train", metavar="SPLIT")
    add("--test-split", metavar="SPLIT", help="default: test or validation; '' for none")
    add("--max-train", type=int, default=2000, metavar="N")
    add("--max-test", type=int, default=500, metavar="N")
    add("--max-chars", type=int, metavar="N", help="leave longer rows out (input and target)")
    add("--seed", type=int, help="seed of the sample")
    add("--skip-bad-rows", action="store_true", help="leave rows out that the columns "
        "do not fit (an empty answer, say), counted; more than a fifth of them is an error, so "
        "that a wrong mapping is noticed: leave such rows out with --drop COL=VALUE. Rows that "
        "cannot be read (CSV rows with too many or few cells, faulty JSON) stay errors",
    )  # fmt: skip
    add("--delimiter", default="", help="of a CSV file (default: found out)")
    add("--encoding", default="", help="of a text file (default: UTF-8)")
    add("--no-header", action="store_true", help="the first row of a CSV file is data")
    parser.set_defaults(run=import_task)


def import_task(args: argparse.Namespace) -> int:
    """Import one task and print what was done, what a check finds, and what to do next."""
    kind = args.kind_of_source or _kind_of_source(args.source)
    report = {"hf": _from_hf, "catalogue": _from_catalogue}.get(kind, _from_file)(args)
    for line in report.lines():
        print(line)
    _print_check(report)
    if not report.instruction:
        print("no instruction: the task is told by its examples alone (--instruction adds one)")
    print(
        "Next:\n"
        f"  manyicl tasks show {report.task} --path {report.folder}\n"
        f"  manyicl tasks check {report.folder}"
    )
    return 0


def _kind_of_source(source: str) -> str:
    from manyicl.tasks.catalogue import load_catalogue
    from manyicl.tasks.tables import SUFFIXES

    path = Path(source).expanduser()
    if path.is_dir():
        return "hf"
    if path.exists() or path.suffix.lower() in SUFFIXES:
        return "file"
    if source in load_catalogue():
        return "catalogue"
    if re.fullmatch(r"[\w.-]+/[\w.-]+", source):
        return "hf"
    raise TaskError(
        f"{source}: neither a file, nor a task of the catalogue, nor a hub id (OWNER/NAME). "
        "'manyicl tasks catalogue' lists what can be imported by name."
    )


def _from_file(args: argparse.Namespace) -> ImportReport:
    from manyicl.tasks.sources import import_files

    _refuse(
        args,
        ("files", *HUB_FLAGS),
        "belongs to datasets of the hub (--from hf); this source is a file. Its test part is "
        "--test FILE.",
    )
    name = args.name or _name_from(Path(args.source).stem)
    return import_files(
        args.source,
        args.out,
        _fields(args, name, {}),
        _mapping(args),
        test=args.test,
        reading=_reading(args),
        limits=_limits(args),
        strict=not args.skip_bad_rows,
    )


def _from_hf(args: argparse.Namespace) -> ImportReport:
    from manyicl.tasks.hub import hub_tables, local_tables
    from manyicl.tasks.sources import import_tables

    _refuse(args, ("test",), "belongs to a source that is a file; here it is --test-split SPLIT.")
    local = args.files or ([args.source] if Path(args.source).expanduser().exists() else [])
    splits = (args.config, args.train_split, args.test_split)
    if local:
        tables = local_tables(local, *splits, reading=_reading(args))
        source = {"files": [Path(file.partition("=")[2] or file).name for file in local]}
    else:
        tables = hub_tables(args.source, *splits, revision=args.revision)
        source = {"hub": args.source, "config": args.config, "revision": args.revision}
    name = args.name or _name_from(args.config or Path(args.source).stem)
    fields = _fields(args, name, {key: value for key, value in source.items() if value})
    return import_tables(
        tables,
        args.out,
        fields,
        _mapping(args),
        limits=_limits(args),
        strict=not args.skip_bad_rows,
    )


def _from_catalogue(args: argparse.Namespace) -> ImportReport:
    from manyicl.tasks.catalogue import catalogue_entry, import_entry

    _refuse(
        args,
        (*COLUMN_FLAGS, *TASK_FLAGS, *TABLE_FLAGS, *HUB_FLAGS, "test", "skip_bad_rows"),
        "a catalogue entry brings its own columns, splits and description. Leave it out, or import "
        "the dataset with --from hf.",
    )
    entry = catalogue_entry(args.source)
    print(f"{entry.name}: {entry.hub} {entry.config}".rstrip() + f", licence: {entry.licence}")
    limits = _limits(args, entry.max_chars)
    return import_entry(entry, args.out, files=args.files, limits=limits, name=args.name)


def _refuse(args: argparse.Namespace, flags: Sequence[str], why: str) -> None:
    """Raise `TaskError` for a flag that this kind of source would not take up."""
    for flag in flags:
        if getattr(args, flag) != UNSET.get(flag, ""):
            raise TaskError(f"--{flag.replace('_', '-')}: {why}")


def _name_from(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", text).strip("_.") or "task"


def _reading(args: argparse.Namespace) -> Reading:
    from manyicl.tasks.tables import Reading

    suffix = f".{args.kind_of_source}" if args.kind_of_source in ("csv", "jsonl") else ""
    if Path(args.source).suffix.lower() in (".json", ".tsv", ".ndjson"):
        suffix = ""
    columns = [args.input, args.target, *args.options]
    names = [name for text in columns for name in (re.findall(r"\{+([^{}]+)\}", text) or [text])]
    delimiter = "\t" if args.delimiter in ("tab", "\\t") else args.delimiter
    if len(delimiter) > 1:
        raise TaskError(f"--delimiter: {args.delimiter!r} must be one character, or 'tab'.")
    return Reading(
        suffix=suffix,
        encoding=args.encoding,
        delimiter=delimiter,
        header=False if args.no_header else None,
        wanted=tuple(name.strip().partition(".")[0] for name in names if name.strip()),
    )


def _limits(args: argparse.Namespace, max_chars: int | None = None) -> Limits:
    from manyicl.tasks.sampling import SEED, Limits

    return Limits(
        max_train=args.max_train,
        max_test=args.max_test,
        max_chars=args.max_chars if args.max_chars is not None else max_chars,
        seed=SEED if args.seed is None else args.seed,
    )


def _fields(args: argparse.Namespace, name: str, source: dict[str, Any]) -> TaskFields:
    from manyicl.tasks.sources import TaskFields

    if not source:
        source = {"files": [Path(path).name for path in (args.source, args.test) if path]}
    if args.licence:
        source["licence"] = args.licence
    return TaskFields(
        name=name,
        family=args.family,
        kind=args.kind,
        metric=args.metric,
        instruction=args.instruction,
        group=args.group,
        source=source,
    )


def _mapping(args: argparse.Namespace) -> ColumnMapping:
    """Return the mapping the flags make; an input or target not given is left to be guessed."""
    from manyicl.tasks.mapping import ColumnMapping

    try:
        re.compile(args.option_split)
    except re.error as error:
        raise TaskError(
            f"--option-split: {args.option_split!r} is no regular expression: {error}."
        ) from None
    return ColumnMapping(
        input=args.input.replace("\\n", "\n"),
        target=args.target.replace("\\n", "\n"),
        options=tuple(args.options),
        option_keys=args.option_keys,
        option_split=args.option_split,
        references=args.references,
        target_is=args.target_is,
        labels=_labels(args.labels),
        readable=args.readable_labels,
        drop=_pairs(args.drop, "--drop"),
        keep=_pairs(args.keep, "--keep"),
    )


def _labels(entries: list[str]) -> dict[str, str]:
    found = _pairs(entries, "--labels")
    twice = [key for key, names in found.items() if len(names) > 1]
    if twice:
        names = ", ".join(found[twice[0]])
        raise TaskError(f"--labels: '{twice[0]}' is given several names ({names}). Give one.")
    return {key: names[0] for key, names in found.items()}


def _pairs(entries: list[str], flag: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not equals or not key:
            raise TaskError(f"{flag}: '{entry}' must have the form NAME=VALUE.")
        found[key] = (*found.get(key, ()), value)
    return found


def _print_check(report: ImportReport) -> None:
    from manyicl.tasks.check import check_folder

    findings = check_folder(report.folder)
    errors = sum(finding.severity == "error" for finding in findings)
    print(f"checked: {plural(errors, 'error')}, {plural(len(findings) - errors, 'warning')}")
    for finding in findings[:SHOWN_FINDINGS]:
        print(f"  {finding.severity} {finding.kind}: {finding.message}")
    if len(findings) > SHOWN_FINDINGS:
        print(f"  and {len(findings) - SHOWN_FINDINGS} more ('manyicl tasks check' shows all)")
