"""`manyicl evaluate`: the k-shot sweep, for a run or for any model."""

from __future__ import annotations

import argparse

from manyicl.cli.recipe import add_recipe, recipe_config
from manyicl.cli.run import print_results
from manyicl.quiet import quiet_libraries

EPILOG = """\
examples:
  manyicl evaluate runs/demo                        the run's model, and its base
  manyicl evaluate runs/demo evaluation.num_shots=[0,8,32] evaluation.seeds=[0,1,2,3,4]
  manyicl evaluate model.path=my_models/Llama-3-8B tasks.path=[my_tasks] run_dir=runs/llama
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure k-shot curves of a run's models, or of any model",
        description="Answer test queries with k demonstrations, for every k of the sweep and "
        "several seeds. Writes results.json (in the shape of lm-evaluation-harness), "
        "samples.jsonl and report.html to run_dir. Finished tasks are kept: an interrupted "
        "evaluation goes on.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recipe(parser)
    parser.add_argument(
        "--stage",
        choices=("base", "tuned"),
        action="append",
        help="evaluate only this model (default: tuned, and base if evaluation.before is set)",
    )
    parser.set_defaults(run=evaluate_recipe)


def evaluate_recipe(args: argparse.Namespace) -> int:
    """Evaluate the models of a run k-shot and print their curves."""
    config = recipe_config(args)
    quiet_libraries()
    from manyicl.pipeline import evaluate_and_report

    print_results(evaluate_and_report(config, args.stage), config.run_dir)
    return 0
