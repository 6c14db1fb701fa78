"""`manyicl inspect`: look at training sequences before anything is trained."""

from __future__ import annotations

import argparse
import sys

from manyicl.cli.recipe import add_recipe, recipe_config

PIPE_WIDTH = 160  # columns of the tables where the output goes into a file or pipe

EPILOG = """\
examples:
  manyicl inspect demo
  manyicl inspect demo regime=few_shot -n 3
  manyicl inspect runs/mine --index 40 --html sequences.html
  manyicl inspect demo objective.supervise=answers_after:4 | less

Shown is what training computes: the same draw of tasks and demonstrations, the same tokens. Text
that carries loss is coloured (in a pipe: in double brackets), special tokens are written out, and
every answer opens with the number of demonstrations before it.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "inspect",
        help="show training sequences, what carries loss in them, and the run in numbers",
        description="Show rows of a training run with their supervised tokens, and count tokens, "
        "demonstrations, supervised shares and what is left out. No model is needed, nothing is "
        "written but the HTML file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recipe(parser)
    parser.add_argument("-n", type=int, default=1, metavar="N", help="rows to show (default 1)")
    parser.add_argument(
        "--index", type=int, default=0, metavar="I", help="first row to show, from 0 (default 0)"
    )
    parser.add_argument("--html", metavar="FILE", help="write the same to one HTML file")
    parser.set_defaults(run=inspect_recipe)


def inspect_recipe(args: argparse.Namespace) -> int:
    """Print the rows and the plan; write the page if asked to."""
    config = recipe_config(args)
    from rich.console import Console

    from manyicl.quiet import quiet_libraries

    with Console(stderr=True).status("reading tasks and drawing the run's sequences"):
        quiet_libraries()
        from manyicl.report.inspection import write_inspection
        from manyicl.report.inspection_text import print_inspection
        from manyicl.training.inspection import inspect_rows

        inspection = inspect_rows(config, args.index, args.n)
        if args.html:
            write_inspection(inspection, args.html)
    print_inspection(inspection, Console(width=None if sys.stdout.isatty() else PIPE_WIDTH))
    if args.html:
        print(f"HTML: {args.html}")
    return 0
