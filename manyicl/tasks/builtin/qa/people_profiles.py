"""Two invented people in one paragraph: the question is about one of them."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import Person, people
from manyicl.tasks.builtin.lexicon.places import TOWNS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# attribute: (values, ways to say it after the subject {who}, ways to ask)
ATTRIBUTES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "birthplace": (
        TOWNS,
        ("{who} was born in {value}", "{who} comes from {value}", "{who} grew up in {value}"),
        ("Where was {name} born?", "Which place does {name} come from?"),
    ),
    "job": (
        ("baker", "tram driver", "dentist", "carpenter", "nurse", "teacher", "gardener", "judge",
         "translator", "plumber", "pharmacist", "photographer", "welder", "librarian"),
        ("{who} works as a {value}", "{who} earns {their} living as a {value}",
         "by profession {who} is a {value}"),
        ("What is {name}'s job?", "What does {name} work as?"),
    ),
    "instrument": (
        ("piano", "cello", "flute", "trumpet", "guitar", "violin", "drum kit", "harp", "accordion"),
        ("in the evening {who} practises the {value}", "{who} has played the {value} for years",
         "{who} took up the {value} as a child"),
        ("Which instrument does {name} play?", "What does {name} play?"),
    ),
    "pet": (
        ("cat", "parrot", "rabbit", "tortoise", "greyhound", "goldfish", "pony", "hamster", "goat"),
        ("{who} keeps a {value}", "{who} shares {their} home with a {value}",
         "{who} feeds {their} {value} before breakfast"),
        ("What animal does {name} keep?", "Which pet does {name} have?"),
    ),
    "year": (
        tuple(str(year) for year in range(1971, 2021)),
        ("{who} married in {value}", "{their} wedding was in {value}"),
        ("When did {name} marry?", "In which year was {name}'s wedding?"),
    ),
    "language": (
        ("Welsh", "Greek", "Finnish", "Swahili", "Catalan", "Turkish", "Danish", "Korean",
         "Basque", "Hindi"),
        ("{who} is learning {value}", "{who} takes lessons in {value}",
         "on Thursdays {who} goes to a {value} class"),
        ("Which language is {name} learning?", "What language does {name} study?"),
    ),
    "hobby": (
        ("rowing", "chess", "pottery", "fencing", "knitting", "climbing", "gardening", "sailing",
         "judo", "astronomy"),
        ("{their} hobby is {value}", "{who} spends every free hour on {value}",
         "nothing makes {them} happier than {value}"),
        ("What is {name}'s hobby?", "What does {name} do in {their} free time?"),
    ),
}  # fmt: skip
GRAMMAR = Grammar()


@builtin_task(
    instruction="Answer the question with words from the text.",
    metric="exact_match",
)
def profile_question(rng: random.Random) -> Example:
    """Paragraphs on two people; the question asks for one fact about one of them."""
    facts: list[tuple[Person, str, str]] = []
    names = people(rng, 2)
    for attribute in rng.sample(tuple(ATTRIBUTES), 4):
        values = rng.sample(ATTRIBUTES[attribute][0], 2)
        facts += [(who, attribute, value) for who, value in zip(names, values, strict=True)]
    dropped = rng.randrange(len(facts))
    facts.pop(dropped)
    asked, attribute, value = rng.choice(facts)
    rng.shuffle(facts)
    text = " ".join(_sentence(rng, facts, i) for i in range(len(facts)))
    question = rng.choice(ATTRIBUTES[attribute][2])
    return Example(
        GRAMMAR.write(rng, f"{text}\nQuestion: {question}", name=asked.full, their=asked.their),
        value,
    )


def _sentence(rng: random.Random, facts: list[tuple[Person, str, str]], place: int) -> str:
    who, attribute, value = facts[place]
    # A pronoun only where the sentence before is about the same person and the other cannot be it.
    follows = place > 0 and facts[place - 1][0] == who
    others = {fact[0].they for fact in facts if fact[0] != who}
    pronoun = follows and who.they not in others
    template = rng.choice(ATTRIBUTES[attribute][1])
    if not pronoun:  # a possessive at the start has nobody to point to yet
        template = template.replace("{their} wedding", "{who}'s wedding")
        template = template.replace("{their} hobby", "{who}'s hobby")
        template = template.replace("makes {them}", "makes {who}")
    said = who.they if pronoun else rng.choice((who.full, who.full, who.first))
    return GRAMMAR.write(rng, template + ".", who=said, their=who.their, them=who.them, value=value)
