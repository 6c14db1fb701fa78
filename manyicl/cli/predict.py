"""`manyicl predict`: answers for a file of queries, from shown examples."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from manyicl.errors import ConfigError, RunError
from manyicl.files import check_writable, write_whole
from manyicl.signals import sigterm_interrupts

if TYPE_CHECKING:
    from manyicl.inference import Engine
    from manyicl.tasks import Task

EPILOG = """\
examples:
  a run's model, shown the train rows of a task it never saw
    manyicl predict runs/mine --task my_tasks/tickets --queries new.csv --out answers.csv
  a built-in task, eight shots
    manyicl predict runs/demo --task ticket_team --shots 8 --queries new.jsonl --out answers.jsonl
  solved examples of your own, and the labels to choose from
    manyicl predict runs/mine --demonstrations solved.csv --input text --target label \\
        --labels urgent,normal --queries new.csv --query-input text --out answers.csv
  the demonstrations most similar to each query
    manyicl predict runs/mine --task my_tasks/tickets --selection similar --shots 16 \\
        --queries new.csv --out answers.csv
  no run and no download: the base model that comes with manyicl
    manyicl predict --task ticket_team --shots 8 --queries new.jsonl --out answers.jsonl
  compute the demonstrations once, use them again
    manyicl predict runs/mine --task my_tasks/tickets --prefix tickets.safetensors \\
        --queries monday.csv --out monday_answers.csv

Where a task has labels (or, in multiple choice, queries have options) the answer is the best of
them, with its probability among them; other answers are written freely. Ctrl-C keeps the
answers that are finished, in a file beside --out whose name ends in .part.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "predict",
        help="answer a file of queries by showing a model solved examples",
        description="Answer every row of a JSONL or CSV file by showing a model demonstrations of "
        "the task. Writes the rows with their answers.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("words", nargs="*", metavar="MODEL", help="a run folder, a model folder, a GGUF file, a "
        "hub id, smollm2, or nano, the model that comes with manyicl (default)")  # fmt: skip

    group = parser.add_argument_group("queries and answers")
    add = group.add_argument
    add("--queries", required=True, metavar="FILE", help="JSONL, JSON, CSV, TSV or Parquet")
    add("--out", required=True, metavar="FILE", help="where answers go: .jsonl, .csv or .tsv")
    add("--force", action="store_true", help="replace an existing --out file")
    add("--query-input", default="", metavar="COL", help="column or template '{a} {b}' of the "
        "queries (default: the demonstrations' column, 'input', or the only one)")  # fmt: skip
    add("--query-options", nargs="+", default=[], metavar="COL", help="a column of option lists, "
        "or several columns of one option each (multiple choice: 'options')")  # fmt: skip

    add("--encoding", default="", help="of text files, both queries and demonstrations (default: "
        "UTF-8)")  # fmt: skip

    group = parser.add_argument_group("the task (one of --task and --demonstrations)")
    add = group.add_argument
    add("--task", metavar="TASK", help="a task folder, or the name of a built-in task")
    add("--demonstrations", metavar="FILE", help="a file of solved examples")
    add("--input", default="", metavar="COL", help="its column or template of inputs")
    add("--target", default="", metavar="COL", help="its column of answers")
    add("--labels", default="", metavar="A,B,C", help="the answers to choose from (default: found "
        "out from the file)")  # fmt: skip
    add("--instruction", default="", metavar="TEXT", help="one sentence: what is to be done")

    group = parser.add_argument_group("showing and answering")
    add = group.add_argument
    add("--shots", type=int, metavar="K", help="demonstrations shown (default: as many as fit)")
    add("--selection", choices=("random", "balanced", "first", "similar", "mixed"),
        default="random", help="which ones (default: random, for all queries alike)")  # fmt: skip
    add("--similar-share", type=float, default=0.5, metavar="X", help="with mixed: share of "
        "similar ones (default 0.5)")  # fmt: skip
    add("--seed", type=int, default=0, help="seed of the selection (default 0)")
    add("--prefix", metavar="FILE", help="keep the computed demonstrations there, or use those")
    add("--prefix-storage", choices=("model", "int8", "offload"), default="model", help="how they "
        "are kept: as computed, as int8 (about a quarter of fp32; answers may change a little), or "
        "in the host's memory (default: model)")  # fmt: skip
    add("--scoring", choices=("sum", "mean", "prior"), default="sum", help="options are compared "
        "by: sum of token log-probabilities, their mean, or the sum less the score after an empty "
        "query (default: sum)")  # fmt: skip
    add("--max-new-tokens", type=int, default=64, metavar="N", help="longest written answer")
    add("--max-tokens", type=int, default=0, metavar="N", help="tokens of demonstrations, query "
        "and answer together (default: the model's limit)")  # fmt: skip
    add("--template", choices=("plain", "chat"), help="default: what the model was trained with")
    add("--trust-remote-code", action="store_true", help="run code that comes with the weights")
    parser.set_defaults(run=predict_file)


def predict_file(args: argparse.Namespace) -> int:
    """Read, answer, write. The file is written when every answer is there; of answering that was
    broken off, the finished answers go to a file beside it, named .part."""
    from manyicl.inference.prediction_files import as_file, check_suffix, new_columns
    from manyicl.tasks.queries import read_queries

    model = _model(args.words)
    suffix = check_suffix(args.out)
    task, usual = _task(args)
    queries = read_queries(
        args.queries,
        task,
        input=args.query_input.replace("\\n", "\n"),
        options=args.query_options,
        usual=usual,
        encoding=args.encoding,
    )
    for note in queries.notes:
        print(note, file=sys.stderr)
    names = new_columns(queries.table)
    if names["answer"] != "answer":
        print(f"{args.queries}: answers go to new columns, {names['answer']} ...", file=sys.stderr)
    _check_out(Path(args.out), args.force)
    settings = _settings(args)
    engine = _engine(args, model)
    from manyicl.inference.predict import Prediction, predict

    finished: list[Prediction] = []
    try:
        with sigterm_interrupts(), _progress(len(queries.examples)) as (note, advance):
            predictions = predict(
                engine,
                task,
                queries.examples,
                settings,
                prefix_file=args.prefix,
                source=args.queries,
                note=note,
                advance=advance,
                keep=finished.extend,
            )
    except BaseException as error:
        if finished:
            part = _write(_free_part(args.out), as_file(queries.table, finished, suffix))
            print(
                f"broken off after {len(finished):,} of {len(queries.examples):,} rows; their "
                f"answers: {part}",
                file=sys.stderr,
            )
        if isinstance(error, KeyboardInterrupt):
            if not finished:
                print("interrupted; no answers were written", file=sys.stderr)
            return 130
        raise
    place = _write(Path(args.out), as_file(queries.table, predictions, suffix))
    print(f"Answers: {place} ({len(predictions):,} rows)")
    return 0 if place == Path(args.out) else 1


def _write(out: Path, text: str) -> Path:
    """Write answers to `out`; where that fails after all, to the folder for temporary files.
    Return where they are."""
    try:
        return write_whole(out, text)
    except RunError as error:
        spare = _free_part(str(Path(tempfile.gettempdir()) / out.name))
        with suppress(RunError):
            write_whole(spare, text)
            print(f"error: {error} The answers are kept elsewhere.", file=sys.stderr)
            return spare
        raise


def _free_part(out: str) -> Path:
    """Return a name for unfinished answers that no earlier ones have."""
    number, part = 1, Path(f"{out}.part")
    while part.exists():
        number, part = number + 1, Path(f"{out}.part{number + 1}")
    return part


def _task(args: argparse.Namespace) -> tuple[Task, str]:
    """Return the task, and the input column of a file of demonstrations."""
    from manyicl.tasks.demonstrations import find_task, task_from_file

    if bool(args.task) == bool(args.demonstrations):
        raise ConfigError(
            "predict: give one of --task (a task folder or built-in task) and --demonstrations "
            "(a file of solved examples)."
        )
    if args.task:
        given = [f for f in ("input", "target", "labels", "instruction") if getattr(args, f)]
        if given:
            raise ConfigError(
                f"--{given[0]}: belongs to --demonstrations; the task '{args.task}' brings its own."
            )
        return find_task(args.task), ""
    found = task_from_file(
        args.demonstrations,
        input=args.input.replace("\\n", "\n"),
        target=args.target.replace("\\n", "\n"),
        labels=[label.strip() for label in args.labels.split(",")] if args.labels else [],
        instruction=args.instruction,
        encoding=args.encoding,
    )
    for note in found.notes:
        print(note, file=sys.stderr)
    return found.task, found.input


def _model(words: list[str]) -> str:
    from manyicl.config import NANO

    if len(words) > 1:
        raise ConfigError(f"predict: name one model; found {', '.join(map(repr, words))}.")
    return words[0].removeprefix("model=") if words else NANO


def _settings(args: argparse.Namespace):
    from manyicl.inference.predict import PredictSettings

    return PredictSettings(
        num_shots=args.shots,
        selection=args.selection,
        similar_share=args.similar_share,
        seed=args.seed,
        scoring=args.scoring,
        max_new_tokens=args.max_new_tokens,
        max_tokens=args.max_tokens,
    )


def _engine(args: argparse.Namespace, name: str) -> Engine:
    from manyicl.config import TemplateConfig
    from manyicl.inference import Engine
    from manyicl.quiet import quiet_libraries

    quiet_libraries()
    return Engine.load(
        name,
        template=TemplateConfig(kind=args.template) if args.template else None,
        trust_remote_code=args.trust_remote_code,
        prefix_storage=args.prefix_storage,
    )


def _check_out(path: Path, force: bool) -> None:
    """Raise before anything is computed if the answers could not be written."""
    if path.is_dir() or (path.exists() and not force):
        raise ConfigError(
            f"--out: {path} exists already. Choose another name, or replace it with --force."
        )
    check_writable(path, "--out")


@contextmanager
def _progress(
    total: int,
) -> Iterator[tuple[Callable[[str], None], Callable[[int], None]]]:
    """Yield functions for notes and for progress: a bar on a terminal, some lines elsewhere."""
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
        done = 0

        def line(number: int) -> None:
            nonlocal done
            tenths, done = 10 * done // total, done + number
            if 10 * done // total > tenths:
                print(f"answered {done:,} of {total:,}", file=sys.stderr, flush=True)

        yield lambda text: print(text, file=sys.stderr, flush=True), line
        return
    columns = (TextColumn("answering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield (
            lambda text: bar.console.print(text, markup=False, highlight=False, soft_wrap=True),
            lambda number: bar.update(task, advance=number),
        )
