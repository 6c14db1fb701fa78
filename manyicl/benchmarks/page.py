"""The page: what was measured, beside what was to be reached, from the JSON files alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from manyicl.benchmarks.case import PRESETS, Case, Finding, Preset
from manyicl.benchmarks.cases import CASES
from manyicl.benchmarks.figures import FIGURES
from manyicl.benchmarks.records import SideRecord, SizeRecord, read_case
from manyicl.benchmarks.wording import megabytes, percent, rate, speed, times
from manyicl.files import write_whole

HEAD = """\
# Benchmarks

Written by `manyicl bench` from the files in `results/benchmarks`; not edited by hand.

```bash
make bench                                   # the cpu preset, and this page
manyicl bench --preset gpu                   # one GPU of the H200 class
manyicl bench kshot_vs_lm_eval --rounds 10   # one case, more rounds
manyicl bench --page-only --page docs/benchmarks.md
```

Every side of a case is a process of its own, kept alive between rounds; in each round the sides
take turns (in order, then in reverse order), so both meet the same machine. Speeds are medians over
rounds. A ratio divides the medians; in brackets are the lowest and highest ratio of a single round.
Memory is resident memory, on a GPU what the allocator held: `total` is the most held in all,
`added` the part of it above the loaded model, `working` the most a turn took above what was held
when it began. `of limit` is the share of the machine's own matrix-product rate, measured in the
same minutes with the same threads in the dtype of the work; operations are counted from the model's
shape, causal attention as half a square, and nothing that is recomputed counts twice.
"""


def write_page(results: Path, page: Path) -> Path:
    """Write the page and its figures (beside it, in a folder of its name) from `results`."""
    parts = [HEAD]
    for preset in PRESETS:
        parts += _preset(results / preset, preset, page)
    return write_whole(page, "\n".join(parts).rstrip() + "\n")


def _preset(folder: Path, preset: Preset, page: Path) -> Iterator[str]:
    yield f"\n## Preset `{preset}`\n"
    found = [(case, read_case(folder / f"{case.name}.json")) for case in CASES.values()]
    measured = [(case, sizes) for case, sizes in found if sizes]
    if not measured:
        yield (
            f"Not measured yet: `manyicl bench --preset {preset}` does. Its cases run in tiny "
            "sizes on a CPU in the tests.\n"
        )
        return
    yield from _goals(measured)
    for case, sizes in measured:
        yield from _case(case, sizes, preset, page)


def _goals(measured: Sequence[tuple[Case, list[SizeRecord]]]) -> Iterator[str]:
    found = [(case, f) for case, sizes in measured for f in case.findings(sizes)]
    if not found:
        return
    yield "### What was to be reached\n"
    yield "| case | to reach | measured | reached |"
    yield "|---|---|---|---|"
    for case, finding in found:
        yield f"| {case.name} | {finding.target} | {finding.measured} | {_verdict(finding)} |"
    yield ""


def _verdict(finding: Finding) -> str:
    return {True: "yes", False: "**no**", None: "—"}[finding.met]


def _case(case: Case, sizes: list[SizeRecord], preset: Preset, page: Path) -> Iterator[str]:
    yield f"### {case.title}\n"
    yield f"{case.about}\n"
    yield f"| size | side | {case.unit}/s | ours / side | total | added | working | of limit |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    for size in sizes:
        ours = next(iter(case.sides))
        for name, side in size.sides.items():
            yield _row(case, size, name, side, ours)
    yield ""
    for size in sizes:
        for line in size.disagreements:
            yield f"- **The sides disagree** ({size.name}): {line}"
        for name, side in size.sides.items():
            if side.failed:
                yield f"- {size.name}, {name} failed: {_without_place(side.failed)}"
    for line in case.notes(sizes):
        yield f"- {line}"
    yield ""
    if figure := FIGURES.get(case.name):
        drawing = figure(sizes)
        if drawing is not None:
            path = page.parent / page.stem / f"{preset}-{case.name}.svg"
            write_whole(path, drawing)
            yield f"![{case.title}]({page.stem}/{path.name})\n"
    yield from _origin(case, sizes, preset)


def _row(case: Case, size: SizeRecord, name: str, side: SideRecord, ours: str) -> str:
    if side.speed is None:
        why = "failed" if side.failed else f"skipped: {side.skipped}"
        return f"| {size.name} | {name} | {why} | | | | | |"
    ratio = size.ratio(ours, name) if case.compared and name != ours else None
    compared = f"{times(ratio.value)} [{times(ratio.low)} … {times(ratio.high)}]" if ratio else ""
    share = size.fraction(name)
    cells = [
        size.name,
        name,
        speed(side.speed),
        compared,
        megabytes(side.peak or 0),
        megabytes(side.increase or 0),
        megabytes(side.working or 0),
        percent(share) if share is not None else "",
    ]
    return f"| {' | '.join(cells)} |"


def _origin(case: Case, sizes: Sequence[SizeRecord], preset: Preset) -> Iterator[str]:
    """Say where, when and with which command the numbers of a case came to be."""
    first = sizes[0]
    environment = first.environment
    dates = sorted({size.environment["date"][:10] for size in sizes})
    rounds = sorted({size.rounds for size in sizes})
    said = [
        f"`manyicl bench {case.name} --preset {preset}`, {' to '.join(map(str, rounds))} rounds, "
        f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}; seed 0; {environment['cpu']}"
    ]
    if environment["device"] != "cpu":
        said.append(environment["device"])
    if machine := [size.machine for size in sizes if size.machine]:
        said.append(
            f"matrix products at {_range([m['fp32'] for m in machine])} in fp32 and "
            f"{_range([m['bf16'] for m in machine])} in bf16, copies at "
            f"{max(m['bandwidth'] for m in machine) / 1e9:,.0f} GB/s, with "
            f"{machine[0]['threads']} threads"
        )
    ours = dict.fromkeys(
        f"manyicl {size.environment['manyicl']}{_commit(size.environment['git_hash'])}"
        for size in sizes
    )
    packages = {
        f"{name} {version}"
        for size in sizes
        for name, version in size.environment["packages"].items()
    }
    yield "; ".join([*said, " and ".join(ours), ", ".join(sorted(packages))]) + ".\n"


def _commit(name: str | None) -> str:
    """
    >>> _commit("0123456789abcdef-dirty"), _commit(None)
    (' (0123456789-dirty)', '')
    """
    if not name:
        return ""
    digits, _, dirty = name.partition("-")
    return f" ({digits[:10]}{'-' * bool(dirty)}{dirty})"


def _range(rates: Sequence[float]) -> str:
    low, high = rate(min(rates)), rate(max(rates))
    return low if low == high else f"{low.split()[0]} to {high}"


def _without_place(reason: str) -> str:
    """Drop where the log lies: the page is read elsewhere."""
    return reason.partition(" (log: ")[0]
