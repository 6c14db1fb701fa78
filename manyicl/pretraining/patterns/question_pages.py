"""Pages that ask for what they have said: invented facts, quizzes, quoted sentences."""

from __future__ import annotations

import random

from manyicl.pretraining.patterns.draws import (
    add_title,
    distinct,
    fresh,
    full_name,
    name,
    phrase,
    sentence_draw,
    value_draw,
)
from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary

# {e} has {v} as its {r}: relations are any words of the corpus, so that no knowledge helps
_FACTS = (
    "The {r} of {e} is {v}.", "{e}'s {r} is {v}.", "{e} has {v} as {r}.", "As {r}, {e} has {v}.",
    "For {e} the {r} is {v}.", "{v} is the {r} of {e}.", "It is {v} that {e} has for {r}.",
    "{e} chose {v} as {r}.", "With {e}, {v} is the {r}.", "{e} calls {v} the {r}.",
    "They say that the {r} of {e} is {v}.", "{e} ({r}: {v}).",
    "{v}, the {r} of {e}, is well known.",
)  # fmt: skip
_QUESTIONS = (
    "What is the {r} of {e}?", "What is {e}'s {r}?", "{e} has what as {r}?", "Which {r} has {e}?",
    "What does {e} have as {r}?", "Tell me the {r} of {e}.", "{r} of {e}?", "And the {r} of {e}?",
)  # fmt: skip
_REVERSED = ("Whose {r} is {v}?", "Who has {v} as {r}?", "Which one has the {r} {v}?")
_ASKED = (
    ("Q: ", "\nA:", "\n"), ("", "", "\n"), ("Question: ", "\nAnswer:", "\n\n"),
    ("- ", "\n  ", "\n"),
    ("", "\n", "\n\n"), ("**", "**", "\n"), ("? ", " !", "\n"), ("Ask: ", " Say:", "\n"),
)  # fmt: skip
_QUIZ = (
    "Who {}?",
    "What {}?",
    "Where {}?",
    "When {}?",
    "Which {}?",
    "How {}?",
    "{}?",
    "Name the {}.",
)


def fact_questions(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Facts about invented names in varied sentences, then questions in other words."""
    page = Page()
    add_title(page, rng, vocabulary)
    make = rng.choice((name, full_name))
    new_name = fresh(lambda: make(rng, vocabulary))
    relations = distinct(lambda: rng.choice(vocabulary.words), rng.choice((1, 2, 4, 6)))
    values = {relation: value_draw(rng, vocabulary) for relation in relations}
    said = rng.sample(_FACTS, rng.choice((1, 3, len(_FACTS))))
    asked = rng.sample(_QUESTIONS, rng.choice((1, 3, len(_QUESTIONS))))
    before, tie, after = rng.choice(_ASKED)
    sentence, share_filler = sentence_draw(rng, vocabulary), rng.choice((0.0, 0.0, 0.4))
    share_reversed = rng.choice((0.0, 0.0, 0.4))
    per_block, between = rng.choice((2, 4, 8, 16)), rng.choice((" ", "\n"))
    value_of: dict[tuple[str, str], str] = {}
    left, entities = size, [new_name()]
    while left > 0:
        for fact in range(min(left, per_block, max(1, size // 2))):
            if rng.random() < 0.6:
                entities.append(new_name())
            open_facts = [
                (entity, relation)
                for entity in entities[-3:]
                for relation in relations
                if (entity, relation) not in value_of
            ]
            if not open_facts:
                entities.append(new_name())
                open_facts = [(entities[-1], relation) for relation in relations]
            entity, relation = rng.choice(open_facts)
            value = values[relation]()
            value_of[entity, relation] = value
            page.add(between if fact else "")
            page.add(rng.choice(said).format(e=entity, r=relation, v=value))
            if rng.random() < share_filler:
                page.add(between + sentence())
            left -= 1
        page.add("\n\n")
        known = list(value_of)
        for _ in range(min(left, rng.randint(1, 4 * per_block))):
            entity, relation = rng.choice(known)
            value = value_of[entity, relation]
            question, answer = rng.choice(asked), value
            if rng.random() < share_reversed and _holders(value_of, relation, value) == 1:
                question, answer = rng.choice(_REVERSED), entity
            page.add(before + question.format(e=entity, r=relation, v=value) + tie)
            page.settle((" " if not tie.endswith(("\n", " ")) else "") + answer)
            page.add(after)
            left -= 1
        page.add("\n")
    return page.pieces()


def _holders(value_of: dict[tuple[str, str], str], relation: str, value: str) -> int:
    return sum(r == relation and v == value for (_, r), v in value_of.items())


def quiz(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Rounds of the same questions in a new order; from the second round on answers are known."""
    page = Page()
    add_title(page, rng, vocabulary)
    before, tie, after = rng.choice(_ASKED)
    lead = "" if tie.endswith(("\n", " ")) else " "
    answer = value_draw(rng, vocabulary)
    forms = rng.sample(_QUIZ, rng.choice((1, 3, len(_QUIZ))))
    make = fresh(lambda: rng.choice(forms).format(phrase(rng, vocabulary, 2, 6)))
    numbered = rng.random() < 0.5
    answer_of = {
        make(): answer() for _ in range(min(rng.choice((3, 5, 8, 12, 20)), max(1, size // 2)))
    }
    left = size
    while left > 0:
        order = rng.sample(list(answer_of), len(answer_of))
        for place, question in enumerate(order[:left], start=1):
            page.add((f"{place}. " if numbered else "") + before + question + tie)
            page.recall(question, answer_of[question], lead)
            page.add(after)
        left -= len(order)
        page.add(rng.choice(("\n", "Again!\n", "Next round\n")))
        if rng.random() < 0.3:
            answer_of[make()] = answer()
    return page.pieces()


def quotations(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Numbered corpus sentences that are quoted, continued or filled in further down."""
    page = Page()
    add_title(page, rng, vocabulary)
    new_sentence = fresh(sentence_draw(rng, vocabulary))
    entry = rng.choice(("[{}]", "{}.", "({})", "Note {}:", "{})"))
    quote = rng.choice(("see {}:", "> {}:", "{} again:", "In {} we read:", "{}?"))
    gap = rng.choice(("____", "[...]", "***", "(?)"))
    ways = rng.choice((("quote",), ("continue",), ("gap",), ("quote", "continue", "gap")))
    stated: list[str] = []
    left = size
    while left > 0:
        for _ in range(min(left, rng.choice((2, 4, 6)), max(1, size // 2))):
            stated.append(new_sentence())
            page.add(f"{entry.format(len(stated))} {stated[-1]}\n")
            left -= 1
        page.add("\n")
        for _ in range(min(left, rng.choice((3, 6, 12)))):
            number = rng.randrange(max(0, len(stated) - 12), len(stated))
            words = stated[number].split(" ")
            way = rng.choice(ways)
            if way == "quote" or len(words) < 4:
                page.add(quote.format(number + 1))
                page.settle(f" {stated[number]}")
            elif way == "continue":
                kept = rng.randint(2, len(words) - 1)
                page.add(" ".join(words[:kept]))
                page.settle(" " + " ".join(words[kept:]))
            else:
                place = rng.randrange(len(words))
                page.add(" ".join([*words[:place], gap, *words[place + 1 :]]) + " ->")
                page.settle(f" {words[place]}")
            page.add("\n")
            left -= 1
        page.add("\n")
    return page.pieces()


QUESTIONS: dict[str, Pattern] = {
    "fact_questions": fact_questions,
    "quiz": quiz,
    "quotations": quotations,
}
