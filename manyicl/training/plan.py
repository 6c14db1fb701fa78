"""The plan of a run: every row it will compute, drawn before training starts.

Row i is therefore the same whether or not the run was interrupted, and resuming is a jump rather
than a replay. How long a run is can be said in steps, epochs, tokens run through the model, or
answers that carry loss; the last two make runs of different regimes equal in cost or supervision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from manyicl.config import Config, ObjectiveConfig
from manyicl.episodes import Episode, EpisodeStream, pack
from manyicl.errors import ConfigError, EpisodeError
from manyicl.training.objective import num_supervised_answers

Plan = list[list[Episode]]
"""Rows of episodes."""

BARREN = 1000  # sequences without a supervised answer after which no more are drawn


def plan_rows(stream: EpisodeStream, config: Config) -> Plan:
    """Draw every row of the run: so many steps, epochs, tokens or answers (`TrainingConfig`).

    With `training.tokens` the run ends at the row that comes nearest to so many tokens; with
    `training.answers` at exactly so many answers, the last row holding what is left. The last step
    may then have fewer rows than the others.

    Raises `EpisodeError` if the objective leaves the whole run without a target.
    """
    training, episodes = config.training, config.episodes
    rows: Iterator[list[Episode]] = pack(stream, episodes.max_tokens, share_rows=episodes.packing)
    if training.tokens:
        plan = _rows_of_tokens(rows, training.tokens)
    elif training.answers:
        plan = _rows_of_answers(rows, training.answers, stream, config.objective)
    elif training.steps:
        plan = [next(rows) for _ in range(training.steps * training.rows_per_step)]
    else:
        plan, shown = [], 0
        wanted = training.epochs * stream.num_rows
        while shown < wanted or len(plan) % training.rows_per_step:
            plan.append(next(rows))
            shown += sum(len(episode.rows) for episode in plan[-1])
    _check_supervised(plan, config)
    return plan


def num_steps(num_rows: int, rows_per_step: int) -> int:
    """Return the optimizer steps of so many rows; the last one may have fewer.

    >>> num_steps(9, 4)
    3
    """
    return -(-num_rows // rows_per_step)


def num_tokens(row: list[Episode]) -> int:
    return sum(episode.num_tokens for episode in row)


def demonstrations_by_task(plan: Plan, stream: EpisodeStream) -> Counter[str]:
    """Return how many demonstrations of each task the run shows.

    The stream itself counts a few more: packing draws ahead of the plan's last row.
    """
    shown: Counter[str] = Counter()
    for episode in chain.from_iterable(plan):
        shown[stream.pools[episode.task].task.name] += len(episode.rows)
    return shown


def _rows_of_tokens(rows: Iterator[list[Episode]], wanted: int) -> Plan:
    plan, used = [], 0
    while used < wanted:
        plan.append(next(rows))
        used += num_tokens(plan[-1])
    last = num_tokens(plan[-1])
    if len(plan) > 1 and used - wanted > wanted - (used - last):
        plan.pop()
    return plan


def _rows_of_answers(
    rows: Iterator[list[Episode]], wanted: int, stream: EpisodeStream, objective: ObjectiveConfig
) -> Plan:
    plan: Plan = []
    left, barren = wanted, 0
    while left:
        kept: list[Episode] = []
        for episode in next(rows):
            number = num_supervised_answers(len(episode.rows), objective)
            if number > left:
                episode = _shortened(episode, left, stream, objective)
                number = left
            kept.append(episode)
            left -= number
            barren = 0 if number else barren + 1
            if not left:
                break
        plan.append(kept)
        if barren > BARREN:  # nothing would ever carry loss: the caller says so
            break
    return plan


def _shortened(
    episode: Episode, answers: int, stream: EpisodeStream, objective: ObjectiveConfig
) -> Episode:
    """Return the episode without its last demonstrations, so that so many answers carry loss."""
    most = len(episode.rows)
    while num_supervised_answers(most, objective) > answers:
        most -= 1
    short = replace(episode, rows=episode.rows[:most])
    return replace(short, num_tokens=len(stream.sequence(short)))


def _check_supervised(plan: Plan, config: Config) -> None:
    lengths = {len(episode.rows) for row in plan for episode in row}
    if any(num_supervised_answers(length, config.objective) for length in lengths):
        return
    weighted = config.objective.normaliser == "shot_weights"
    key = "shot_weights" if weighted else "supervise"
    raise EpisodeError(
        f"objective.{key}: is {getattr(config.objective, key)}, but no sequence holds more "
        f"than {max(lengths)} demonstrations, so nothing would carry loss. Change it, or raise "
        "episodes.max_tokens or episodes.shots."
    )


def whole_steps(plan: Plan, rows_per_step: int, num_processes: int) -> Plan:
    """Return the plan without an unfinished last step where several processes share the steps.

    They must all compute equally many rows. Raises `ConfigError` if nothing is left.
    """
    surplus = len(plan) % rows_per_step
    if num_processes == 1 or not surplus:
        return plan
    if len(plan) < rows_per_step:
        raise ConfigError(
            f"training: the run holds {len(plan)} rows, fewer than training.rows_per_step="
            f"{rows_per_step}, which several processes share. Lower it, or train longer."
        )
    return plan[: len(plan) - surplus]
