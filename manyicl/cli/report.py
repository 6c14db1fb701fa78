"""`manyicl report`: results as an HTML file and a table, one run or several side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from manyicl.errors import ManyICLError

EPILOG = """\
examples:
  manyicl report runs/demo                        writes runs/demo/report.html
  manyicl report runs/demo/results.json --out demo.html
  manyicl report runs/many_shot runs/zero_shot    lays both over each other in ./report.html
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser of the verb."""
    parser = subparsers.add_parser(
        "report",
        help="show results as a table and write them as one HTML file",
        description="Print the k-shot table of a run and write its report: one self-contained "
        "HTML file with curves, tables, cost and configuration. Several runs are laid over each "
        "other, each under the name of its folder.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", nargs="+", metavar="RUN", help="a run folder, or a results.json")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where to write the HTML (default: report.html in the run's folder; with several "
        "runs, in the current one)",
    )
    parser.add_argument("--tasks", action="store_true", help="list every task in the table too")
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> int:
    """Print the table, write the report, say where it is."""
    from rich.console import Console

    from manyicl.evaluation.results import Results
    from manyicl.report import kshot_tables, write_report

    files = [_results_file(Path(name)) for name in args.results]
    names = _names(files)
    loaded = {name: Results.load(file) for name, file in zip(names, files, strict=True)}
    alone = len(files) == 1
    console = Console()
    for table in kshot_tables(loaded, width=console.width, tasks=args.tasks):
        console.print(table)
    # Of kept results, results.1.json, the report is report.1.html.
    name = f"report{files[0].stem.removeprefix('results')}.html" if alone else "report.html"
    out = Path(args.out) if args.out else (files[0].parent if alone else Path()) / name
    if out.is_dir():
        out = out / name
    title = f"{', '.join(names)}: k-shot results"
    write_report(next(iter(loaded.values())) if alone else loaded, out, title)
    console.print(f"Report: {out}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _results_file(path: Path) -> Path:
    return path / "results.json" if path.is_dir() else path


def _names(files: list[Path]) -> list[str]:
    """Name each run by its folder, by more of the path where folders have one name."""
    resolved = [file.resolve() for file in files]
    if len(set(resolved)) < len(resolved):
        raise ManyICLError("report: the same results are named twice. Name each run once.")
    parts = [
        [*file.parent.parts[1:], *([] if file.name == "results.json" else [file.stem])]
        for file in resolved
    ]
    for depth in range(1, max(map(len, parts), default=1) + 1):
        names = ["/".join(found[-depth:]) or "results" for found in parts]
        if len(set(names)) == len(names):
            return names
    return [str(file) for file in resolved]
