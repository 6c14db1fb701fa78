"""Advice in words: the recommendation, what each finding rests on, and the table of the curve."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from manyicl.config import NANO
from manyicl.models import shipped
from manyicl.report.numbers import change, count, duration, percent, plural, shots
from manyicl.study.advice.dedicated_outlook import Outlook
from manyicl.study.advice.rules import ENOUGH_QUERIES, Effect, Estimate
from manyicl.study.regimes import TITLES
from manyicl.tasks.collection import BUILTIN

if TYPE_CHECKING:
    from rich.table import Table

    from manyicl.study.advice.advise import Advice


def recommendation(advice: Advice) -> str:
    """Return what to do, in one to three sentences."""
    return " ".join(part for part in (_prompt(advice), _more(advice), _dedicated(advice)) if part)


def findings(advice: Advice) -> list[tuple[str, str]]:
    """Return (question, what was found) for shots, similarity and dedicated fine-tuning."""
    found = []
    if not advice.refusal:
        found.append(("more shots", _more_finding(advice)))
        found.append(("similar shots", _similar_finding(advice)))
    found.append(("dedicated fine-tune", _dedicated_finding(advice)))
    return found


def notes(advice: Advice) -> list[str]:
    """Return what the numbers rest on, and what was left out."""
    said = []
    if advice.curve:
        said.append(
            f"Measured on {plural(advice.num_queries, 'query', 'queries')} set aside from the "
            f"train rows, with {plural(advice.num_seeds, 'draw')} of random shots. The test rows "
            "were not opened."
        )
        if advice.num_queries < ENOUGH_QUERIES:
            said.append(
                f"With fewer than {ENOUGH_QUERIES} queries it never says that something does "
                "not help."
            )
    if advice.too_long:
        said.append(
            f"{plural(advice.too_long, 'train row')} passed over as queries: too long for the "
            "context."
        )
    if advice.metric and advice.metric != advice.task_metric:
        said.append(
            f"Scores are {advice.metric}, not {advice.task_metric}, which is no mean over queries "
            "and cannot be paired."
        )
    outlook = advice.dedicated
    if outlook and outlook.missing:
        said.append(
            f"The study is not complete: {plural(outlook.missing, 'cell')} did not run yet, or "
            "failed."
        )
    if outlook and outlook.same_model is False:
        said.append(
            f"The study is of another model ({outlook.study_model}; yours began as "
            f"{advice.base}): what it says of dedicated fine-tuning may not hold for yours."
        )
    elif outlook and outlook.same_model is None:
        said.append("The study does not say which model it began with; it may be another one.")
    return said


def curve_table(advice: Advice) -> Table:
    """Return the measured curve as a rich table: a line a k, random and similar side by side."""
    from rich.table import Table

    table = Table(title=f"{advice.task}: {advice.metric} in %, [95 % interval]")
    for name in ("shots", "random", "similar", "tokens a prompt"):
        table.add_column(name, justify="right")
    similar = {point.num_shots: point for point in advice.curve if point.selection == "similar"}
    for point in advice.curve:
        if point.selection == "random":
            other = similar.get(point.num_shots)
            beside = ""
            if other is not None:
                beside = _score(other.score)
                if other.effective_shots < other.num_shots:
                    beside += f" ({shots(other.effective_shots)} fit)"
            tokens = count(round(point.prompt_tokens))
            table.add_row(str(point.num_shots), _score(point.score), beside, tokens)
    return table


def levels(advice: Advice) -> str:
    """Return the scores of guessing."""
    said = [f"always the most frequent answer: {percent(advice.majority or 0)} %"]
    if advice.chance is not None:
        said.append(f"chance: {percent(advice.chance)} %")
    return "; ".join(said)


def train_command(advice: Advice) -> str:
    """Return the command of a dedicated fine-tune, on this task, of the model's base."""
    tasks = [f"tasks.path=[{advice.folder or BUILTIN}]", f"tasks.held_in=[{advice.task}]"]
    base = NANO if shipped.is_nano(advice.base) else advice.base
    more = [*tasks, f"model.path={base}", f"run_dir=runs/{advice.task}_dedicated"]
    return " ".join(["manyicl train regime=dedicated", *map(shlex.quote, more)])


# --- the recommendation --------------------------------------------------------------------------


def _prompt(advice: Advice) -> str:
    if advice.refusal:
        return f"Cannot tell about shots: {advice.refusal}."
    choice = advice.choice
    assert choice is not None
    level = percent(max(advice.majority or 0, advice.chance or 0))
    if advice.does_task == "no":
        return (
            "The model does not do this task at any number of shots, as far as "
            f"{plural(advice.num_queries, 'query', 'queries')} show: no score is clearly above the "
            f"{level} % of guessing. Only a dedicated fine-tune can help."
        )
    if advice.does_task == "cannot_tell":
        best = f"{plural(choice.num_shots, f'{choice.selection} shot')}, {_score(choice.score)}"
        return (
            f"Cannot tell whether the model does this task: on {advice.num_queries} queries no "
            f"score is clearly above the {level} % of guessing. Best so far: {best}. Measure more "
            "queries (--queries), if the task has them."
        )
    more = f", {_points(choice.over_random)} over random" if choice.over_random else ""
    use = (
        f"Use {choice.num_shots} {choice.selection} shots (expected {_score(choice.score)}{more})."
    )
    if choice.num_shots == 0:
        use = f"Show no examples (expected {_score(choice.score)}): more shots score no better."
    elif choice.num_shots == 1:
        use = use.replace("shots", "shot", 1)
    return use


def _more(advice: Advice) -> str:
    effect = advice.more_shots
    if advice.refusal or advice.does_task != "yes" or effect is None:
        return ""
    if effect.verdict != "yes" or effect.gain is None:
        return ""
    last = f"{_points(effect.gain)} from {effect.against} to {effect.num_shots}"
    return f"Add shots: the last doubling gained {last}. {_way_to_more(advice, effect)}"


def _dedicated(advice: Advice) -> str:
    outlook, rows = advice.dedicated, f"{advice.rows:,} rows"
    if outlook is None:
        return "A dedicated fine-tune: cannot tell what it would gain without a study (--study)."
    if outlook.nearest is None:
        return f"A dedicated fine-tune: cannot tell ({outlook.reason})."
    title = TITLES.get(outlook.reference, outlook.reference)
    over = f"over {title} with {outlook.reference_shots} shots in the study"
    expected = f"{_points(outlook.nearest.gain)} {over}"
    other = " (numbers of another model)" if outlook.same_model is False else ""
    if outlook.verdict == "yes":
        return f"A dedicated fine-tune on your {rows} is worth trying: it gained {expected}{other}."
    if outlook.verdict == "no":
        return f"A dedicated fine-tune on your {rows} is not worth it: it gained {expected}{other}."
    size = outlook.nearest.pool_size
    return (
        f"A dedicated fine-tune on your {rows}: cannot tell; on {size:,} rows it gained "
        f"{expected}{other}."
    )


# --- findings ------------------------------------------------------------------------------------


def _more_finding(advice: Advice) -> str:
    effect = advice.more_shots
    assert effect is not None
    if effect.gain is None:
        return "cannot tell: no two numbers of shots could be compared"
    gained = f"{_points(effect.gain)} from {effect.against} to {effect.num_shots}"
    gained += f" {effect.selection} shots"
    room = f"pool: {advice.pool_rows:,} rows; context and pool hold {advice.context_shots:,} shots"
    if effect.verdict == "yes":
        return f"yes: {gained}. {room}. {_way_to_more(advice, effect)}"
    if effect.verdict == "no":
        return f"no longer help: {gained}. {room}."
    return f"cannot tell: {gained}. {_needed(advice, effect)} {room}."


def _way_to_more(advice: Advice, effect: Effect) -> str:
    if advice.context_shots >= 2 * effect.num_shots:
        return "Measure further with a higher --max-shots."
    if advice.pool_rows >= 2 * effect.num_shots:
        return "A longer context would hold more of your rows."
    return "Collecting more examples is worth it."


def _similar_finding(advice: Advice) -> str:
    effect = advice.similar
    assert effect is not None
    if effect.gain is None:
        return "cannot tell: no shots could be compared"
    said = f"{_points(effect.gain)} over random at {effect.num_shots} shots"
    cost = _cost_of_similar(advice, effect)
    if effect.verdict == "yes":
        return f"yes: {said}. {cost}"
    if effect.verdict == "no":
        return f"no gain: {said}."
    return f"cannot tell: {said}. {_needed(advice, effect)} {cost}"


def _cost_of_similar(advice: Advice, effect: Effect) -> str:
    tokens = {(point.selection, point.num_shots): point.prompt_tokens for point in advice.curve}
    choice = advice.choice
    k = choice.num_shots if choice and choice.selection == "similar" else effect.num_shots
    return (
        f"Cost: with {k}, {count(round(tokens['similar', k]))} tokens are computed for every "
        f"query; random shots are computed once, then about {count(round(tokens['random', 0]))} a "
        "query."
    )


def _needed(advice: Advice, effect: Effect) -> str:
    needed = effect.queries_needed or 0
    said = f"About {needed:,} queries (--queries) would settle it, fewer with more --seeds"
    if advice.rows < 4 * needed:
        return f"{said}: {4 * needed:,} train rows; you have {advice.rows:,}."
    return said + "."


def _dedicated_finding(advice: Advice) -> str:
    outlook = advice.dedicated
    if outlook is None:
        return (
            "cannot tell without a study of the same base model (--study RESULTS; 'manyicl study' "
            f"makes one). Or try it: {train_command(advice)}"
        )
    if outlook.nearest is None:
        return f"cannot tell: {outlook.reason}"
    nearest = outlook.nearest
    word = {"yes": "yes", "no": "no gain", "cannot_tell": "cannot tell"}[outlook.verdict]
    title = TITLES.get(outlook.reference, outlook.reference)
    return (
        f"{word}: {_points(nearest.gain)} over {title} with {outlook.reference_shots} shots, by "
        f"{plural(nearest.num_tasks, 'held-out task')} of {outlook.among} in the study, each with "
        f"{nearest.pool_size:,} rows (you have {advice.rows:,}); the dedicated models scored "
        f"{percent(nearest.score.value)} %. Cost: {count(round(nearest.tokens))} training tokens, "
        f"{duration(nearest.seconds)}, search included.{_by_pool(outlook)}"
    )


def _by_pool(outlook: Outlook) -> str:
    if len(outlook.curve) < 2:
        return ""
    points = ", ".join(f"{p.pool_size:,} rows {change(p.gain.value)}" for p in outlook.curve)
    return f" By number of rows, each over the tasks that have so many: {points}."


# --- numbers -------------------------------------------------------------------------------------


def _points(estimate: Estimate) -> str:
    low, high = change(estimate.low), change(estimate.high)
    return f"{change(estimate.value)} points [{low}, {high}]"


def _score(estimate: Estimate) -> str:
    low, high = (percent(min(max(end, 0.0), 1.0)) for end in (estimate.low, estimate.high))
    return f"{percent(estimate.value)} % [{low}, {high}]"
