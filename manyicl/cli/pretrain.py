"""`manyicl pretrain`: a small base model from a folder of text, as `nano` was made."""

from __future__ import annotations

import argparse
from pathlib import Path

from manyicl.errors import ConfigError, did_you_mean
from manyicl.quiet import quiet_libraries

RECIPES = Path(__file__).resolve().parents[1] / "pretraining" / "recipes"
EPILOG = """\
examples:
  manyicl pretrain nano corpus=FOLDER run_dir=runs/nano
  manyicl pretrain nano corpus=OTHER_FOLDER 'weights={}' 'leave_out=[]' run_dir=runs/other
  manyicl pretrain my_settings.yaml

The folder holds *.txt or *.txt.zst files: a paragraph a line, a blank line between documents. The
recipe names its own sources in weights and leave_out; empty them for other text.
Started again with the same settings, it goes on from its last complete checkpoint; stages appended
to the recipe prolong a finished run. The model is measured and described in
run_dir/model/README.md; --card does that again. What run_dir/measured.json knows of the same
weights is not measured twice: remove it to measure anew.
Needs the extra: pip install 'manyicl[pretrain]'.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "pretrain",
        help="pre-train a small base model on a folder of text",
        description="Train tokenizer and model from scratch: a curriculum from look-ups to text, "
        "so that even a small model learns from its context. Writes run_dir/model.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="RECIPE | key=value",
        help="'nano' or a YAML file, followed by overrides as key=value",
    )
    parser.add_argument(
        "--card",
        action="store_true",
        help="train nothing: measure the finished model of run_dir and write its card again",
    )
    parser.add_argument(
        "--kshot",
        action="store_true",
        help="also answer all built-in tasks k-shot for the card (about half an hour on one core)",
    )
    parser.set_defaults(run=pretrain_recipe)


def pretrain_recipe(args: argparse.Namespace) -> int:
    """Pre-train a base model by a recipe, or write the card of one that is finished."""
    names = [word for word in args.words if "=" not in word]
    if len(names) != 1:
        raise ConfigError(f"name one recipe ('nano' or a YAML file); found {names or 'none'}.")
    path = _find(names[0])
    quiet_libraries()
    from manyicl.pretraining.card import write_card
    from manyicl.pretraining.program import pretrain
    from manyicl.pretraining.settings import load_pretraining

    config = load_pretraining(path, [word for word in args.words if "=" in word])
    if not args.card:
        print(f"Model: {pretrain(config)}")
    print(f"Card: {write_card(config, kshot=args.kshot)}")
    return 0


def _find(word: str) -> Path:
    shipped = {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}
    if word in shipped:
        return shipped[word]
    if Path(word).is_file():
        return Path(word)
    raise ConfigError(
        f"{word}: no such recipe.{did_you_mean(word, list(shipped))} Name a YAML file, or a "
        f"shipped recipe: {', '.join(shipped)}."
    )
