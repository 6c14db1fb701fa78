"""`manyicl config`: every setting with its default and meaning, or a recipe resolved."""

from __future__ import annotations

import argparse

from manyicl.cli.recipe import add_recipe, recipe_config
from manyicl.recipes import shipped_recipes

EPILOG = """\
examples:
  manyicl config                      every setting, its default and its meaning
  manyicl config demo                 the demo recipe with all defaults filled in
  manyicl config demo regime=few_shot training.steps=50
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "config",
        help="list every setting, or show a recipe with defaults filled in",
        description="Without arguments: all settings. With a recipe or overrides: the resolved "
        f"configuration as YAML. Shipped recipes: {', '.join(shipped_recipes())}.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recipe(parser)
    parser.set_defaults(run=show_config)


def show_config(args: argparse.Namespace) -> int:
    """Print a whole configuration as YAML, or every setting with its meaning."""
    if args.words:
        from omegaconf import OmegaConf

        print(OmegaConf.to_yaml(OmegaConf.structured(recipe_config(args))), end="")
        return 0
    from rich.console import Console
    from rich.text import Text

    from manyicl.config import field_docs

    console = Console()
    section = None
    for key, default, meaning in field_docs():
        head = key.rpartition(".")[0]
        if head != section:
            section = head
            console.print()
        line = Text.assemble((key, "bold"), " = ", (default, "cyan"), "\n    ", meaning)
        console.print(line, soft_wrap=not console.is_terminal)
    return 0
