"""Text from templates: alternatives in round brackets, symbols in braces, then English spelling.

`(red|blue)` is one of its parts, `{item}` a bound value or one of the symbol's templates, drawn
anew at each place. Meaning is no business of this module: what must agree is bound by the caller.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

_TOKEN = re.compile(r"[(){}|]|[^(){}|]+")
_SPACES = re.compile(r"  +")
_LOOSE = re.compile(r" (?=[,.;:!?\n])")
_START = re.compile(r"(?:[.!?]\s|\n)[a-z]")
# Patterns that begin with letters are searched eight times as fast as with \b or [Aa] before them.
_VOWEL = r"(?i:(?!uni|use|usu|uti|eu|one\b|once\b|ur[aeiou])(?=[aeiou8]|hour|honest|11\b|18\b))"
_SMALL_A = re.compile(rf"a (?<!\wa ){_VOWEL}")
_LARGE_A = re.compile(rf"A (?<!\wA ){_VOWEL}")


@dataclass(frozen=True, slots=True)
class _Symbol:
    name: str


@dataclass(frozen=True, slots=True)
class _Alternatives:
    parts: tuple[_Sequence, ...]


_Sequence = tuple["str | _Symbol | _Alternatives", ...]


class Grammar:
    """Templates by symbol. `write` gives a finished text, `expand` the raw one."""

    def __init__(self, rules: Mapping[str, Sequence[str]] | None = None) -> None:
        self.rules = dict(rules or {})
        for name, templates in self.rules.items():
            for template in templates:
                parse(template)  # a slip shows at import, not at the thousandth row
            if any(f"{{{name}}}" in template for template in templates):
                raise ValueError(f"the templates of '{name}' use '{name}' itself")

    def expand(self, rng: random.Random, template: str, **bound: object) -> str:
        """Return one text of the template; bound values go in as they are."""
        return "".join(self._walk(rng, parse(template), bound))

    def write(self, rng: random.Random, template: str, **bound: object) -> str:
        """Return one text of the template, spelled as English (see `polish`)."""
        return polish(self.expand(rng, template, **bound))

    def _walk(
        self, rng: random.Random, sequence: _Sequence, bound: Mapping[str, object]
    ) -> list[str]:
        out: list[str] = []
        for part in sequence:
            if isinstance(part, str):
                out.append(part)
            elif isinstance(part, _Alternatives):
                out += self._walk(rng, rng.choice(part.parts), bound)
            elif part.name in bound:
                out.append(str(bound[part.name]))
            else:
                out += self._walk(rng, parse(rng.choice(self.rules[part.name])), bound)
        return out


@cache
def parse(template: str) -> _Sequence:
    """Return the parts of a template. Raises `ValueError` where brackets do not match."""
    tokens = _TOKEN.findall(template)
    parts, rest = _parse_alternatives(tokens, template)
    if rest or len(parts) != 1:
        raise ValueError(f"a bracket is missing, or '|' stands outside brackets: {template!r}")
    return parts[0]


def _parse_alternatives(
    tokens: list[str], template: str
) -> tuple[tuple[_Sequence, ...], list[str]]:
    done: list[_Sequence] = []
    now: list[str | _Symbol | _Alternatives] = []
    while tokens and tokens[0] != ")":
        token, *tokens = tokens
        if token == "|":
            done.append(tuple(now))
            now = []
        elif token == "(":
            parts, tokens = _parse_alternatives(tokens, template)
            if len(parts) == 1:
                raise ValueError(f"round brackets hold no alternatives: {template!r}")
            if not tokens:
                raise ValueError(f"a round bracket is never closed: {template!r}")
            now.append(_Alternatives(parts))
            tokens = tokens[1:]
        elif token == "{":
            if len(tokens) < 2 or tokens[1] != "}":
                raise ValueError(f"a brace is never closed: {template!r}")
            now.append(_Symbol(tokens[0]))
            tokens = tokens[2:]
        else:
            now.append(token)
    done.append(tuple(now))
    return tuple(done), tokens


def polish(text: str) -> str:
    """Return the text with single spaces, 'an' before vowels, and capitals at sentence starts."""
    text = _LOOSE.sub("", _SPACES.sub(" ", text)).replace("\n ", "\n").strip()
    text = _LARGE_A.sub("An ", _SMALL_A.sub("an ", text))
    return sentence(_START.sub(lambda found: found[0].upper(), text))


def sentence(text: str) -> str:
    """Return the text with a capital first letter and the rest as it is."""
    return text[:1].upper() + text[1:]


def listed(words: Sequence[str]) -> str:
    """Join words as English does.

    >>> listed(["tea", "milk", "bread"])
    'tea, milk and bread'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def counted(number: int, noun: str) -> str:
    """Write a count with its noun, in the plural where it must be.

    >>> counted(1, "box"), counted(3, "box"), counted(2, "knife")
    ('1 box', '3 boxes', '2 knives')
    """
    return f"{number} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a countable noun, or of the head of `loaf of bread`."""
    head, of, rest = noun.partition(" of ")
    return _plural_word(head) + of + rest


def _plural_word(noun: str) -> str:
    irregular = {"man": "men", "woman": "women", "child": "children", "mouse": "mice",
                 "goose": "geese", "sheep": "sheep", "potato": "potatoes", "tomato": "tomatoes",
                 "person": "people", "foot": "feet"}  # fmt: skip
    start, _, last = noun.rpartition(" ")
    start = f"{start} " if start else ""
    if last in irregular:
        return start + irregular[last]
    if re.search(r"(?:s|x|z|ch|sh)$", last):
        return f"{noun}es"
    if re.search(r"[^aeiou]y$", last):
        return f"{noun[:-1]}ies"
    if re.search(r"(?:l|kni|lea|loa|scar|wi|thie)(?:f|fe)$", last):
        return re.sub(r"fe?$", "ves", noun)
    return f"{noun}s"
