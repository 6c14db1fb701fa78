"""A pattern document is a list of pieces; a piece says whether the text before it settles it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from manyicl.pretraining.patterns.vocabulary import Vocabulary


class Piece(NamedTuple):
    """Text of a document. `settled`: what came before in the document (mostly) determines it."""

    text: str
    settled: bool = False


Pattern = Callable[[random.Random, Vocabulary, int], list[Piece]]
"""`pattern(rng, vocabulary, size)`: a document of about `size` pairs, rows or lines."""
