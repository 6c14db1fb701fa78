"""Words and sentences that pattern documents are made of, taken from the corpus."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

_ONSETS = (*"bcdfghklmnprstvwz", "br", "st", "tr", "pl", "ch", "sh")
_NUCLEI = (*"aeiou", "ai", "ou")
_CODAS = ("", "", "n", "r", "l", "s", "t", "m")
_WORD = re.compile(r"\b[a-z]{3,10}\b")
_SPEAKER = re.compile(r"^(?:User|Assistant): ")
_SENTENCE_END = re.compile(r"(?<=[.!?]) +")
NUM_COMMON = 60  # the most frequent words: fillers that mean nothing
SKIPPED = 80  # the next ones are too frequent to be keys
NUM_WORDS = 5000
KEYWORDS_FROM = 300  # in `words`: what a sentence may be looked up by
MIN_SENTENCES, MAX_SENTENCES = 12, 400  # of one source
MIN_CHARS, MAX_CHARS = 20, 110  # of a sentence


@dataclass(frozen=True)
class Vocabulary:
    """Corpus words by frequency, and sentences by the document they come from."""

    common: tuple[str, ...]
    words: tuple[str, ...]
    sources: tuple[tuple[str, ...], ...]

    @classmethod
    def from_documents(cls, documents: Iterable[str]) -> Vocabulary:
        """Count words and split sentences; a document gives sources of at most 400 sentences."""
        counts: Counter[str] = Counter()
        sources: list[tuple[str, ...]] = []
        for document in documents:
            counts.update(_WORD.findall(document))
            sentences = _sentences(document)
            for start in range(0, len(sentences), MAX_SENTENCES):
                part = sentences[start : start + MAX_SENTENCES]
                if len(part) >= MIN_SENTENCES:
                    sources.append(tuple(part))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[: SKIPPED + NUM_WORDS]
        return cls(tuple(ranked[:NUM_COMMON]), tuple(ranked[SKIPPED:]), tuple(sources))

    @cached_property
    def sentences_of(self) -> dict[str, list[str]]:
        """Sentences by a word they hold: words that are neither frequent nor rare."""
        found: dict[str, list[str]] = {}
        known = frozenset(self.words[KEYWORDS_FROM:])
        for source in self.sources:
            for sentence in source:
                for word in known.intersection(_WORD.findall(sentence)):
                    found.setdefault(word, []).append(sentence)
        return {word: sentences for word, sentences in found.items() if len(sentences) >= 8}

    def word(self, rng: random.Random) -> str:
        """Return a corpus word, or (one in five) an invented one."""
        return rng.choice(self.words) if rng.random() < 0.8 else nonsense(rng)

    def distinct_words(self, rng: random.Random, number: int) -> list[str]:
        """Return so many different words; invented ones never run out."""
        found: dict[str, None] = {}
        while len(found) < number:
            found[self.word(rng)] = None
        return list(found)


def nonsense(rng: random.Random) -> str:
    """Return an invented word of one to three syllables."""
    count = rng.choice((1, 2, 2, 3))
    return "".join(
        rng.choice(_ONSETS) + rng.choice(_NUCLEI) + rng.choice(_CODAS) for _ in range(count)
    )


def _sentences(document: str) -> Sequence[str]:
    found = (
        _SPEAKER.sub("", part).strip()
        for paragraph in document.split("\n")
        for part in _SENTENCE_END.split(paragraph)
    )
    return [part for part in found if MIN_CHARS < len(part) < MAX_CHARS]
