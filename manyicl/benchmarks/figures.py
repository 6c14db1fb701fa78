"""The page's plots, as SVG files that GitHub shows: both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from manyicl.benchmarks.records import SizeRecord
from manyicl.report.figures import COLOURS, DASHES, MARKERS
from manyicl.report.svg import STYLE, svg_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = list[tuple[float, float]]


def context_scaling(sizes: Sequence[SizeRecord]) -> str | None:
    """Draw milliseconds per training token, per prefix token and per query by context length."""
    panels: list[tuple[str, str, Mapping[str, Points]]] = [
        (
            "a token",
            "ms",
            {
                "training": _milliseconds(sizes, "train"),
                "prefix": _milliseconds(sizes, "prefill"),
            },
        ),
        ("a query on the prefix", "ms", {"query": _milliseconds(sizes, "query")}),
        (
            "memory",
            "MB",
            {
                "training, total": [
                    (size.settings["tokens"], size.sides["train"].peak / 1e6)
                    for size in sizes
                    if size.sides["train"].peak
                ],
                "prefix, keys and values": [
                    (size.settings["tokens"], facts["prefix_bytes"] / 1e6)
                    for size in sizes
                    if "prefix_bytes" in (facts := size.sides["prefill"].facts)
                ],
            },
        ),
    ]
    return _draw(panels, "context, tokens")


def kshot_vs_lm_eval(sizes: Sequence[SizeRecord]) -> str | None:
    """Draw items a second by k, ours and the harness's, for the sizes that differ in k alone."""
    panels = []
    for mark, title in ((True, "six labels"), (False, "six labels, one token each")):
        chosen = [
            size
            for size in sizes
            if size.settings["end_mark"] is mark and size.settings["task"] == "question_type"
        ]
        curves = {
            side: [(size.settings["k"], s) for size in chosen if (s := size.sides[side].speed)]
            for side in ("ours", "lm_eval")
        }
        panels.append((title, "items/s", curves))
    return _draw(panels, "shots")


FIGURES: dict[str, Callable[[Sequence[SizeRecord]], str | None]] = {
    "context_scaling": context_scaling,
    "kshot_vs_lm_eval": kshot_vs_lm_eval,
}


def _milliseconds(sizes: Sequence[SizeRecord], side: str) -> Points:
    return [
        (size.settings["tokens"], 1000 / speed)
        for size in sizes
        if (speed := size.sides[side].speed)
    ]


def _draw(panels: Sequence[tuple[str, str, Mapping[str, Points]]], xlabel: str) -> str | None:
    """Draw panels side by side; None if there is nothing to draw a line through."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    panels = [panel for panel in panels if any(len(points) > 1 for points in panel[2].values())]
    if not panels:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.3 * len(panels), 2.6), layout="constrained", facecolor="white")
        for ax, (title, ylabel, curves) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            for at, (label, points) in enumerate(curves.items()):
                if points:
                    x, y = zip(*sorted(points), strict=True)
                    style: dict[str, Any] = {
                        "color": COLOURS[at + 1],
                        "marker": MARKERS[at],
                        "linestyle": DASHES[1 - at % 2],
                    }
                    ax.plot(x, y, label=label, **style)
            _axes(ax, title, xlabel, ylabel, curves)
        drawing = svg_file(figure)
    return "\n".join(line.rstrip() for line in drawing.splitlines()) + "\n"


def _axes(ax: Axes, title: str, xlabel: str, ylabel: str, curves: Mapping[str, Points]) -> None:
    from matplotlib.ticker import LogLocator

    values = sorted({x for points in curves.values() for x, _ in points})
    ax.set_xscale("symlog" if values and values[0] == 0 else "log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(values, [_tick(value) for value in values])
    ax.minorticks_off()
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_title(title)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.grid(True, axis="y")
    if len(curves) > 1:
        ax.legend(fontsize=8)


def _tick(value: float) -> str:
    return f"{value / 1024:.3g}k" if value >= 1000 else f"{math.floor(value)}"
