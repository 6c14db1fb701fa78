"""Recipes: YAML files that ship with the package, and what a word may name in their place."""

from __future__ import annotations

from pathlib import Path

from manyicl.errors import ConfigError, did_you_mean

MISSING = "no such recipe"
RECIPES = Path(__file__).resolve().parent


STUDIES = RECIPES / "studies"
"""Recipes of `manyicl study`, which have a section more."""


def shipped_recipes(folder: Path = RECIPES) -> dict[str, Path]:
    """Return the recipes that come with the package, by name."""
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_recipe(word: str | Path, folder: Path = RECIPES) -> Path:
    """Return the YAML file that `word` names: a file, a run folder, or a shipped recipe.

    A run folder stands for its `config.yaml`. `folder` holds the shipped ones. Raises
    `ConfigError`.
    """
    path, shipped = Path(word), shipped_recipes(folder)
    try:
        if (path / "config.yaml").is_file():
            return path / "config.yaml"
        if str(word) in shipped and not path.is_file():  # a folder of that name is no rival
            return shipped[str(word)]
        if path.is_file():
            return path
        found = "a folder without config.yaml, so no run folder" if path.is_dir() else MISSING
    except OSError as error:  # a name too long, a folder that may not be read
        found = f"cannot be read ({error.strerror})"
    raise ConfigError(
        f"{path}: {found}. Name a YAML file, a run folder, or a shipped recipe: "
        f"{', '.join(shipped)}.{did_you_mean(str(word), list(shipped))}"
    )
