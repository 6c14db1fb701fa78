"""Comments from an app store: what they are about, and whether they report, wish or praise."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import MEN, WOMEN
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, dict[str, tuple[str, ...]]] = {
    "sign-in": {
        "problem": (
            "it (logs|signs) me out every (morning|few days)",
            "my fingerprint is not (recognised|accepted) (any more|since {day})",
            "the code by (text message|email) never comes",
            "says my (password|account) does not exist although I use it on my tablet",
            "cannot (log|sign) in with my password (since {day}|any more)",
        ),
        "wish": (
            "please let us (log|sign) in with a fingerprint",
            "an account for two (people|phones) with one password would be great",
            "I wish I could use it without (an account|a password)",
            "could you add a way to change the (email|name) of my account?",
            "it would be nice to stay (logged|signed) in for longer",
        ),
        "praise": (
            "love that I can start without (an account|a password)",
            "(logging|signing) in with my fingerprint takes a second, great",
            "got a new phone, typed my password and was in, well done",
            "finally (an app|one) that does not want my email and phone number",
            "great that one account works for the whole family",
        ),
    },
    "speed": {
        "problem": (
            "(takes|needs) (ten|twenty) seconds to open",
            "freezes when I scroll (down|through the list)",
            "hangs for a minute each time I (open|save) a {thing}",
            "gets slower with every {thing} I add",
            "it freezes (twice|ten times) a day",
        ),
        "wish": (
            "please make it start faster on old phones",
            "a light version for slow phones would be great",
            "I wish the {thing} list would load (in one go|faster)",
            "could you make scrolling smoother (with many {thing}s|)?",
            "it would be nice if a {thing} opened faster",
        ),
        "praise": (
            "opens in no time, even on my (old|slow) phone",
            "never had to wait for it in (two|three) years, well done",
            "{num} {thing}s in it and still fast",
            "finally smooth scrolling, great job",
            "love how fast it (opens|loads) a {thing}",
        ),
    },
    "sync": {
        "problem": (
            "my {thing}s on the tablet and on the phone are never the same",
            "after the move to a new phone (half|all) of my {thing}s were gone",
            "the backup stops at {num} percent",
            "every {thing} (turns up|is there) twice after syncing",
            "it does not sync my {thing}s with the (tablet|computer) (since {day}|)",
        ),
        "wish": (
            "please add a backup to (my own|another) cloud",
            "I wish a {thing} from my phone would turn up on my (tablet|laptop)",
            "could you let us export our {thing}s (to a file|to the computer)?",
            "a version for the computer that syncs would be great",
            "it would be nice to sync only over wifi",
        ),
        "praise": (
            "change a {thing} on the phone, see it on the tablet at once, great",
            "dropped my phone in the lake and the backup had every {thing}",
            "love that my (wife|team) sees the same {thing}s as me",
            "moving {num} {thing}s to the new phone went without a hitch",
            "syncing with the (computer|tablet) just works, well done",
        ),
    },
    "alerts": {
        "problem": (
            "the reminder (rings|pops up) an hour late",
            "I get the same notification (three|four) times",
            "no sound with reminders (since {day}|any more)",
            "it (rings|buzzes) at night although I switched that off",
            "reminders for a {thing} never (ring|pop up)",
        ),
        "wish": (
            "please let us choose the sound of a reminder",
            "a reminder that comes back after ten minutes would be great",
            "I wish it would stay silent (at night|on {day}s)",
            "could you add a reminder (by place|a day before)?",
            "it would be nice to get one notification a day, not {num2}",
        ),
        "praise": (
            "thanks to the reminders I never forget a {thing}",
            "love the (gentle|funny) sound of the reminders",
            "rings when it should and is silent (at night|otherwise), great",
            "finally an app that does not buzz all day, well done",
            "the reminder on the evening before is a great idea",
        ),
    },
    "look": {
        "problem": (
            "the (letters|buttons) are so tiny that I hit the wrong one",
            "grey letters on white, I cannot read that",
            "the new icons all look the same to me",
            "on my tablet the menu covers half of the screen",
            "the dark (mode|screen) shows black letters on black (since {day}|)",
        ),
        "wish": (
            "please bring back the old (icons|colours)",
            "bigger letters for old eyes would be great",
            "I wish I could choose the colours myself",
            "could you add a dark (mode|screen) (for the night|)?",
            "it would be nice to have fewer buttons on the screen",
        ),
        "praise": (
            "calm colours, big buttons, well done",
            "love the new icons (and colours|)",
            "finally a screen my (father|mother) can read",
            "the dark (mode|screen) looks great",
            "great, no clutter, only the buttons I need",
        ),
    },
    "price": {
        "problem": (
            "I paid (twice|three times) and got (nothing|no receipt)",
            "bought the full version and it still shows adverts",
            "cancelled in {month} and was charged again",
            "the price went up by {num} percent without a word",
            "it charged me for a year, I had chosen a month",
        ),
        "wish": (
            "please offer a price for (families|students)",
            "I would pay (more|a little) to get rid of the adverts",
            "I wish one could pay once and not every month",
            "could you let us try the full version for (a week|{num} days)?",
            "it would be nice to pay by month, a year is a lot of money",
        ),
        "praise": (
            "worth every cent (of the full version|)",
            "free, no adverts, and not even a full version to buy, great",
            "paid once in {month} and never again, well done",
            "love the fair price for (families|students)",
            "cancelled, and my money was back after a day, great",
        ),
    },
}
KINDS = ("problem", "wish", "praise")
GRAMMAR = Grammar(
    {
        "thing": ("note", "recipe", "list", "trip", "photo", "task", "workout", "plan"),
        "num": ("fifty", "sixty", "eighty", "ninety", "thirty"),
        "day": ("Monday", "Tuesday", "Friday", "Sunday"),
        "month": ("January", "March", "May", "August", "October"),
        "name": WOMEN + MEN,
        "open": ("", "", "(two|three|four) stars. ", "(two|three|four) stars from {name}. ",
                 "{name} in our (office|choir|school) told me about it. ",
                 "used it for {num2} (weeks|months|years). ", "after the update of {month}: ",
                 "I keep every {thing} of mine in it. ", "hi {name} and team, ",
                 "version (3|4|5).{num2}, {maker} phone. ", "dear developers, "),
        "close": ("", "", "", " I use it on a {maker} (phone|tablet).", " greetings, {name}.",
                  " I have {num2} {thing}s in it.", " {maker} phone, version (3|4|5).{num2}.",
                  " the {thing} part is the one I use most.", " (bought|got) it in {month}.",
                  " I have told {name} (at work|next door) about it, too.",
                  " {num2} of my friends use it, {name} as well."),
        "maker": ("Orlo", "Pell", "Tolla", "Vane", "Corve", "Yarrow"),
        "num2": tuple(str(n) for n in range(2, 30)),
    }
)  # fmt: skip


def _comment(rng: random.Random) -> tuple[str, str, str, type[Example]]:
    topic, kind = rng.choice(tuple(CORES)), rng.choice(KINDS)
    core, example = draw_cue(rng, CORES[topic][kind])
    stop = "" if core.endswith("?") else "."
    return GRAMMAR.write(rng, f"{{open}}{core}{stop}{{close}}"), topic, kind, example


@builtin_task(
    instruction="What part of the app is the comment about?",
    metric="accuracy",
    labels=tuple(CORES),
)
def app_feedback_topic(rng: random.Random) -> Example:
    """Comments on an app to one of six topics, whether they complain, wish or praise."""
    text, topic, _, example = _comment(rng)
    return example(text, topic)


@builtin_task(
    instruction="Does the comment report a problem, make a wish or praise the app?",
    metric="accuracy",
    labels=KINDS,
)
def app_feedback_kind(rng: random.Random) -> Example:
    """Comments on an app to problem, wish or praise, whatever part of the app they speak of."""
    text, _, kind, example = _comment(rng)
    return example(text, kind)
