"""The report's figures, each as an SVG element with a description in words.

Colours are Okabe and Ito's (distinct with every common colour blindness); markers and dashes differ
too, so the figures survive a black-and-white printer. Axes carry per cent where scores are shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from manyicl.evaluation.curves import mean_curve
from manyicl.evaluation.results import Results
from manyicl.report.comparison import Comparison
from manyicl.report.svg import STYLE, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 9.8
COLOURS = ("#6b6b6b", "#0072B2", "#D55E00", "#009E73", "#AA4499", "#56B4E9", "#E69F00")
MARKERS = "osD^vPX"
LEGEND_COLUMNS = 5
DASHES = ("--", "-", "-", "-", "-", "-", "-")


@dataclass(frozen=True)
class Point:
    """One k of one curve; all scores in [0, 1]."""

    num_shots: int
    mean: float
    low: float
    high: float
    chance: float | None


Curves = Mapping[str, Sequence[Point]]
"""Points by stage."""


def overview(found: Comparison) -> Markup:
    """Draw the mean over tasks, held-out and held-in tasks side by side."""
    panels: dict[str, Curves] = {}
    for held_out in found.sides:
        tasks = found.tasks(held_out=held_out)
        side = "Held-out" if held_out else "Held-in"
        alone = f"{side}: {tasks[0]}"
        title = f"{side} tasks (mean of {found.sized(held_out)})" if len(tasks) > 1 else alone
        panels[title] = _mean_curves(found, held_out)
    return _grid(panels, found, "overview", "Mean score by number of shots", columns=2, height=2.15)


def by_family(found: Comparison, held_out: bool) -> Markup:
    """Draw the mean over tasks of each family."""
    panels: dict[str, Curves] = {}
    for family in found.families:
        if found.tasks(held_out=held_out, family=family):
            panels[f"{family} ({found.sized(held_out, family)})"] = _mean_curves(
                found, held_out, family
            )
    side = "held-out" if held_out else "held-in"
    title = f"Mean score by family, {side} tasks"
    columns = 4 if len(panels) in (4, 7, 8) else 3
    return _grid(panels, found, f"family-{side}", title, columns=columns)


def by_task(found: Comparison, held_out: bool, family: str) -> Markup:
    """Draw every task of a family as a small panel, all on one scale."""
    panels: dict[str, Curves] = {}
    for task in found.tasks(held_out=held_out, family=family):
        curves: dict[str, list[Point]] = {}
        for score in sorted(found.scores, key=lambda score: score.num_shots):
            if score.task == task:
                curves.setdefault(score.stage, []).append(
                    Point(score.num_shots, score.mean, score.low, score.high, score.chance)
                )
        panels[task] = curves
    side = "held-out" if held_out else "held-in"
    return _grid(
        panels,
        found,
        f"tasks-{side}-{found.families.index(family)}",
        f"{family}: every {side} task",
        height=1.05,
        small=True,
    )


def loss_by_shot(runs: Mapping[str, Results]) -> Markup | None:
    """Draw the loss of the answer after k shots, at the start and the end of training."""
    curves = {
        f"{name}: {when}" if name else when: _finite(loss.get(key, []))
        for name, results in runs.items()
        for loss in [results.training.get("loss_by_shot", {})]
        for key, when in (("start", "start of training"), ("end", "end of training"))
    }
    return _lines(curves, "loss-by-shot", "Loss by shot", "shots before the answer")


def loss_curve(runs: Mapping[str, Results]) -> Markup | None:
    """Draw the training loss by optimizer step."""
    curves = {
        name or "training loss": _finite(results.training.get("loss_curve", []))
        for name, results in runs.items()
    }
    return _lines(curves, "loss-curve", "Training loss", "optimizer step", paired=False)


def _mean_curves(found: Comparison, held_out: bool, family: str | None = None) -> Curves:
    scores = [score for score in found.scores if family in (None, score.family)]
    curves: dict[str, list[Point]] = {}
    for point in mean_curve(scores, held_out=held_out):
        curves.setdefault(point.stage, []).append(
            Point(point.num_shots, point.mean, point.low, point.high, point.chance)
        )
    return curves


def _grid(
    panels: Mapping[str, Curves],
    found: Comparison,
    name: str,
    title: str,
    *,
    columns: int = 4,
    height: float = 1.55,
    small: bool = False,
) -> Markup:
    """Draw panels in rows, on one scale; `height` of each in inches.

    The places are computed here: matplotlib's own layout measures every text, which doubles the
    time of a page with many tasks.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    titles = [_wrapped(panel) if small else panel for panel in panels]
    left, gap = 0.55, 0.18
    over, under = 0.12 + 0.14 * max(text.count("\n") + 1 for text in titles), 0.5
    legend = 0.12 + 0.2 * math.ceil((len(found.stages) + 1) / LEGEND_COLUMNS)
    width = (WIDTH_INCHES - left - gap * columns) / columns
    total = legend + math.ceil(len(panels) / columns) * (over + height + under)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, total))
        axes: list[Axes] = []
        for at, curves in enumerate(panels.values()):
            row, column = divmod(at, columns)
            x, y = left + column * (width + gap), total - legend
            y -= (row + 1) * (over + height) + row * under
            box = (x / WIDTH_INCHES, y / total, width / WIDTH_INCHES, height / total)
            ax = figure.add_axes(box, sharey=axes[0] if axes else None)
            axes.append(ax)
            _draw_panel(ax, curves, found, small)
            ax.set_title(titles[at], fontsize=7.5 if small else None)
            ax.tick_params(labelleft=column == 0)
            if column == 0:
                ax.set_ylabel("score, %")
            if at + columns >= len(panels):
                ax.set_xlabel("shots")
        axes[0].set_ylim(*_limits(panels))
        axes[0].yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
        _legend(figure, axes, loc="upper left", bbox_to_anchor=(0, 1))
        return svg(figure, name, title, _in_words(panels, found))


def _draw_panel(ax: Axes, curves: Curves, found: Comparison, small: bool) -> None:
    place = {k: at for at, k in enumerate(found.num_shots)}  # evenly spaced, however k grows
    alone = len(place) == 1
    chance = {
        place[point.num_shots]: point.chance
        for points in curves.values()
        for point in points
        if point.chance is not None
    }
    if chance:
        level = [chance[at] for at in sorted(chance)]
        ax.plot(
            [-0.3, *sorted(chance), len(place) - 0.7],
            [level[0], *level, level[-1]],
            color="#b0b0b0",
            linewidth=0.9,
            linestyle=":",
            label="chance",
        )
    for at, stage in enumerate(found.stages):
        points = curves.get(stage, [])
        if not points:
            continue
        colour = COLOURS[at % len(COLOURS)]
        # One k has no curve: the stages stand side by side, with bars for intervals.
        shift = (at - (len(found.stages) - 1) / 2) * 0.15 if alone else 0.0
        x = [place[point.num_shots] + shift for point in points]
        y = [point.mean for point in points]
        low, high = [point.low for point in points], [point.high for point in points]
        ax.plot(
            x,
            y,
            color=colour,
            linestyle=DASHES[at % len(DASHES)],
            marker=MARKERS[at % len(MARKERS)],
            markersize=3 if small else 4.5,
            linewidth=1.3 if small else 1.8,
            label=found.label(stage),
            zorder=3,
        )
        if alone:
            ax.vlines(x, low, high, color=colour, linewidth=1.2, zorder=2)
        else:
            ax.fill_between(
                x,
                low,
                high,
                color=colour,
                alpha=0.16 if len(found.stages) < 3 else 0.1,
                linewidth=0,
                zorder=1,
            )
    # Ticks are labelled from the largest k down, as many as there is room for.
    step = math.ceil(len(place) / (7 if small else 12))
    ticks = range(len(place) - 1, -1, -step)
    ax.set_xticks(list(ticks), [str(found.num_shots[at]) for at in ticks])
    ax.set_xlim(-0.3, len(place) - 0.7)


def _limits(panels: Mapping[str, Curves]) -> tuple[float, float]:
    points = [p for curves in panels.values() for points in curves.values() for p in points]
    low = min(min(p.low, p.mean, 1 if p.chance is None else p.chance) for p in points)
    high = max(max(p.high, p.mean, p.chance or 0) for p in points)
    margin = max(0.05 * (high - low), 0.01)
    return max(0.0, low - margin) if low > 0.25 else -0.01, min(1.01, high + margin)


def _legend(figure: Figure, axes: Iterable[Axes], **place: Any) -> None:
    handles: dict[str, Any] = {}
    for ax in axes:  # a stage or the chance level may be missing in some panels
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    labels = sorted(handles, key=lambda label: label == "chance")
    figure.legend(
        [handles[label] for label in labels],
        labels,
        ncols=min(LEGEND_COLUMNS, len(labels)),
        fontsize=9,
        **place,
    )


def _lines(
    curves: Mapping[str, list[tuple[float, float]]],
    name: str,
    title: str,
    xlabel: str,
    paired: bool = True,
) -> Markup | None:
    """Draw plain curves; `paired`: they come as start, end, start, end of one run after another."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    if not any(curves.values()):
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 3.2), layout="constrained")
        ax = figure.subplots()
        for at, (label, points) in enumerate(curves.items()):
            if not points:
                continue
            x, y = zip(*points, strict=True)
            run = at // 2 if paired else at
            colour = COLOURS[1 + run % (len(COLOURS) - 1)]
            first = paired and at % 2 == 0
            ax.plot(
                x,
                y,
                color=COLOURS[0] if first and len(curves) == 2 else colour,
                linestyle="--" if first else "-",
                marker="o" if len(points) < 40 else "",
                markersize=3,
                linewidth=1.4,
                label=label,
            )
        ax.set_xlabel(xlabel)
        ax.set_ylabel("loss, nats per supervised token")
        if len(curves) > 1:
            _legend(figure, [ax], loc="outside upper left")
        words = [
            f"{label}: {points[0][1]:.3f} at {points[0][0]:g}, {points[-1][1]:.3f} at "
            f"{points[-1][0]:g}."
            for label, points in curves.items()
            if points
        ]
        return svg(figure, name, title, " ".join(words))


def _finite(points: Sequence[Sequence[float | None]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if x is not None and y is not None]


def _wrapped(name: str, width: int = 27) -> str:
    """Break a long task name into lines at an underscore or space."""
    lines = [""]
    for part in name.replace("_", "_ ").split(" "):
        glue = "" if not lines[-1] or lines[-1].endswith("_") else " "
        if lines[-1] and len(lines[-1] + glue + part) > width:
            lines.append(part)
        else:
            lines[-1] += glue + part
    return "\n".join(lines)


def _in_words(panels: Mapping[str, Curves], found: Comparison) -> str:
    said = []
    for panel, curves in panels.items():
        for stage, points in curves.items():
            values = ", ".join(f"{100 * p.mean:.1f} at {p.num_shots}" for p in points)
            said.append(f"{panel}, {found.label(stage)}: {values}.")
    return "Scores in per cent at each number of shots. " + " ".join(said)
