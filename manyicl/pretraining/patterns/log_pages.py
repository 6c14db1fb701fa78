"""Log files and consoles: identifiers bring their texts back, settings keep their last value."""

from __future__ import annotations

import random

from manyicl.pretraining.patterns.draws import (
    Recurring,
    add_title,
    fresh,
    name,
    phrase,
    value_draw,
)
from manyicl.pretraining.patterns.page import Page
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.vocabulary import Vocabulary, nonsense

# how a value is set and asked for; {k} is the key, the value follows
_CONSOLES = (
    ("> set {k}", " ", "\nOK\n", "> get {k}\n", "", "\n"),
    (">>> {k} =", " ", "\n", ">>> {k}\n", "", "\n"),
    ("$ export {K}=", "", "\n", "$ echo ${K}\n", "", "\n"),
    ("let {k} =", " ", ";\n", "print({k}); //", " ", "\n"),
    ("{k} :=", " ", "\n", "{k}?", " ", "\n"),
    ("Now {k} is", " ", ".\n", "And {k}? It is", " ", ".\n"),
)


def log_file(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Log lines: a service keeps its process number, a code its message, a session its user."""
    page = Page()
    stamp = _Stamp(rng)
    services = Recurring(
        rng,
        fresh(lambda: f"{rng.choice(vocabulary.words)}{rng.choice(('d', '', '-svc'))}"),
        size,
    )
    events = Recurring(
        rng, fresh(lambda: f"{rng.choice('AEKMPQZ')}{rng.randrange(10, 9999)}"), size
    )
    sessions = Recurring(rng, fresh(lambda: f"{rng.randrange(16**3, 16**5):x}"), size)
    shows = rng.choice(((1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 1, 0), (0, 0, 1)))
    parameter = f"{rng.choice(vocabulary.words)}=" if rng.random() < 0.4 else ""
    session_word = rng.choice(("session", "req", "id", "user of", "#"))
    texts: dict[str, str] = {}
    for line in range(size):
        stamp.write(page, line)
        if shows[0]:
            service = services.draw()
            process = texts.setdefault(f"service {service}", str(rng.randrange(100, 32000)))
            page.add(f" {service}[")
            page.recall(("process", service), process, lead="")
            page.add("]")
        if shows[1]:
            event = events.draw()
            message = texts.setdefault(f"event {event}", phrase(rng, vocabulary, 2, 6))
            page.add(f" {event}:")
            page.recall(("message", event), message)
        if parameter:
            page.add(f" {parameter}{rng.randrange(1000)}")
        if shows[2]:
            session = sessions.draw()
            user = texts.setdefault(f"session {session}", nonsense(rng))
            page.add(f" {session_word} {session} ->")
            page.recall(("user", session), user)
        page.add("\n")
    return page.pieces()


class _Stamp:
    """The start of a log line: a time that moves irregularly or evenly, a counter, or nothing."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._form = rng.choice(("clock", "clock", "even", "counter", "none"))
        self._step = rng.choice((1, 5, 10, 15, 30, 60))
        self._now = rng.randrange(86_400) if self._form != "counter" else rng.randrange(5000)
        self._date = (
            f"2{rng.randrange(100, 999)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d} "
        )
        self._date = rng.choice(("", self._date, "["))

    def write(self, page: Page, line: int) -> None:
        """Write the stamp of the line; an even one is settled once two lines tell the step."""
        if self._form == "none":
            page.add("-")
            return
        if self._form == "counter":
            self._now += 1
            page.add("#")
            self._put(page, str(self._now), line > 0)
            return
        even = self._form == "even"
        self._now = (self._now + (self._step if even else self._rng.randint(0, 90))) % 86_400
        minutes, seconds = divmod(self._now, 60)
        page.add(self._date)
        self._put(page, f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}", even and line > 1)
        page.add("]" if self._date == "[" else "")

    def _put(self, page: Page, text: str, settled: bool) -> None:
        if settled:
            page.settle(text)
        else:
            page.add(text)


def console(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """Settings that are set, asked for and set anew: the last value holds."""
    page = Page()
    set_to, set_lead, set_end, asked, asked_lead, asked_end = rng.choice(_CONSOLES)
    keys = Recurring(rng, fresh(lambda: vocabulary.word(rng)), size)
    value = value_draw(rng, vocabulary)
    share_set = rng.choice((0.1, 0.2, 0.4))
    value_of: dict[str, str] = {}
    for _ in range(size):
        key = keys.draw()
        if key not in value_of or rng.random() < share_set:
            value_of[key] = value()
            page.add(set_to.format(k=key, K=key.upper()) + set_lead + value_of[key] + set_end)
        else:
            page.add(asked.format(k=key, K=key.upper()))
            page.settle(asked_lead + value_of[key])
            page.add(asked_end)
    return page.pieces()


def dialogue(rng: random.Random, vocabulary: Vocabulary, size: int) -> list[Piece]:
    """A script in which a call gets the reply it got before, from anyone or from that speaker."""
    page = Page()
    add_title(page, rng, vocabulary)
    new_speaker = fresh(lambda: name(rng, vocabulary))
    caller = new_speaker()
    speakers = [new_speaker() for _ in range(rng.choice((1, 2, 3)))]
    own_replies = rng.random() < 0.5
    form = rng.choice(("{}:", "{}.", "<{}>", "{} -", "[{}]", "- {}:"))
    end = rng.choice((".", "!", "", "..."))
    call_words, reply_words = rng.choice(((1, 2), (2, 5), (3, 8))), rng.choice(((1, 2), (2, 6)))
    calls = Recurring(
        rng, fresh(lambda: phrase(rng, vocabulary, *call_words).capitalize() + "?"), size
    )
    replies: dict[tuple[str, str], str] = {}
    for _ in range(size):
        call, speaker = calls.draw(), rng.choice(speakers)
        key = (call, speaker if own_replies else "")
        if key not in replies:
            replies[key] = phrase(rng, vocabulary, *reply_words).capitalize() + end
        page.add(f"{form.format(caller)} {call}\n{form.format(speaker)}")
        page.recall(key, replies[key])
        page.add("\n")
    return page.pieces()


LOGS: dict[str, Pattern] = {"log_file": log_file, "console": console, "dialogue": dialogue}
