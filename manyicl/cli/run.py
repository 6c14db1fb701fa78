"""`manyicl run`: evaluate, train, evaluate again, report."""

from __future__ import annotations

import argparse

from manyicl.cli.recipe import add_recipe, recipe_config
from manyicl.quiet import quiet_libraries
from manyicl.recipes import shipped_recipes

EPILOG = """\
examples:
  manyicl run demo
  manyicl run demo model.path=my_models/Mistral-7B-v0.3 model.lora.rank=16 run_dir=runs/mistral
  manyicl run my_recipe.yaml training.learning_rate=3e-4

Everything is written to run_dir: config.yaml, log.jsonl, checkpoints, model/ (with model card),
results.json, samples.jsonl, report.html. Interrupted, the same command goes on where it stopped.
Several GPUs: torchrun --nproc-per-node N -m manyicl train RECIPE, then manyicl evaluate RUN_DIR.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "run",
        help="the whole job: evaluate before, train, evaluate after, report",
        description="Fine-tune once and show what it changed: k-shot evaluation of the untuned "
        "model, training, k-shot evaluation of the tuned model, table and report. "
        f"Shipped recipes: {', '.join(shipped_recipes())}.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recipe(parser)
    parser.set_defaults(run=run_recipe)


def run_recipe(args: argparse.Namespace) -> int:
    """Evaluate, fine-tune once, evaluate again, and report."""
    config = recipe_config(args)
    quiet_libraries()
    from manyicl.pipeline import run

    results = run(config)
    print_results(results, config.run_dir)
    return 0


def print_results(results: object, run_dir: str) -> None:
    """Print the k-shot table and where everything is."""
    from rich.console import Console

    from manyicl.evaluation.results import Results
    from manyicl.report import kshot_tables

    assert isinstance(results, Results)
    console = Console()
    for table in kshot_tables(results, width=console.width):
        console.print(table)
    for line in (f"Report: {run_dir}/report.html", f"Results: {run_dir}/results.json"):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
