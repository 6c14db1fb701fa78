"""`manyicl bench`: this package and its peers side by side, on the machine at hand."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from manyicl.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from manyicl.benchmarks.case import Case

EPILOG = """\
examples:
  manyicl bench                                       the cpu preset: half an hour, 2 cores
  manyicl bench --preset gpu                          one GPU of the H200 class
  manyicl bench kshot_vs_lm_eval --rounds 10
  manyicl bench --smoke --preset gpu                  tiny sizes, seconds each: does all of it run?
  manyicl bench --page-only --page docs/benchmarks.md

Finished sizes are kept in FOLDER/PRESET/CASE.json: stopped, the same command goes on. Peers come
with the extra: pip install 'manyicl[bench]'; without them their sides are skipped. Let nothing else
run on the machine meanwhile.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "bench",
        help="measure training and evaluation beside TRL and lm-evaluation-harness",
        description="Run every case's sides in alternation, several rounds, each side in a process "
        "of its own; write medians, ratios with spread, memory and the share of the machine's own "
        "limit as JSON and as a page.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="cases to run (default: all)")
    parser.add_argument("--preset", choices=("cpu", "gpu"), default="cpu", help="sizes (cpu)")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="rounds of every size (default: each size's own)"
    )
    parser.add_argument(
        "--out",
        default="results/benchmarks",
        metavar="FOLDER",
        help="folder of the results (results/benchmarks)",
    )
    parser.add_argument(
        "--page", metavar="FILE", help="the page to write (default: benchmarks.md in FOLDER)"
    )
    parser.add_argument(
        "--page-only", action="store_true", help="measure nothing: write the page from the results"
    )
    parser.add_argument("--again", action="store_true", help="measure anew what is kept")
    parser.add_argument("--smoke", action="store_true", help="one tiny size a case, no page")
    parser.add_argument("--list", action="store_true", help="list cases and sizes, run nothing")
    parser.set_defaults(run=bench)


def bench(args: argparse.Namespace) -> int:
    """Measure the cases asked for, and write their records and page."""
    from manyicl.benchmarks.cases import CASES

    if args.rounds is not None and args.rounds < 1:
        raise ConfigError(f"--rounds: is {args.rounds}; it must be at least 1.")
    for name in args.cases:
        if name not in CASES:
            raise ConfigError(
                f"{name}: no such case.{did_you_mean(name, list(CASES))} Known: {', '.join(CASES)}."
            )
    chosen = [CASES[name] for name in args.cases] or list(CASES.values())
    if args.list:
        for case in chosen:
            print(f"{case.name}: {case.title}")
            for size in case.sizes_of(args.preset):
                print(f"    {size.name}")
        return 0
    _check(args, chosen)
    if args.preset == "gpu" and not (args.smoke or args.page_only) and not _has_gpu():
        raise ConfigError(
            "--preset gpu: torch sees no GPU here, and the sizes are made for one. Use --preset "
            "cpu, or --smoke to see that the preset runs."
        )
    from manyicl.benchmarks.runner import run_case

    out, failed = Path(args.out), 0
    if args.smoke:
        out = out / "smoke"
    if not args.page_only:
        for case in chosen:
            sizes = run_case(
                case,
                args.preset,
                out / args.preset,
                rounds=args.rounds,
                smoke=args.smoke,
                again=args.again,
                say=lambda line: print(line, file=sys.stderr),
            )
            failed += sum(not size.complete for size in sizes)
            failed += sum(len(size.disagreements) for size in sizes)
    if not args.smoke:
        from manyicl.benchmarks.page import write_page

        print(f"Page: {write_page(out, Path(args.page or out / 'benchmarks.md'))}")
    return 1 if failed else 0


def _check(args: argparse.Namespace, chosen: Sequence[Case]) -> None:
    """Raise `ConfigError` for words that would do nothing, or not what they say."""
    if args.page_only:
        if args.cases or args.smoke or args.again or args.rounds:
            raise ConfigError(
                "--page-only: writes the page of all results and measures nothing; leave case "
                "names, --smoke, --again and --rounds out."
            )
        if not any(Path(args.out, preset).is_dir() for preset in ("cpu", "gpu")):
            raise ConfigError(f"--out: {args.out} holds no results (cpu/ or gpu/) to write about.")
        return
    if args.smoke and args.page:
        raise ConfigError("--page: tiny sizes go into no page; leave it or --smoke out.")
    for case in chosen:
        if args.cases and not case.sizes_of(args.preset, args.smoke):
            raise ConfigError(
                f"{case.name}: has no size in preset {args.preset}; try another --preset."
            )


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
