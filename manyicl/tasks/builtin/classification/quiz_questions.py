"""Questions of a local quiz by the kind of answer they want. Question words are no safe guide."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import MEN, SURNAMES, WOMEN
from manyicl.tasks.builtin.lexicon.places import RIVERS, TOWNS
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "person": (
        "who (built|paid for|opened) {work}?",
        "by whom was {work} (built|designed|given to {town})?",
        "name the (architect|founder|owner) of {work}",
        "which (woman|man|engineer) (drew the plans for|saved) {work}?",
        "who was (mayor|doctor|baker) in {town} when {work} opened?",
        "the plans for {work} were whose idea?",
        "what was the name of the first (teacher|mayor|doctor) of {town}?",
        "which mayor of {town} gave his name to {work}?",
        "whose (face|statue) do you see in front of {work}?",
        "name the engineer who (built|designed) {work}",
    ),
    "place": (
        "where did {person} (grow up|learn to swim|meet {person})?",
        "in which town (does|did) {person}, who (built|paid for) {work}, live?",
        "where (was|stood) {work} before the flood?",
        "name the village in which {person} was born",
        "through which towns does the {river} flow (before|after) {town}?",
        "to which country did {person} move after the war?",
        "near which (square|street|hill) is {work}?",
        "in what town was the wood for {work} bought?",
        "from where did {person} walk to {town}?",
        "name the town where {person}, founder of {work}, was born",
    ),
    "date": (
        "when was {work} (built|opened|torn down)?",
        "in what year did {person} (leave|come to) {town}?",
        "on which day of the year does {town} celebrate {work}?",
        "since when does {work} have a (roof|clock|lift)?",
        "name the year in which {work} was (rebuilt|repaired)",
        "in which century was {town} founded?",
        "until when could one (visit|use) {work}?",
        "what is the birthday of {person}?",
        "which year saw the great flood of the {river}?",
        "in which year was {work} opened by {person}?",
    ),
    "number": (
        "how many (steps|windows|visitors) does {work} have?",
        "what did it cost to build {work}?",
        "how (tall|old|heavy|long) is {work}?",
        "what percentage of {town} (swims|votes|rides a bicycle)?",
        "how far is it from {town} to the {river}?",
        "name the number of (bridges|mills|schools) in {town}",
        "of how many (stones|planks) is {work} made?",
        "what was the population of {town} when {work} was built?",
        "how deep is the {river} at {work}?",
        "how many years did {person} live in {town}?",
    ),
    "reason": (
        "why (is|was) {work} (painted yellow|moved|closed)?",
        "for what reason did {person} leave {town}?",
        "what made {person} (sell|give up|paint) {work}?",
        "how come {town} has two (stations|mayors|churches)?",
        "what was the cause of the damage to {work}?",
        "why did {person} stop speaking to {person}?",
        "what was {person} arrested for (in {town}|)?",
        "because of what was {work} (closed|moved) for ten years?",
        "what was the reason for the (flood|strike) in {town}?",
        "name the reason why {work} was never (finished|opened)",
    ),
    "method": (
        "how did {person} (cross|measure) the {river}?",
        "in what way can one (get into|clean) {work}?",
        "how (was|is) {work} kept warm (in winter|)?",
        "by what means did {person} pay for {work}?",
        "how do the people of {town} (bake|brew|catch) what they are known for?",
        "what must one do to (visit|enter|photograph) {work}?",
        "how did the stones for {work} get (up|across the {river})?",
        "explain how {person} (reached|escaped from) {town}",
        "what steps are needed to (open|wind up) {work}?",
        "in what way did {person} bring the stones to {work}?",
    ),
}
GRAMMAR = Grammar(
    {
        "first": WOMEN + MEN,
        "surname": SURNAMES,
        "person": ("{first} {surname}",),
        "town": TOWNS,
        "river": RIVERS,
        "work": ("the old mill", "the clock tower of {town}", "the bridge over the {river}",
                 "the theatre in {town}", "the lighthouse", "the town hall of {town}",
                 "the railway to {town}", "the hospital on the {river}", "the school in {town}",
                 "the glass factory", "the harbour of {town}", "the fountain in {town}"),
        "num": tuple(str(n) for n in range(1, 31)),
        "head": ("", "", "", "{num}. ", "question {num}: ", "round {num}, {town}: ",
                 "for {num} points: ", "from {person}: "),
    }
)  # fmt: skip


@builtin_task(
    instruction="What kind of answer does the question want?",
    metric="accuracy",
    labels=tuple(CORES),
)
def question_type(rng: random.Random) -> Example:
    """Quiz questions to one of six kinds of answer; question words occur with several kinds."""
    wanted = rng.choice(tuple(CORES))
    core, kind = draw_cue(rng, CORES[wanted])
    stop = "" if core.endswith("?") else "."
    return kind(GRAMMAR.write(rng, f"{{head}}{core}{stop}"), wanted)
