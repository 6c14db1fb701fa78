"""How pairs of a text and its answer stand on the page: many layouts, one a document."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from manyicl.models.scratch import END_MARK
from manyicl.pretraining.patterns.draws import task_labels
from manyicl.pretraining.patterns.piece import Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense

_NAMES = (
    ("Text", "Label"), ("Question", "Answer"), ("Q", "A"),
    ("Sentence", "Class"), ("Item", "Group"), ("Message", "Topic"), ("Entry", "Code"),
    ("Line", "Kind"), ("Note", "Place"), ("Request", "Reply"), ("Problem", "Result"),
    ("Key", "Value"), ("Report", "Summary"),
)  # fmt: skip
_GAPS = ("\n\n", "\n", "\n---\n", f"{END_MARK}\n\n")
_INLINE = (
    ("", ":", "\n"), ("", " ->", "\n"), ("", " =", "\n"), ("- ", " :", "\n"), ("| ", " |", " |\n"),
    ("* ", " (", ")\n"), ("", " is", ".\n"), ("", " =>", "\n"), ("", ";", "\n"), ("", ",", ". "),
)  # fmt: skip
_HEADS = ("Find the {}.", "Say which {} it is.", "Name the {} of each {}.", "Give the {}.",
          "List of {} and {}.", "The {} for every {}:", "Sort by {}.")  # fmt: skip


class Line(NamedTuple):
    """A text, its answer, and its cues: the words or phrases of the text that decide it.

    Where the text as a whole decides, the answer is its own cue. An answer without cues follows
    from its own text.
    """

    text: str
    answer: str
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands before a text, between it and its answer, and after the answer."""

    before: str
    between: str
    space: str
    after: str


def draw_layout(rng: random.Random) -> Layout:
    """Return a layout: labelled lines or inline marks, but none that this project asks in."""
    if rng.random() < 0.5:
        first, second = rng.choice(_NAMES)
        return Layout(f"{first}: ", f"\n{second}:", " ", rng.choice(_GAPS))
    before, between, after = rng.choice(_INLINE)
    return Layout(before, between, "" if between.endswith("(") else " ", after)


def lay_out(rng: random.Random, vocabulary: Vocabulary, lines: Sequence[Line]) -> list[Piece]:
    """Return the lines in one layout; an answer is settled once one of its cues was seen.

    Nobody can know an answer whose cues are all new, whether or not its label was seen.
    """
    layout = draw_layout(rng)
    pieces: list[Piece] = []
    if rng.random() < 0.4:
        head = rng.choice(_HEADS).format(rng.choice(vocabulary.words), rng.choice(vocabulary.words))
        pieces.append(Piece(head + "\n\n"))
    seen: set[str] = set()
    for line in lines:
        settled = not line.cues or not seen.isdisjoint(line.cues)
        pieces.append(Piece(layout.before + line.text + layout.between))
        pieces.append(Piece(layout.space + line.answer, settled))
        pieces.append(Piece(layout.after))
        seen.update(line.cues)
    return pieces


def draw_labels(rng: random.Random, vocabulary: Vocabulary, number: int) -> list[str]:
    """Return distinct labels of one kind: words, invented words, numbers, letters, word pairs.

    None is a label of a built-in task, letters excepted.
    """
    kind = rng.random()
    if kind < 0.06 and number <= 26:
        return rng.sample("ABCDEFGHIJKLMNOPQRSTUVWXYZ", number)
    found: dict[str, None] = {}
    while len(found) < number:
        if (label := _draw_label(rng, vocabulary, kind)) not in task_labels():
            found[label] = None
    return list(found)


def _draw_label(rng: random.Random, vocabulary: Vocabulary, kind: float) -> str:
    if kind < 0.65:
        return rng.choice(vocabulary.words)
    if kind < 0.82:
        return nonsense(rng)
    if kind < 0.9:
        return str(rng.randrange(10, 1000))
    return f"{rng.choice(vocabulary.words)} {rng.choice(vocabulary.words)}"
