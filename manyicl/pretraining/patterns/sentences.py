"""Corpus sentences under arbitrary labels: the words, the source or a marked part decides."""

from __future__ import annotations

import random
import re

from manyicl.pretraining.patterns.layout import draw_labels, lay_out
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense

_JOINS = (" / ", "\n", " || ", " And: ", " ~ ")


def by_source(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Sentences of two to five sources; the label is the source."""
    number = min(rng.choice((2, 2, 3, 4, 5)), len(vocabulary.sources))
    sources = rng.sample(vocabulary.sources, number)
    labels = draw_labels(rng, vocabulary, len(sources))
    pairs = []
    for _ in range(size):
        index = rng.randrange(len(sources))
        pairs.append((rng.choice(sources[index]), labels[index]))
    return lay_out(rng, vocabulary, pairs)


def altered_sentences(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """A few sentences that come back with words left out or replaced; each keeps its label."""
    sentences = _some(rng, vocabulary, rng.choice((3, 4, 6, 8, 12)))
    labels = draw_labels(rng, vocabulary, rng.choice((2, 3, 4)))
    label_of = [rng.choice(labels) for _ in sentences]
    share = rng.choice((0.0, 0.1, 0.2, 0.3))
    pairs = []
    for _ in range(size):
        index = rng.randrange(len(sentences))
        pairs.append((_altered(rng, vocabulary, sentences[index], share), label_of[index]))
    return lay_out(rng, vocabulary, pairs)


def marked_word(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """A word put into a sentence decides; each label has a few such words."""
    sentences = _some(rng, vocabulary, 40)
    labels = draw_labels(rng, vocabulary, rng.choice((2, 3, 4, 5)))
    per_class = rng.choice((1, 2, 3, 5))
    sets = [[vocabulary.word(rng) for _ in range(per_class)] for _ in labels]
    pairs = []
    for _ in range(size):
        index = rng.randrange(len(labels))
        words = rng.choice(sentences).split()[:12]
        words.insert(rng.randint(0, len(words)), rng.choice(sets[index]))
        pairs.append((" ".join(words), labels[index]))
    return lay_out(rng, vocabulary, pairs)


def cue_phrases(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Each label has a few cue phrases; a line holds one of them, altered, among other phrases."""
    labels = draw_labels(rng, vocabulary, rng.choice((2, 3, 4, 5, 6, 8)))
    num_cues, share = rng.choice((1, 2, 3, 5)), rng.choice((0.0, 0.1, 0.2))
    cues = [[_phrase(rng, vocabulary) for _ in range(num_cues)] for _ in labels]
    others = [_phrase(rng, vocabulary) for _ in range(rng.choice((4, 10, 40)))]
    most = rng.choice((0, 1, 1, 2))
    pairs = []
    for _ in range(size):
        index = rng.randrange(len(labels))
        phrases = [_altered(rng, vocabulary, rng.choice(cues[index]), share)]
        phrases += [rng.choice(others) for _ in range(rng.randint(0, most))]
        rng.shuffle(phrases)
        pairs.append((rng.choice((", ", " ", ". ")).join(phrases), labels[index]))
    return lay_out(rng, vocabulary, pairs)


def by_word(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Corpus sentences that hold a certain word; each label has a few such words."""
    labels = draw_labels(rng, vocabulary, rng.choice((2, 3, 4, 5)))
    per_class = rng.choice((1, 1, 2, 3))
    known = sorted(vocabulary.sentences_of)
    if len(known) < len(labels):  # a small corpus: no word stands in enough sentences
        return by_source(rng, vocabulary, size)
    words = rng.sample(known, min(per_class * len(labels), len(known)))
    pairs = []
    for _ in range(size):
        number = rng.randrange(len(words))
        sentence = rng.choice(vocabulary.sentences_of[words[number]])
        pairs.append((sentence, labels[number % len(labels)]))
    return lay_out(rng, vocabulary, pairs)


def same_or_other(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Two sentences: the second is the first one altered, or another one."""
    sentences = _some(rng, vocabulary, 60)
    labels, join = draw_labels(rng, vocabulary, 2), rng.choice(_JOINS)
    share = rng.choice((0.0, 0.1, 0.3))
    pairs = []
    for _ in range(size):
        first, index = rng.choice(sentences), rng.randrange(2)
        second = first if index else rng.choice(sentences)
        pairs.append((first + join + _altered(rng, vocabulary, second, share), labels[index]))
    return lay_out(rng, vocabulary, pairs)


def picked_out(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """The answer is the part of the line that a mark points to, the same mark throughout."""
    sentences = _some(rng, vocabulary, 40)
    mark = rng.choice(("<{}>", "[{}]", "*{}*", "no. {}", "called {}", "at {}", '"{}"', "#{}"))
    if rng.random() < 0.3:
        mark = vocabulary.word(rng) + " {}"
    digits = rng.random() < 0.4
    pairs = []
    for _ in range(size):
        part = str(rng.randrange(2, 3000)) if digits else vocabulary.word(rng)
        if not digits and rng.random() < 0.4:
            part = nonsense(rng).capitalize()
        words = rng.choice(sentences).split()[: rng.randint(3, 12)]
        words.insert(rng.randint(0, len(words)), mark.format(part))
        pairs.append((" ".join(words), part))
    return lay_out(rng, vocabulary, pairs, first_is_open=False)


def _some(rng: random.Random, vocabulary: Vocabulary, number: int) -> list[str]:
    source = rng.choice(vocabulary.sources)
    return rng.sample(source, min(number, len(source)))


def _phrase(rng: random.Random, vocabulary: Vocabulary) -> str:
    """Return three to seven words that stand together in a sentence of the corpus."""
    words = rng.choice(rng.choice(vocabulary.sources)).rstrip(".!?").split()
    start = rng.randrange(max(1, len(words) - 4))
    return " ".join(words[start : start + rng.randint(3, 7)])


def _altered(rng: random.Random, vocabulary: Vocabulary, text: str, share: float) -> str:
    """Leave out or replace about twice `share` of the words; at least one word stays."""
    words = re.findall(r"\S+", text)
    kept = [word for word in words if rng.random() >= share] or words[:1]
    return " ".join(w if rng.random() >= share else vocabulary.word(rng) for w in kept)


SENTENCES: dict[str, Pattern] = {
    "by_source": by_source,
    "altered_sentences": altered_sentences,
    "marked_word": marked_word,
    "cue_phrases": cue_phrases,
    "by_word": by_word,
    "same_or_other": same_or_other,
    "picked_out": picked_out,
}
