"""`manyicl study`: every way to adapt, side by side, at equal cost, with forgetting measured."""

from __future__ import annotations

import argparse
import sys

from manyicl.cli.recipe import recipe_words
from manyicl.quiet import quiet_libraries
from manyicl.recipes import STUDIES, shipped_recipes

EPILOG = """\
examples:
  manyicl study builtin
  manyicl study builtin run_dir=runs/mine 'tasks.path=[builtin,my_tasks]' study.tokens=1000000
  manyicl study my_study.yaml --report-only
  manyicl study builtin --cells results/builtin.jsonl.gz    (on one machine, then on another)

The settings are those of a run ('manyicl config') and a section 'study' ('manyicl study
--settings'). Every model, evaluation and search is a cell of its own: stopped or killed, the same
command goes on with the cells that are missing, and one that fails leaves the others. Written to
run_dir: results.json, report.html, RESULTS.md, and cells/ with a log for each.

With --cells FILE a study moves: finished cells are read from FILE first, and FILE is written whole
every ten cells or five minutes, and at the end. Weights are not in it: a model whose weights are
not in run_dir is trained again if a cell that is missing reads it.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "study",
        help="compare all ways to fine-tune on your tasks, at equal cost",
        description="From one base model and one set of tasks: in-context learning, zero-shot, "
        "few-shot and many-shot fine-tuning and one model per task, at equal budgets and over "
        "several seeds, with what each forgets. "
        f"Shipped recipes: {', '.join(shipped_recipes(STUDIES))}.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="RECIPE | key=value",
        help="a recipe (YAML file, name of a shipped one, or a study's folder to go on with), "
        "followed by overrides as key=value or --key value",
    )
    parser.add_argument(
        "--report-only",
        action="store_true",
        help="compute nothing: write the report from the cells that are there",
    )
    parser.add_argument(
        "--cells",
        metavar="FILE",
        help="take finished cells from FILE (.jsonl.gz) and write it with all that are finished; "
        "need not be there yet",
    )
    parser.add_argument("--settings", action="store_true", help="list the settings of a study")
    parser.set_defaults(run=study_recipe)


def study_recipe(args: argparse.Namespace) -> int:
    """Compute the cells of a study that are not there yet, and report."""
    from manyicl.config import load_config
    from manyicl.study.settings import StudyConfig

    if args.settings:
        return _print_settings()
    name, overrides = recipe_words(args)
    config = load_config(name, overrides, schema=StudyConfig, recipes=STUDIES)
    quiet_libraries()
    from manyicl.study.run import run_study

    results = run_study(config, compute=not args.report_only, cells=args.cells)
    print(f"Report: {config.run_dir}/report.html")
    print(f"Summary: {config.run_dir}/RESULTS.md")
    if args.cells:
        print(f"Finished cells: {args.cells}")
    if results.missing:
        print(f"Not complete: {results.missing} cells are not computed yet.", file=sys.stderr)
    for failure in results.failures:
        print(f"failed: {failure.cell}: {failure.message}", file=sys.stderr)
    return 1 if results.failures else 0


def _print_settings() -> int:
    from manyicl.config.load import field_docs
    from manyicl.study.settings import StudyConfig

    for key, default, meaning in field_docs(StudyConfig):
        if key.startswith("study."):
            print(f"{key} = {default}\n    {meaning}")
    return 0
