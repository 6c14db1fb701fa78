"""Things lent, passed on and brought back: who has them in the end, if that is told."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("yes", "no", "not known")
THINGS = words(
    "the ladder, the drill, the cello, the tent, the projector, the wheelbarrow, the cookery book,"
    " the sledge, the bread machine, the spare helmet, the lawn mower, the camping stove,"
    " the atlas, the sewing machine, the karaoke box, the snow shovel, the telescope,"
    " the party tent, the pressure washer, the unicycle",
    ", ",
)
# what happens after {a} let {b} have it: the ends, and who of a, b, c, d has it then
HAS, HAS_NOT, UNKNOWN = "has", "has not", "unknown"
ENDS = {
    "kept": {"a": HAS_NOT, "b": HAS, "c": HAS_NOT},
    "passed": {"a": HAS_NOT, "b": HAS_NOT, "c": HAS},
    "returned": {"a": HAS, "b": HAS_NOT, "c": HAS_NOT},
    "unnamed": {"b": HAS_NOT, "c": UNKNOWN},
    "either": {"a": HAS_NOT, "b": HAS_NOT, "c": UNKNOWN, "d": UNKNOWN},
}
GRAMMAR = Grammar(
    {
        "first": (
            "{a} lent {x} to {b}",
            "{b} borrowed {x} from {a}",
            "{b} got {x} from {a}",
            "{a} handed {x} over to {b}",
            "{b} picked {x} up at {a}'s house",
        ),
        "kept": (
            "{c} asked {b} for it in vain",
            "{b} did not pass it on to {c}",
            "{b} offered it to {c}, who did not want it",
            "{c} would have liked it, but {b} kept it",
        ),
        "passed": (
            "{b} passed it on to {c}",
            "then {c} took it over from {b}",
            "{c} asked {b} for it and got it",
            "later {b} handed it on to {c}",
        ),
        "returned": (
            "{b} gave it back to {a}, although {c} wanted it",
            "{c} asked for it in vain, as {b} took it back to {a}",
            "{b} did not pass it on to {c} but returned it to {a}",
        ),
        "unnamed": (
            "{b} passed it on to a (neighbour|cousin|colleague), perhaps {c}",
            "{c} or some (neighbour|cousin|colleague) took it over from {b}",
            "{b} handed it on to somebody, and {c} had asked for it",
        ),
        "either": (
            "{b} passed it on to {c} or {d}",
            "either {c} or {d} took it over from {b}",
            "{c} and {d} both asked for it, and one of them got it from {b}",
        ),
        "yes": (
            "{p} has {x} now",
            "{x} is with {p} now",
            "now {x} is in {p}'s hands",
        ),
        "no": (
            "{p} does not have {x} now",
            "{x} is not with {p} now",
            "somebody other than {p} has {x} now",
        ),
    }
)


@builtin_task(
    instruction="Does the claim hold after what happened?", metric="accuracy", labels=LABELS
)
def handover_nli(rng: random.Random) -> Example:
    """Something is lent, passed on, kept or returned: does the one named have it now?"""
    label = rng.choice(LABELS)
    affirmed = rng.random() < 0.5
    wanted = UNKNOWN if label == "not known" else HAS if (label == "yes") == affirmed else HAS_NOT
    end = rng.choice([end for end, holders in ENDS.items() if wanted in holders.values()])
    asked = rng.choice([role for role, state in ENDS[end].items() if state == wanted])
    roles = dict(zip("abcd", (person.first for person in people(rng, 4)), strict=True))
    thing = rng.choice(THINGS)
    story = f"{{first}}{rng.choice(('. ', '; '))}{{{end}}}."
    told = GRAMMAR.write(rng, story, x=thing, **roles)
    claim = GRAMMAR.write(rng, "{yes}." if affirmed else "{no}.", x=thing, p=roles[asked])
    return Example(f"{told}\nClaim: {claim}", label)
