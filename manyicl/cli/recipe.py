"""Recipes on the command line: a YAML file, the name of a shipped one, or a run folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from manyicl.errors import ConfigError

if TYPE_CHECKING:
    from manyicl.config import Config

WORDS_HELP = (
    "a recipe (YAML file, name of a shipped recipe, or a run folder to go on with), followed by "
    "overrides as key=value or --key value"
)


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Let a verb take `[RECIPE] [key=value ...]`."""
    parser.add_argument("words", nargs="*", metavar="RECIPE | key=value", help=WORDS_HELP)


def recipe_config(args: argparse.Namespace) -> Config:
    """Return the configuration the words describe. Raises `ConfigError`."""
    from manyicl.config import load_config

    return load_config(*recipe_words(args))


def recipe_words(args: argparse.Namespace) -> tuple[str | None, list[str]]:
    """Return the recipe, if there is one, and the overrides. Raises `ConfigError`."""
    words = [word for word in args.words if "=" in word]
    names = [word for word in args.words if "=" not in word]
    if len(names) > 1:
        raise ConfigError(
            f"'{names[1]}': neither an override (key=value) nor the recipe, which is '{names[0]}'."
        )
    return (names[0] if names else None), words
