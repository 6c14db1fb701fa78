"""Invented people: first names with the pronouns that go with them, and surnames."""

from __future__ import annotations

import random
from dataclasses import dataclass

from manyicl.tasks.builtin.lexicon.word_list import words

WOMEN = words(
    "Ada Aisha Alma Amara Anna Bianca Carmen Chloe Clara Dina Elena Elif Emma Fatima Freya Grace "
    "Hana Helen Ines Irina Ivy Jana Julia Karin Keiko Laila Lena Lucia Mara Maya Mei Mina Nadia "
    "Nina Nora Olga Paula Priya Rosa Ruth Sara Selma Sofia Tara Tessa Uma Vera Wanda Yara Zoe"
)
MEN = words(
    "Adam Ahmed Anton Arjun Ben Boris Bruno Carlos Chen Daniel David Dmitri Emil Eric Felix Finn "
    "George Hugo Ibrahim Igor Ivan Jack James Jonas Jorge Karl Kenji Leo Liam Luca Marco Martin "
    "Milan Mohan Nils Noah Omar Oscar Pavel Peter Rafael Ravi Samir Simon Theo Tom Victor Viktor "
    "William Yusuf"
)
SURNAMES = words(
    "Abbott Adeyemi Alvarez Andersson Baker Banerjee Becker Bennett Brandt Carter Castillo Chan "
    "Cohen Costa Dahl Demir Duarte Ekman Farah Fischer Fournier Garcia Grant Haddad Hansen Hughes "
    "Ito Jansen Kaya Keller Khan Kim Kowalski Larsen Lindgren Lopez Marin Mensah Meyer Moreau "
    "Murphy Nakamura Novak Okafor Olsen Osei Patel Pereira Popescu Quinn Reyes Rossi Sato Schmidt "
    "Shah Silva Sousa Tanaka Torres Varga Vogel Walker Weber Wong Yilmaz Zimmer"
)


@dataclass(frozen=True)
class Person:
    """A name with its pronouns: `they` is the subject form ('she'), `their` the possessive."""

    first: str
    surname: str
    they: str
    them: str
    their: str

    @property
    def full(self) -> str:
        return f"{self.first} {self.surname}"

    @property
    def formal(self) -> str:
        return f"{'Ms' if self.they == 'she' else 'Mr'} {self.surname}"


def people(rng: random.Random, number: int) -> list[Person]:
    """Return so many people whose first names and surnames all differ."""
    names = rng.sample(WOMEN + MEN, number)
    surnames = rng.sample(SURNAMES, number)
    return [
        Person(first, surname, *(("she", "her", "her") if first in WOMEN else ("he", "him", "his")))
        for first, surname in zip(names, surnames, strict=True)
    ]


def person(rng: random.Random) -> Person:
    """Return one person."""
    return people(rng, 1)[0]
