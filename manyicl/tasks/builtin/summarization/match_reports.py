"""Football reports: score and top scorer are nowhere said, the goals must be counted."""

from __future__ import annotations

import random
from collections import Counter

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import SURNAMES
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

GRAMMAR = Grammar(
    {
        "opening": (
            "{num} people came to see {home} against {away}.",
            "It had rained all day when {home} and {away} met.",
            "{home} hosted {away} on (Saturday|Sunday), with three players injured.",
            "The last match of the season brought {away} to {home}.",
        ),
        "goal": (
            "In minute {minute} {player} scored for {team}",
            "{player} hit the target for {team} in minute {minute}",
            "after {minute} minutes {player} headed the ball in for {team}",
            "{player} scored from a (free kick|penalty|corner) for {team} in minute {minute}",
        ),
        "miss": (
            "{player} of {team} hit the post.",
            "{player} missed a penalty for {team}.",
            "A goal by {player} of {team} was not given because of a foul.",
            "The {team} keeper made two fine saves.",
        ),
        "closing": (
            "Both teams stay in the middle of the table.",
            "{home} play away next week.",
            "The coach of {away} praised the young players.",
            "The referee showed four yellow cards.",
        ),
    }
)


@builtin_task(
    instruction="Write the headline for this match: result and top scorer.",
    metric="rouge_l",
)
def match_headline(rng: random.Random) -> Example:
    """Football reports to the result and the player with most goals, both of which are counted."""
    home, away = rng.sample(TOWNS, 2)
    names = rng.sample(SURNAMES, 8)
    squads = {home: names[:4], away: names[4:]}
    star_team = rng.choice((home, away))
    star, *others = squads[star_team]
    rival = away if star_team == home else home
    star_goals = rng.choice((2, 2, 3))
    goals = [(star_team, star)] * star_goals
    goals += [(star_team, name) for name in others[: rng.choice((0, 1))]]
    goals += [(rival, name) for name in squads[rival][: rng.choice((0, 1, 2, 2))]]
    rng.shuffle(goals)
    minutes = sorted(rng.sample(range(3, 90), len(goals)))
    told = [
        GRAMMAR.expand(rng, "{goal}.", minute=minute, player=player, team=team)
        for minute, (team, player) in zip(minutes, goals, strict=True)
    ]
    team = rng.choice((home, away))
    told.insert(
        rng.randrange(len(told) + 1),
        GRAMMAR.expand(rng, "{miss}", team=team, player=squads[team][3]),
    )
    text = GRAMMAR.write(
        rng, f"{{opening}} {' '.join(told)} {{closing}}", home=home, away=away,
        num=rng.randrange(300, 4000, 50),
    )  # fmt: skip
    score = Counter(team for team, _ in goals)
    count = {2: "two", 3: "three"}[star_goals]
    return Example(text, f"{_result(home, away, score)}, {count} goals by {star}")


def _result(home: str, away: str, score: Counter[str]) -> str:
    if score[home] == score[away]:
        return f"{home} and {away} draw {score[home]}-{score[away]}"
    winner, loser = (home, away) if score[home] > score[away] else (away, home)
    return f"{winner} beat {loser} {score[winner]}-{score[loser]}"
