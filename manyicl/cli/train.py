"""`manyicl train`: one fine-tuning run, without evaluation."""

from __future__ import annotations

import argparse

from manyicl.cli.recipe import add_recipe, recipe_config
from manyicl.quiet import quiet_libraries

EPILOG = """\
examples:
  manyicl train demo
  manyicl train demo regime=few_shot run_dir=runs/few_shot
  manyicl train demo objective.normaliser=answer_mean episodes.selection=mixed
  manyicl train demo --profile                     where a step's time goes

Started again with the same settings, a run resumes from its last complete checkpoint. Ctrl-C saves
one and exits with code 130. Several GPUs: torchrun --nproc-per-node N -m manyicl train RECIPE.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "train",
        help="fine-tune a model once on all held-in tasks",
        description="Fine-tune once and write run_dir/model: a Hugging Face folder or PEFT "
        "adapter with a model card.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recipe(parser)
    parser.add_argument(
        "--profile",
        action="store_true",
        help="measure where the time of a step goes, into run_dir/profile.json and a Chrome trace",
    )
    parser.set_defaults(run=train_recipe)


def train_recipe(args: argparse.Namespace) -> int:
    """Fine-tune once on all held-in tasks."""
    config = recipe_config(args)
    quiet_libraries()
    from manyicl.training.run import train

    folder = train(config, profile=args.profile)
    print(f"Model: {folder}")
    if args.profile:
        from manyicl.training.profile import profile_lines

        print("\n".join(profile_lines(folder.parent)))
    return 0
