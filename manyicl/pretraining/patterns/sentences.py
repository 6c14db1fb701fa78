"""Corpus sentences under arbitrary labels: words, phrases, the source or a mark decides."""

from __future__ import annotations

import random
import re

from manyicl.pretraining.patterns.layout import Line, draw_labels, lay_out
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense

_JOINS = (" / ", "\n", " || ", " And: ", " ~ ")


def by_source(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Sentences of two to five sources; the label is the source."""
    number = min(rng.choice((2, 2, 3, 4, 5)), len(vocabulary.sources))
    sources = rng.sample(vocabulary.sources, number)
    labels = draw_labels(rng, vocabulary, len(sources))
    lines = []
    for _ in range(size):
        index = rng.randrange(len(sources))
        lines.append(Line(rng.choice(sources[index]), labels[index], (labels[index],)))
    return lay_out(rng, vocabulary, lines)


def altered_sentences(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """A few sentences that come back with words left out or replaced, with or without others."""
    sentences = _some(rng, vocabulary, rng.choice((4, 6, 8, 12, 20, 40)))
    labels = draw_labels(rng, vocabulary, _number(rng))
    label_of = [rng.choice(labels) for _ in sentences]
    share = rng.choice((0.0, 0.1, 0.2, 0.3))
    others = _some(rng, vocabulary, rng.choice((4, 20)))
    most = rng.choice((0, 0, 1, 2))
    lines = []
    for _ in range(size):
        index = rng.randrange(len(sentences))
        parts = [_altered(rng, vocabulary, sentences[index], share)]
        parts += [rng.choice(others) for _ in range(rng.randint(0, most))]
        rng.shuffle(parts)
        lines.append(Line(" ".join(parts), label_of[index], (sentences[index],)))
    return lay_out(rng, vocabulary, lines)


def cue_phrases(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Each label has a few cue phrases; a line holds one of them, altered, among other phrases."""
    labels = draw_labels(rng, vocabulary, _number(rng))
    num_cues, share = rng.choice((1, 2, 3, 5)), rng.choice((0.0, 0.1, 0.2))
    cues = [[_phrase(rng, vocabulary) for _ in range(num_cues)] for _ in labels]
    others = [_phrase(rng, vocabulary) for _ in range(rng.choice((4, 10, 40)))]
    most = rng.choice((0, 1, 2, 4, 6))
    lines = []
    for _ in range(size):
        index = rng.randrange(len(labels))
        cue = rng.choice(cues[index])
        phrases = [_altered(rng, vocabulary, cue, share)]
        phrases += [rng.choice(others) for _ in range(rng.randint(0, most))]
        rng.shuffle(phrases)
        lines.append(Line(rng.choice((", ", " ", ". ")).join(phrases), labels[index], (cue,)))
    return lay_out(rng, vocabulary, lines)


def templates(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Each label has core words and templates that hold some; openings and endings are for all."""
    labels = draw_labels(rng, vocabulary, _number(rng))
    forms: list[tuple[str, tuple[str, ...], str]] = []
    num_core = rng.choice((2, 4, 8))
    words_of = vocabulary.distinct_words(rng, num_core * len(labels))
    for number, label in enumerate(labels):
        core = words_of[number * num_core : (number + 1) * num_core]
        for _ in range(rng.choice((2, 3, 6))):
            held = rng.sample(core, min(len(core), rng.randint(1, 3)))
            words = [*_phrase(rng, vocabulary).split(), *held, "{}"]
            rng.shuffle(words)
            forms.append((" ".join(words), tuple(held), label))
    fillers = [vocabulary.word(rng) for _ in range(rng.choice((4, 12, 40)))]
    fillers += [str(rng.randrange(1, 500)) for _ in range(rng.choice((0, 4, 12)))]
    around = [_phrase(rng, vocabulary) for _ in range(rng.choice((3, 8, 16)))]
    most = rng.choice((0, 1, 2, 3))
    lines = []
    for _ in range(size):
        form, cues, label = rng.choice(forms)
        parts = [form.replace("{}", rng.choice(fillers))]
        for _ in range(rng.randint(0, most)):
            parts.insert(rng.choice((0, len(parts))), rng.choice(around))
        lines.append(Line(rng.choice((". ", ", ", " ")).join(parts), label, cues))
    return lay_out(rng, vocabulary, lines)


def by_word(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Corpus sentences that hold a certain word; each label has a few such words."""
    labels = draw_labels(rng, vocabulary, _number(rng))
    per_class = rng.choice((1, 1, 2, 3))
    known = sorted(vocabulary.sentences_of)
    if len(known) < len(labels):  # a small corpus: no word stands in enough sentences
        return by_source(rng, vocabulary, size)
    words = rng.sample(known, min(per_class * len(labels), len(known)))
    lines = []
    for _ in range(size):
        number = rng.randrange(len(words))
        sentence = rng.choice(vocabulary.sentences_of[words[number]])
        lines.append(Line(sentence, labels[number % len(labels)], (words[number],)))
    return lay_out(rng, vocabulary, lines)


def same_or_other(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Two sentences: the second is the first one altered, or another one."""
    sentences = _some(rng, vocabulary, 60)
    labels, join = draw_labels(rng, vocabulary, 2), rng.choice(_JOINS)
    share = rng.choice((0.0, 0.1, 0.3))
    lines = []
    for _ in range(size):
        first, other = rng.sample(sentences, 2)
        index = rng.randrange(2)
        second = first if index else other
        text = first + join + _altered(rng, vocabulary, second, share)
        lines.append(Line(text, labels[index], (labels[index],)))
    return lay_out(rng, vocabulary, lines)


def picked_out(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """The answer is the part of the line that a mark points to, the same mark throughout."""
    sentences = _some(rng, vocabulary, 40)
    mark = rng.choice(("<{}>", "[{}]", "*{}*", "no. {}", "called {}", "at {}", '"{}"', "#{}"))
    if rng.random() < 0.3:
        mark = vocabulary.word(rng) + " {}"
    digits = rng.random() < 0.4
    lines = []
    for _ in range(size):
        part = str(rng.randrange(2, 3000)) if digits else vocabulary.word(rng)
        if not digits and rng.random() < 0.4:
            part = nonsense(rng).capitalize()
        words = rng.choice(sentences).split()[: rng.randint(3, 12)]
        words.insert(rng.randint(0, len(words)), mark.format(part))
        lines.append(Line(" ".join(words), part))
    return lay_out(rng, vocabulary, lines)


def _number(rng: random.Random) -> int:
    """Return how many labels a document has: mostly few."""
    return rng.choice((2, 2, 3, 3, 4, 5, 6, 8, 12, 20))


def _some(rng: random.Random, vocabulary: Vocabulary, number: int) -> list[str]:
    source = rng.choice(vocabulary.sources)
    return rng.sample(source, min(number, len(source)))


def _phrase(rng: random.Random, vocabulary: Vocabulary) -> str:
    """Return three to seven words that stand together in a sentence of the corpus."""
    words = rng.choice(rng.choice(vocabulary.sources)).rstrip(".!?").split()
    start = rng.randrange(max(1, len(words) - 4))
    return " ".join(words[start : start + rng.randint(3, 7)])


def _altered(rng: random.Random, vocabulary: Vocabulary, text: str, share: float) -> str:
    """Leave out or replace about twice `share` of the words; one word at least stays as it is."""
    words = re.findall(r"\S+", text)
    stays = rng.randrange(len(words))
    kept = [
        word if at == stays or rng.random() >= share else vocabulary.word(rng)
        for at, word in enumerate(words)
        if at == stays or rng.random() >= share
    ]
    return " ".join(kept)


SENTENCES: dict[str, Pattern] = {
    "by_source": by_source,
    "altered_sentences": altered_sentences,
    "cue_phrases": cue_phrases,
    "templates": templates,
    "by_word": by_word,
    "same_or_other": same_or_other,
    "picked_out": picked_out,
}
