"""The command line: one verb a module; each loads its configuration and calls one function.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 130 stopped from the keyboard.
"""

from __future__ import annotations

import argparse
import errno
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from manyicl.errors import Interrupted, ManyICLError, did_you_mean
from manyicl.version import __version__

DESCRIPTION = """\
Fine-tune a causal language model once, on long sequences of solved examples in which every answer
is a target; then do any task, seen or new, by showing examples.

    tasks  ->  inspect  ->  run (= evaluate, train, evaluate, report)  ->  predict
"""
EPILOG = """\
first steps:
  manyicl run demo                                 the demonstration, in minutes on a laptop
  manyicl tasks import tickets.csv --input text --target label --out my_tasks/
  manyicl run demo 'tasks.path=[builtin,my_tasks]' run_dir=runs/mine
  manyicl predict runs/mine --task my_tasks/tickets --queries new.csv --out answers.csv

'manyicl VERB --help' explains a verb; 'manyicl config' lists every setting.
"""
OUT_OF_MEMORY = """\
memory: the device has too little for this. What was finished is kept. Ways to need less:
  training    training.activation_checkpointing=true, a lower episodes.max_tokens, or an adapter
              (model.lora.rank=16)
  evaluation  evaluation.memory_mb, evaluation.prefix_storage=int8, or a lower
              evaluation.tokens_per_batch, evaluation.max_tokens or evaluation.num_shots
  prediction  --prefix-storage int8, or a lower --max-tokens or --shots
  all of them model.dtype=bfloat16 (set in the recipe), or a smaller model"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser()
    args, rest = parser.parse_known_args(_join_overrides(arguments))
    if rest and (not hasattr(args, "words") or any(word.startswith("-") for word in rest)):
        _parser_of(parser, arguments).error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # argparse takes positional words only up to the first option
        args.words += rest
    if getattr(args, "run", None) is None:
        parser.print_help()
        return 2
    try:
        return args.run(args)
    except BrokenPipeError:  # the reader of our output (head, less) left early
        sys.stderr.close()
        return 0
    except ManyICLError as error:
        if args.debug:
            raise
        prefix = "" if isinstance(error, Interrupted) else "error: "
        print(f"{prefix}{error}", file=sys.stderr)
        return error.exit_code
    except Exception as error:
        if not args.debug and getattr(error, "errno", None) == errno.ENAMETOOLONG:
            name = str(getattr(error, "filename", ""))
            print(
                f"error: {name[:60]!r} ...: is too long to be the name of a file or folder. Was "
                "it meant for another option?",
                file=sys.stderr,
            )
            return 2
        if args.debug or not _is_out_of_memory(error):
            raise
        print(f"error: {OUT_OF_MEMORY}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept", file=sys.stderr)
        return 130


def _parser_of(parser: argparse.ArgumentParser, words: list[str]) -> argparse.ArgumentParser:
    """Return the parser of the verb that the words name, whose usage is the one to show."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for at, word in enumerate(words):
                if word in action.choices:
                    return _parser_of(action.choices[word], words[at + 1 :])
    return parser


def _is_out_of_memory(error: Exception) -> bool:
    """Tell by name: the class is torch's, which is not to be imported for an error message."""
    names = {cls.__name__ for cls in type(error).__mro__}
    named = bool(names & {"OutOfMemoryError", "MemoryError"})
    # So torch says it on a CPU, and CUDA in places where it raises no error of its own kind.
    said = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return named or any(text in str(error) for text in said)


class _Parser(argparse.ArgumentParser):
    """A parser, and so its verbs' parsers, that names the word probably meant."""

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message, re.DOTALL)
        if wrong:
            message += "." + did_you_mean(wrong[1], re.findall(r"[\w-]+", wrong[2]))
        super().error(message)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    from manyicl.cli import (
        advise,
        bench,
        config,
        evaluate,
        export,
        inspect,
        predict,
        pretrain,
        report,
        run,
        study,
        tasks,
        train,
    )

    parser = _Parser(
        prog="manyicl",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"manyicl {__version__}")
    parser.add_argument("--debug", action="store_true", help="show tracebacks of errors")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB")
    verbs = (
        tasks,
        inspect,
        run,
        train,
        evaluate,
        predict,
        report,
        study,
        advise,
        export,
        config,
        pretrain,
        bench,
    )
    for module in verbs:
        module.register(subparsers)
    return parser


def _join_overrides(arguments: list[str]) -> list[str]:
    """Turn `--key.name value` into `key.name=value`, so that argparse sees words."""
    joined: list[str] = []
    rest = iter(arguments)
    for word in rest:
        name = word.removeprefix("--").partition("=")[0]
        if word.startswith("--") and ("." in name or name in ("run_dir", "run-dir", "regime")):
            word = word.removeprefix("--")
            if "=" not in word:
                word = f"{word}={next(rest, '')}"
        joined.append(word)
    return joined
