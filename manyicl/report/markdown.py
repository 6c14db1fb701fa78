"""The k-shot table as Markdown, for model cards."""

from __future__ import annotations

from manyicl.evaluation.curves import mean_curve
from manyicl.evaluation.results import Results
from manyicl.report.numbers import percent


def kshot_markdown(results: Results) -> str:
    """Return mean scores (%) by side, family and stage, one column a k."""
    shots = results.num_shots
    lines = [
        "Mean over tasks of each task's main metric, in percent.",
        "",
        "| tasks | family | model | " + " | ".join(f"k={k}" for k in shots) + " |",
        "|---|---|---|" + "--:|" * len(shots),
    ]
    for held_out in (True, False):
        points = mean_curve(results.scores, held_out=held_out)
        points += mean_curve(results.scores, by="family", held_out=held_out)
        rows: dict[tuple[str, str, int], dict[int, str]] = {}
        for point in points:
            key = (point.family or "all", point.stage, point.num_tasks)
            rows.setdefault(key, {})[point.num_shots] = percent(point.mean)
        side = "held-out" if held_out else "held-in"
        for (family, stage, number), cells in rows.items():
            values = " | ".join(cells.get(k, "") for k in shots)
            lines.append(f"| {side} ({number}) | {family} | {stage} | {values} |")
    return "\n".join(lines)
