"""The card of a built-in task: what it is, how simple methods do on it, one example.

`facts` are its lines for a terminal, `card` is the README.md of an exported task folder.
"""

from __future__ import annotations

from manyicl.errors import listing
from manyicl.tasks.builtin.baselines import NUM_FIT, NUM_QUERIES, baselines_of
from manyicl.tasks.builtin.registry import task_generators
from manyicl.tasks.builtin.split import is_builtin, side_of
from manyicl.tasks.task import Task

SIDE_WORDS = {"held_in": "held in", "held_out": "held out"}
MOST_LABELS = 20


def facts(task: Task) -> list[tuple[str, str]]:
    """Return (title, text) of what is known of a built-in task beyond its metadata.

    Empty for other tasks. Reads the rows: baselines are told for exactly the measured ones.
    """
    if not is_builtin(task):
        return []
    side = SIDE_WORDS[side_of(task) or "held_in"]
    found = [("side of the fixed split", f"{side}, with its whole group (builtin:{side_of(task)})")]
    about = next((each.about for each in task_generators() if each.name == task.name), "")
    if about:
        found.append(("about", about))
    baselines = baselines_of(task)
    if baselines is None:
        return [*found, ("baselines", "not measured on these rows")]
    found.append(("mean input", f"{baselines.input_words:g} words"))
    scores = [f"{name} {score:.3f}" for name, score in baselines.scores().items()]
    return [*found, (f"baselines ({task.metric})", ", ".join(scores))]


def card(task: Task) -> str:
    """Return the card of a built-in task in Markdown."""
    lines = [f"# {task.name}", "", task.instruction, "", "| | |", "|---|---|"]
    kind = ", ".join(dict.fromkeys((task.family, task.kind)))
    own = [("family, kind", kind), ("group", task.group), ("metric", task.metric)]
    if task.labels:
        own.append((f"labels ({len(task.labels)})", listing(list(task.labels), MOST_LABELS)))
    source = ", ".join(f"{key} {value}" for key, value in task.source.items())
    for title, text in [*own, *facts(task), ("source", source)]:
        lines.append(f"| {title} | {text} |")
    example = task.train[0]
    shown = f"{example.input}\n=> {example.target}"
    lines += ["", "The first train row:", "", *(f"    {line}" for line in shown.split("\n")), ""]
    lines += [
        f"Baselines, where measured, are scored on {NUM_QUERIES} test rows: the best constant "
        f"answer, logistic regression on the TF-IDF of {NUM_FIT} train rows (closed labels), and "
        "the answer of the nearest of 64 or 32 train rows by BM25, mean over five sets of them.",
        "",
    ]
    return "\n".join(lines)
