"""`manyicl export`: a trained model as a plain folder, training sequences as a dataset."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from manyicl.cli.recipe import add_recipe, recipe_config
from manyicl.errors import ConfigError

EPILOG = """\
examples:
  manyicl export runs/mine --merged my_model        loads with AutoModelForCausalLM alone
  manyicl export runs/mine --sequences my_data      what the run trained on, for other trainers
  manyicl export demo --sequences my_data --num 1000

my_data is a dataset for datasets.load_dataset with the columns input_ids and labels, which TRL's
SFTTrainer reads as they are (with max_length=None, so that no demonstration is cut).
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "export",
        help="write a merged model folder, or training sequences for other trainers",
        description="Write what other tools read: a run's model with its adapter merged, or the "
        "sequences of a run or recipe. The folders appear whole or not at all.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recipe(parser)
    parser.add_argument(
        "--merged",
        metavar="DIR",
        help="write a model there: of a run, an adapter folder, a GGUF file, nano or smollm2",
    )
    parser.add_argument("--sequences", metavar="DIR", help="write the training sequences there")
    parser.add_argument(
        "--num", type=int, metavar="N", help="so many sequences (default: all of the run)"
    )
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="run code that comes with the weights"
    )
    parser.set_defaults(run=export)


def export(args: argparse.Namespace) -> int:
    """Check both targets, then write what is asked for."""
    from manyicl.quiet import quiet_libraries

    if not args.merged and not args.sequences:
        raise ConfigError("export: give --merged DIR, --sequences DIR, or both.")
    if args.num is not None and not args.sequences:
        raise ConfigError("--num: belongs to --sequences; a model is exported as a whole.")
    if args.merged and not (args.words and "=" not in args.words[0]):
        raise ConfigError("--merged: name the run whose model is to be merged, e.g. runs/demo.")
    if args.merged and not args.sequences and len(args.words) > 1:
        raise ConfigError(f"--merged: a trained model has no settings to change: {args.words[1]}")
    config = recipe_config(args) if args.sequences else None
    quiet_libraries()
    from manyicl.files import check_free
    from manyicl.training.export import export_merged
    from manyicl.training.model_folder import model_path

    for option in ("merged", "sequences"):
        if getattr(args, option):
            check_free(Path(getattr(args, option)), f"--{option}")
    if args.merged:
        folder = export_merged(
            model_path(args.words[0]), args.merged, trust_remote_code=args.trust_remote_code
        )
        print(f"Model: {folder}")
    if config:
        config.model.trust_remote_code |= args.trust_remote_code
        from manyicl.training.sequences import export_sequences, weights_note

        written, empty = export_sequences(config, args.sequences, args.num, _say_progress)
        if empty:
            print(f"left out: {empty:,} sequences in which nothing carries loss", file=sys.stderr)
        if note := weights_note(config):
            print(note, file=sys.stderr)
        print(f"Sequences: {args.sequences} ({written:,} rows)")
    return 0


def _say_progress(done: int, total: int) -> None:
    if done < total:
        print(f"{done:,} of {total:,} sequences", file=sys.stderr, flush=True)
