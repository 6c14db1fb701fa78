"""The learning curve of a pre-training as an SVG file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from manyicl.report import figures
from manyicl.report.svg import PLAIN_STYLE, svg_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (*figures.COLOURS[1:], figures.COLOURS[0])  # grey, a report's first, is the last here
DASHES = ("-", "--", ":")
COPIES = ("first_copy", "second_copy")
STYLE: dict[Any, Any] = PLAIN_STYLE | {"legend.fontsize": 7.5, "lines.linewidth": 1.3}
Curves = Mapping[str, Sequence[Sequence[float]]]


def learning_curve_svg(
    curve: Mapping[str, Curves], stages: Sequence[tuple[str, int]] = ()
) -> str | None:
    """Draw training loss, induction probe and fuzzy probes over tokens; None if nothing was logged.

    `curve`: see `measure.learning_curve`. `stages`: name and tokens of each, in order; the grey
    lines stand where one begins.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    probes = curve["probes"]
    if not curve["losses"] and not probes:
        return None
    copies = {name: probes[name] for name in COPIES if name in probes}
    fuzzy = {name: points for name, points in probes.items() if name not in COPIES}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.6), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        _draw(left, curve["losses"], "Training loss by kind of row", "nats a settled token")
        _draw(middle, copies, "Repeated random blocks", "nats a token")
        _draw(right, fuzzy, "Answers found in the context", "right, share of tokens")
        right.set_ylim(-0.02, 1.02)
        for ax in (left, middle, right):
            begin = 0
            for _, tokens in stages[:-1]:
                begin += tokens
                ax.axvline(begin / 1e6, color="#b0b0b0", linewidth=0.7, zorder=0)
            ax.set_xlabel("million tokens")
        return svg_file(figure)


def _draw(ax: Axes, curves: Curves, title: str, ylabel: str) -> None:
    ax.set_title(title, loc="left", fontsize=9.5)
    ax.set_ylabel(ylabel)
    for at, (name, points) in enumerate(curves.items()):
        x, y = [tokens / 1e6 for tokens, _ in points], [value for _, value in points]
        dash = DASHES[at // len(COLOURS) % len(DASHES)]
        few = "o" if len(points) < 3 else None
        ax.plot(x, y, dash, color=COLOURS[at % len(COLOURS)], marker=few, markersize=3, label=name)
    if curves:
        ax.legend()
