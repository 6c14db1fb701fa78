"""Matplotlib figures as SVG that may stand in a page: same bytes each time, ids of their own.

Text stays text (it can be searched, copied and read aloud) and takes the page's font.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLAIN_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "manyicl",  # the same bytes each time
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "legend.frameon": False,
}
"""Matplotlib settings that every figure shares, on a page or in a file of its own."""
STYLE: dict[Any, Any] = PLAIN_STYLE | {
    "text.parse_math": False,  # a task may have a dollar sign in its name
    "font.family": "DejaVu Sans",  # comes with matplotlib: the layout is the same everywhere
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 6,
    "axes.titlecolor": "#222222",
    "axes.labelcolor": "#444444",
    "axes.edgecolor": "#999999",
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.grid.axis": "y",
    "grid.linewidth": 0.7,
    "xtick.color": "#999999",
    "ytick.color": "#999999",
    "xtick.labelcolor": "#444444",
    "ytick.labelcolor": "#444444",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
}
"""Matplotlib settings of the pages' figures; to be used while drawing and rendering."""


def svg_file(figure: Figure) -> str:
    """Return the figure as an SVG file, the same bytes each time under `PLAIN_STYLE`."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def svg(figure: Figure, name: str, title: str, description: str) -> Markup:
    """Return the figure as one `<svg>` element, its ids beginning with `name`.

    `title` and `description` are what a screen reader says instead.
    """
    drawing = svg_file(figure)
    box = re.search(r'viewBox="([^"]*)"', drawing)
    body = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
    if box is None or body is None:
        raise RuntimeError("matplotlib wrote no svg element")
    width = float(box[1].split()[2])
    head = (
        f'<svg class="figure" role="img" viewBox="{box[1]}" style="max-width:{width:.0f}pt" '
        f'aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>'
    )
    return Markup(head + _tidy(body[1], name) + "</svg>")


def standalone(figure: str) -> str:
    """Return a figure of `svg` as a file of its own, for pages that take pictures (a README)."""
    head, _, rest = str(figure).partition(">")  # Markup would escape what is put in below
    box = [float(number) for number in re.findall(r'viewBox="([^"]*)"', head)[0].split()]
    head = re.sub(r' (class|style)="[^"]*"', "", head)
    size = f'width="{box[2]:.0f}pt" height="{box[3]:.0f}pt"'
    look = 'font-family="DejaVu Sans, Verdana, sans-serif" stroke-linejoin="round"'
    paper = f'<rect width="{box[2]:g}" height="{box[3]:g}" fill="#ffffff"/>'
    head = head.replace("<svg", f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look}', 1)
    # The title comes first in an SVG file, the ground before all that is drawn on it.
    return f"{head}>{rest.replace('</desc>', f'</desc>{paper}', 1)}\n"


def _tidy(body: str, name: str) -> str:
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # Matplotlib's style sheet would hold for the whole page, which has its own for figures.
    body = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    body = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", body)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'(url\(|href=")#', rf"\1#{name}-", body)
    return re.sub(r"\s*\n\s*", "\n", body)
