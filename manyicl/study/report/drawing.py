"""The parts of a study's figures: what is drawn, and how each kind of it looks in its axes.

A regime has one colour and marker in every figure (Okabe and Ito's colours, as in `report`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manyicl.report.figures import COLOURS, WIDTH_INCHES
from manyicl.report.svg import STYLE
from manyicl.study.records import BASE, DEDICATED
from manyicl.study.regimes import TITLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colour, marker, line; the base and the dedicated models are grey and black: what is between them
# is what is compared.
LOOKS = {
    BASE: (COLOURS[0], "o", "--"),
    "zero_shot": (COLOURS[1], "s", "-"),
    "few_shot": (COLOURS[6], "^", "-"),
    "many_shot_last": (COLOURS[5], "v", "-"),
    "many_shot": (COLOURS[2], "D", "-"),
    "many_shot_symbols": (COLOURS[3], "P", "-"),
    "many_shot_mixed": (COLOURS[4], "X", "-"),
    DEDICATED: ("#1c1c1c", "*", ":"),
}
BANDED = (BASE, "many_shot", DEDICATED)
"""Only these show intervals where many lines cross; the tables have them all."""
LEGEND_COLUMNS = 4


@dataclass(frozen=True)
class PlotPoint:
    """One mean with its 95 % interval; `low` and `high` None where there is none."""

    x: float
    mean: float
    low: float | None = None
    high: float | None = None


Lines = Mapping[str, Sequence[PlotPoint]]
"""Points by regime."""


@dataclass(frozen=True)
class Level:
    """A horizontal line with a few words at its right end."""

    mean: float
    words: str


@dataclass(frozen=True)
class Mark:
    """One point of a scatter, hollow where `hollow`."""

    regime: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    hollow: bool = False
    words: str = ""


@dataclass(frozen=True)
class ChangePanel:
    """Changes of measures that share a unit: by measure and regime, as points without an x."""

    title: str
    unit: str
    scale: float
    """What a change is multiplied by to be in `unit`."""
    changes: Mapping[str, Mapping[str, PlotPoint]]
    judged: bool = True
    """Whether to the right is better."""


def draw_lines(ax: Axes, lines: Lines, scale: float) -> None:
    """Draw a line a regime: number of examples along x (by doublings), `scale` x the mean along y.

    `scale` brings values to the unit of the axis: 100 for scores in per cent, 1 for nats. Bands are
    intervals.
    """
    for regime in ordered(lines):
        points = lines[regime]
        colour, marker, dash = _look(regime)
        x = [_place(point.x) for point in points]
        ax.plot(
            x,
            [scale * point.mean for point in points],
            color=colour,
            marker=marker,
            linestyle=dash,
            linewidth=1.5,
            markersize=7 if marker == "*" else 4,
            zorder=3,
        )
        bounded = [p for p in points if p.low is not None and p.high is not None]
        if bounded and (regime in BANDED or len(lines) < 4):
            ax.fill_between(
                [_place(p.x) for p in bounded],
                [scale * (p.low or 0.0) for p in bounded],
                [scale * (p.high or 0.0) for p in bounded],
                color=colour,
                alpha=0.12,
                linewidth=0,
                zorder=1,
            )


def draw_levels(ax: Axes, levels: Sequence[Level], scale: float, height: float) -> None:
    """Draw levels across the axes at `scale` x their mean along y, words at the right, and fit y.

    `scale` as in `draw_lines`; `height` of the axes in inches, by which words keep apart.
    """
    if not levels:
        return
    for level in levels:
        ax.axhline(scale * level.mean, color="#1c1c1c", linewidth=0.8, linestyle=":", zorder=0)
    ax.margins(y=0.06)
    low, high = ax.get_ylim()
    low = min(low, *(scale * level.mean for level in levels))
    high = max(high, *(scale * level.mean for level in levels))
    margin = 0.03 * (high - low)
    ax.set_ylim(low - margin, high + margin)
    # Words need about 0.14 inches each: those too close are moved apart, upwards.
    step, last = 0.14 / height * (high - low), -math.inf
    for level in sorted(levels, key=lambda level: level.mean):
        last = max(scale * level.mean, last + step)
        ax.annotate(
            level.words,
            (1.0, last),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color="#444444",
            annotation_clip=False,
        )


def draw_changes(ax: Axes, panel: ChangePanel, regimes: Sequence[str]) -> None:
    """Draw a row a measure along y and a dot a regime: the change in the panel's unit along x."""
    rows = list(panel.changes)
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    ax.axvline(0, color="#777777", linewidth=0.9, zorder=1)
    span = 0.74
    for row, measure in enumerate(rows):
        for at, regime in enumerate(regimes):
            point = panel.changes[measure].get(regime)
            if point is None:
                continue
            colour, marker, _ = _look(regime)
            y = row + (at - (len(regimes) - 1) / 2) * span / max(len(regimes), 1)
            if point.low is not None and point.high is not None:
                ends = [panel.scale * point.low, panel.scale * point.high]
                ax.plot(ends, [y, y], color=colour, linewidth=1.1, zorder=2)
            ax.plot([panel.scale * point.mean], [y], marker=marker, color=colour, markersize=4)
        if row:
            ax.axhline(row - 0.5, color="#eeeeee", linewidth=0.7, zorder=0)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_title(panel.title)
    said = "to the right is better" if panel.judged else "neither way is clearly better"
    ax.set_xlabel(f"change in {panel.unit}: {said}")


def draw_mark(ax: Axes, mark: Mark) -> None:
    """Draw one point at its `x` as it is (a cost), its score `y` of [0, 1] in per cent along y."""
    colour, marker, _ = _look(mark.regime)
    if mark.low is not None and mark.high is not None:
        ends = [100 * mark.low, 100 * mark.high]
        ax.plot([mark.x, mark.x], ends, color=colour, linewidth=0.8, alpha=0.55, zorder=2)
    ax.plot(
        [mark.x],
        [100 * mark.y],
        linestyle="",
        marker=marker,
        color=colour,
        markerfacecolor="white" if mark.hollow else colour,
        markeredgewidth=1.3,
        markersize=9 if marker == "*" else 6,
        zorder=3,
    )
    if mark.words:
        ax.annotate(
            mark.words,
            (mark.x, 100 * mark.y),
            xytext=(6, -8),
            textcoords="offset points",
            fontsize=7,
            color="#444444",
        )


def examples_axis(ax: Axes, xs: Sequence[float], width: float) -> None:
    """Label the numbers of examples from the largest down, as many as there is room for."""
    places = {x: _place(x) for x in xs}
    low, high = min(places.values()), max(places.values())
    margin = max(0.035 * (high - low), 0.15)
    ax.set_xlim(low - margin, high + margin)
    apart = 0.3 / width * (high - low + 2 * margin)
    shown: list[float] = []
    for x in reversed(xs):
        if not shown or places[shown[-1]] - places[x] >= apart:
            shown.append(x)
    ax.set_xticks([places[x] for x in shown], [f"{x:g}" for x in shown])
    ax.set_xticks([], minor=True)


def log_axis(ax: Axes, xs: Sequence[float]) -> None:
    """Label 1, 2, 5 of every power of ten, or the powers alone where those were too many.

    Matplotlib's own labels of a log axis are formulas, which stay as they are typed in our SVG.
    """
    low, high = min(xs) / 1.7, max(xs) * 1.7
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 300 else (1,)
    ticks = [step * 10.0**power for power in powers for step in steps]
    ticks = [tick for tick in ticks if low <= tick <= high]
    ax.set_xlim(low, high)
    ax.set_xticks(ticks, [f"{tick:.0e}".replace("e+", "e").replace("e0", "e") for tick in ticks])
    ax.set_xticks([], minor=True)


def _place(examples: float) -> float:
    """Return where a number of examples stands: doublings are evenly spaced, 0 before 1."""
    return -1.0 if examples < 1 else math.log2(examples)


def _look(regime: str) -> tuple[str, str, str]:
    return LOOKS.get(regime, ("#8a6d3b", "h", "-"))


def ordered(found: Mapping[str, object]) -> list[str]:
    """Return the regimes in the order of `LOOKS`, unknown ones last."""
    return [r for r in LOOKS if r in found] + [r for r in found if r not in LOOKS]


def legend_of(figure: Figure, regimes: Sequence[str], *, line: bool = True) -> None:
    """Put the regimes' looks and titles at the top of the figure; markers alone without `line`."""
    from matplotlib.lines import Line2D

    handles = []
    for regime in regimes:
        colour, marker, dash = _look(regime)
        size = 7 if marker == "*" else 5
        handle = Line2D([], [], color=colour, marker=marker, markersize=size)
        handle.set(linestyle=dash if line else "None")
        handles.append(handle)
    figure.legend(
        handles,
        [TITLES.get(regime, regime) for regime in regimes],
        ncols=min(LEGEND_COLUMNS, len(regimes)),
        fontsize=8.5,
        loc="upper left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.1,
    )


def new_figure(height: float) -> Figure:
    """Return an empty figure as wide as the page, `height` inches high."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_INCHES, height))


def figure_style() -> AbstractContextManager[None]:
    """Return matplotlib's settings, for as long as a figure is drawn and rendered."""
    import matplotlib as mpl

    return mpl.rc_context(STYLE)


def curve_words(
    panels: Mapping[str, Lines], levels: Mapping[str, Sequence[Level]], scale: float
) -> str:
    """Return all means of lines and levels in words, times `scale` (see `draw_lines`)."""
    digits = 1 if scale == 100 else 3
    said = []
    for panel, lines in panels.items():
        for regime in ordered(lines):
            values = ", ".join(f"{scale * p.mean:.{digits}f} at {p.x:g}" for p in lines[regime])
            said.append(f"{panel}, {TITLES.get(regime, regime)}: {values}.")
        for level in levels.get(panel, ()):
            said.append(f"{panel}, level {level.words}: {scale * level.mean:.{digits}f}.")
    unit = "Scores in per cent" if scale == 100 else "Values"
    return f"{unit} at each number of examples. " + " ".join(said)


def change_words(panels: Sequence[ChangePanel]) -> str:
    """Return every change in its panel's unit, in words."""
    said = [
        f"{measure}, {TITLES.get(regime, regime)}: {panel.scale * point.mean:+.3g} {panel.unit}."
        for panel in panels
        for measure, found in panel.changes.items()
        for regime, point in found.items()
    ]
    return "Changes against the base. " + " ".join(said)
