"""Recipes on the command line: a YAML file, the name of a shipped one, or a run folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from manyicl.errors import ConfigError

if TYPE_CHECKING:
    from manyicl.config import Config

SHIPPED = Path(__file__).resolve().parents[1] / "recipes"
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

    words = [word for word in args.words if "=" in word]
    names = [word for word in args.words if "=" not in word]
    if len(names) > 1:
        raise ConfigError(
            f"'{names[1]}': neither an override (key=value) nor the recipe, which is '{names[0]}'."
        )
    recipe: Path | None = None
    if names:
        recipe = _find(names[0])
        if recipe.name == "config.yaml" and recipe.parent.is_dir():
            words.insert(0, f"run_dir={recipe.parent}")  # the folder may have been moved
    return load_config(recipe, words)


def shipped_recipes() -> dict[str, Path]:
    """Return the recipes that come with the package, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def _find(word: str) -> Path:
    path, shipped = Path(word), shipped_recipes()
    if (path / "config.yaml").is_file():
        return path / "config.yaml"
    if word in shipped and not path.is_file():  # a folder of that name that is no run is no rival
        return shipped[word]
    if path.is_file():
        return path
    found = "a folder without config.yaml, so no run folder" if path.is_dir() else "no such recipe"
    raise ConfigError(
        f"{path}: {found}. Name a YAML file, a run folder, or a shipped recipe: "
        f"{', '.join(shipped)}."
    )
