"""Which tasks' answers were cut short, so that a low score may be one of the limit."""

from __future__ import annotations

from manyicl.errors import listing
from manyicl.report.comparison import Comparison
from manyicl.report.numbers import percent

WORTH_SAYING = 0.1  # of a task's answers


def cut_note(found: Comparison) -> str:
    """Name the tasks of which a tenth of the answers or more were cut, by the most shots.

    With few shots a model may not know how long an answer is, so those do not count. Empty where
    none was.
    """
    worst: dict[str, tuple[float, str]] = {}
    for score in found.scores:
        if score.num_shots == found.num_shots[-1] and score.cut >= WORTH_SAYING:
            worst[score.task] = max(
                worst.get(score.task, (0.0, "")), (score.cut, found.label(score.stage))
            )
    if not worst:
        return ""
    said = [
        f"{task} ({percent(share)} %, {stage})" for task, (share, stage) in sorted(worst.items())
    ]
    return (
        "Answers that reached evaluation.max_new_tokens before they ended, with the most shots: "
        f"{listing(said)}. Their scores may be those of the limit."
    )
