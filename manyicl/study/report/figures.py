"""The figures of a study's page; what they draw comes from `panels.py` as plain points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from manyicl.report.figures import WIDTH_INCHES
from manyicl.report.svg import svg
from manyicl.study.regimes import TITLES
from manyicl.study.report.drawing import (
    LEGEND_COLUMNS,
    LOOKS,
    ChangePanel,
    Level,
    Lines,
    Mark,
    change_words,
    curve_words,
    draw_changes,
    draw_levels,
    draw_lines,
    draw_mark,
    examples_axis,
    figure_style,
    legend_of,
    log_axis,
    new_figure,
    ordered,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curves(
    panels: Mapping[str, Lines],
    name: str,
    title: str,
    *,
    xlabel: str = "shots",
    ylabel: str = "score, %",
    scale: float = 100.0,
    columns: int = 2,
    height: float = 2.6,
    levels: Mapping[str, Sequence[Level]] | None = None,
    shared: bool = True,
) -> Markup:
    """Draw curves over a number of examples (0, then by doublings), panels on one scale."""
    columns = min(columns, len(panels))
    levels = levels or {}
    xs = sorted({point.x for lines in panels.values() for p in lines.values() for point in p})
    # Room at the right of each panel for the words of its levels.
    room = 1.05 if any(levels.values()) else 0.12
    left, gap, under, over = 0.55, 0.15, 0.5, 0.3
    regimes = ordered({regime: 0 for lines in panels.values() for regime in lines})
    legend = 0.1 + 0.2 * math.ceil(len(regimes) / LEGEND_COLUMNS)
    rows = math.ceil(len(panels) / columns)
    total = legend + rows * (over + height + under)
    inner = left if not shared else 0.0
    width = (WIDTH_INCHES - left - columns * room - (columns - 1) * (gap + inner)) / columns
    width = min(width, 6.2)
    with figure_style():
        figure = new_figure(total)
        first: Axes | None = None
        for at, (panel, lines) in enumerate(panels.items()):
            row, column = divmod(at, columns)
            x = left + column * (width + gap + room + inner)
            y = total - legend - (row + 1) * (over + height) - row * under
            box = (x / WIDTH_INCHES, y / total, width / WIDTH_INCHES, height / total)
            ax = figure.add_axes(box, sharey=first if shared else None)
            first = first or ax
            draw_lines(ax, lines, scale)
            draw_levels(ax, levels.get(panel, ()), scale, height)
            examples_axis(ax, xs, width)
            ax.set_title(panel)
            ax.tick_params(labelleft=column == 0 or not shared)
            if column == 0:
                ax.set_ylabel(ylabel)
            if at + columns >= len(panels):
                ax.set_xlabel(xlabel)
        legend_of(figure, regimes)
        return svg(figure, name, title, curve_words(panels, levels, scale))


def changes(panels: Sequence[ChangePanel], name: str, title: str) -> Markup:
    """Draw each measure's change against the base, one dot a regime; right is better."""
    regimes = [
        regime
        for regime in LOOKS
        if any(regime in found for panel in panels for found in panel.changes.values())
    ]
    each = max(0.26, 0.075 * len(regimes) + 0.1)
    heights = [each * len(panel.changes) for panel in panels]
    over, under, left = 0.32, 0.5, 2.1
    legend = 0.1 + 0.2 * math.ceil(len(regimes) / LEGEND_COLUMNS)
    total = legend + sum(heights) + len(panels) * (over + under)
    y = total - legend
    with figure_style():
        figure = new_figure(total)
        for panel, height in zip(panels, heights, strict=True):
            y -= over + height
            box = (
                left / WIDTH_INCHES,
                y / total,
                (WIDTH_INCHES - left - 0.15) / WIDTH_INCHES,
                height / total,
            )
            y -= under
            draw_changes(figure.add_axes(box), panel, regimes)
        legend_of(figure, regimes)
        return svg(figure, name, title, change_words(panels))


def scatter(
    panels: Mapping[str, tuple[str, Sequence[Mark]]],
    levels: Sequence[Level],
    name: str,
    title: str,
) -> Markup:
    """Draw score (y, in [0, 1]) against a cost (x, log); `panels`: title -> axis label, marks."""
    regimes = [
        r for r in LOOKS if any(m.regime == r for _, marks in panels.values() for m in marks)
    ]
    left, gap, room, over, under, height = 0.55, 0.15, 0.55, 0.3, 0.5, 2.9
    legend = 0.1 + 0.2 * math.ceil(len(regimes) / LEGEND_COLUMNS)
    total = legend + over + height + under
    columns = max(2, len(panels))
    width = (WIDTH_INCHES - left - columns * room - (columns - 1) * gap) / columns
    with figure_style():
        figure = new_figure(total)
        first: Axes | None = None
        for at, (panel, (xlabel, marks)) in enumerate(panels.items()):
            x = left + at * (width + gap + room)
            box = (x / WIDTH_INCHES, under / total, width / WIDTH_INCHES, height / total)
            ax = figure.add_axes(box, sharey=first)
            first = first or ax
            ax.set_xscale("log")
            for mark in marks:
                draw_mark(ax, mark)
            draw_levels(ax, levels, 100.0, height)
            ax.set_title(panel)
            ax.set_xlabel(xlabel)
            ax.tick_params(labelleft=at == 0)
            if at == 0:
                ax.set_ylabel("score, %")
            log_axis(ax, [mark.x for mark in marks])
        legend_of(figure, regimes, line=False)
        words = "; ".join(
            f"{panel}, {TITLES.get(m.regime, m.regime)}{' ' * bool(m.words)}{m.words}: "
            f"{100 * m.y:.1f} at {m.x:.3g}"
            for panel, (_, marks) in panels.items()
            for m in marks
        )
        return svg(figure, name, title, f"Scores in per cent by cost. {words}.")
