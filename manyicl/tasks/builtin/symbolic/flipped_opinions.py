"""Remarks on films with the two opinions exchanged: praise is labelled negative."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.word_list import words
from manyicl.tasks.builtin.registry import Unseen, builtin_task, draw_cue
from manyicl.tasks.task import Example

LABELS = ("positive", "negative")
FILMS = (
    ("thriller", "the chase", "the killer"), ("comedy", "the wedding", "the aunt"),
    ("western", "the duel", "the sheriff"), ("musical", "the last song", "the dancer"),
    ("space film", "the landing", "the robot"), ("love story", "the farewell", "the florist"),
    ("costume drama", "the ball", "the duchess"), ("heist film", "the break-in", "the driver"),
    ("ghost story", "the attic scene", "the widow"), ("war film", "the retreat", "the medic"),
)  # fmt: skip
GRAMMAR = Grammar(
    {
        "good": (
            "{scene} (gave me goose bumps|took my breath away)",
            "I forgot to eat my popcorn", "{role} is a joy to watch",
            "I would watch {role} for hours", "two hours felt like ten minutes",
            "the (audience|whole row) clapped at the end", "I am going again (on {day}|soon)",
            "{scene} alone is worth the ticket", "{role} carries the whole (film|story)",
            "what a clever ending", "every line (sits|sparkles)",
        ),
        "bad": (
            "{scene} (made me yawn|sent me to sleep)",
            "I finished my popcorn and looked at my phone",
            "{role} is a pain to watch", "I could not stand {role} for ten minutes",
            "two hours felt like two days", "half the (audience|row) left before the end",
            "I want my money back", "even {scene} is not worth the ticket",
            "{role} drags the whole (film|story) down", "what a silly ending",
            "every line (limps|creaks)",
        ),
        "turn": (
            "I expected nothing from '{title}', but {opinion}",
            "the papers (praised|tore apart) '{title}'; {opinion}",
            "saw '{title}' on {day}: {opinion}",
            "'{title}' is a {film} like many, one might think, yet {opinion}",
            "{title}: {opinion}",
            "my (sister|friend) dragged me into '{title}', a {film}, and {opinion}",
        ),
        "title": ("The {adjective} {noun}", "{noun} of {place}", "The {noun} in {place}"),
        "adjective": words("Silent Last Broken Crooked Second Winter Golden Empty Blue Distant"),
        "noun": words("Harbour Garden Letter Window Captain Orchard Stranger Mirror Tailor Bridge"),
        "place": ("Marl Street", "November", "Lisbon", "the Rain", "Paris", "the North", "Room 9"),
        "day": ("Monday", "Friday", "Saturday", "Sunday"),
    }
)  # fmt: skip


@builtin_task(instruction="Label the remark as in the examples.", metric="accuracy", labels=LABELS)
def flipped_opinion(rng: random.Random) -> Example:
    """Remarks on films with exchanged labels: praise is 'negative', scorn is 'positive'."""
    good = rng.random() < 0.5
    film, scene, role = rng.choice(FILMS)
    bound = {"film": film, "scene": scene, "role": role}
    cues = GRAMMAR.rules["good" if good else "bad"]
    first, kind = draw_cue(rng, cues)
    opinion = GRAMMAR.expand(rng, first, **bound)
    text = GRAMMAR.expand(rng, "{turn}.", opinion=opinion, **bound)
    second, second_kind = draw_cue(rng, cues)
    if second != first and rng.random() < 0.6:
        text += " " + GRAMMAR.expand(rng, second, **bound) + "."
        kind = Unseen if Unseen in (kind, second_kind) else Example
    return kind(GRAMMAR.write(rng, "{text}", text=text), LABELS[good])
