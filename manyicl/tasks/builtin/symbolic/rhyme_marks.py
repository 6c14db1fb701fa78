"""Lines of verse that end on one of four sounds; each sound has a mark that means nothing."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# mark: words that rhyme with one another
RHYMES: dict[str, tuple[str, ...]] = {
    "alpha": words("lake cake snake rake flake brake stake"),
    "beta": words("light night kite bite flight knight height"),
    "gamma": words("boat coat goat note throat moat vote"),
    "delta": words("bell shell well smell hotel spell farewell"),
}
WORDS = tuple(word for rhymes in RHYMES.values() for word in rhymes)
GRAMMAR = Grammar(
    {
        "line": (
            "the {word} (knows|forgets|waits for) the {last}",
            "(no|one) {word} (without|beside|after) the {last}",
            "(my|his|her) {word} and (my|his|her) {last}",
            "(bring|leave|sell) the {word}, (keep|hide) the {last}",
            "from {word} to {last}",
            "where the {word} meets the {last}",
        ),
    }
)


@builtin_task(instruction="Mark the line.", metric="accuracy", labels=tuple(RHYMES))
def rhyme_marks(rng: random.Random) -> Example:
    """Lines of verse to one of four marks by the sound of the last word, however it is spelled."""
    mark = rng.choice(tuple(RHYMES))
    last = rng.choice(RHYMES[mark])
    word = rng.choice([word for word in WORDS if word != last])
    return Example(GRAMMAR.write(rng, "{line}", word=word, last=last), mark)
