"""A page under construction: what it has said about a key before is settled the next time."""

from __future__ import annotations

from collections.abc import Hashable

from manyicl.pretraining.patterns.piece import Piece


class Page:
    """Pieces of a page in reading order, with what its reader can know so far."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._open: list[str] = []
        self._known: dict[Hashable, str] = {}

    def add(self, text: str) -> None:
        """Add text that nothing before settles."""
        if text:
            self._open.append(text)

    def settle(self, text: str) -> None:
        """Add text that the page settles."""
        self._close()
        if text:
            self._pieces.append(Piece(text, True))

    def recall(self, key: Hashable, text: str, lead: str = " ") -> None:
        """Add `lead + text`; settled if the page has given this text for the key before.

        The lead (a space, an opening quote) is part of the piece: a token often spans both.

        Raises:
            ValueError: the page gave another text for the key.
        """
        known = self._known.get(key)
        self.learn(key, text)
        if known is None:
            self.add(lead + text)
        else:
            self.settle(lead + text)

    def learn(self, key: Hashable, text: str) -> None:
        """Note what the page has just said about the key in other words or in the other direction.

        Raises:
            ValueError: the page gave another text for the key.
        """
        if self._known.setdefault(key, text) != text:
            raise ValueError(f"{key!r} is {self._known[key]!r} on this page, not {text!r}")

    def pieces(self) -> list[Piece]:
        """Return the pieces; text that nothing settles is one piece between two settled ones."""
        self._close()
        return self._pieces

    def _close(self) -> None:
        if self._open:
            self._pieces.append(Piece("".join(self._open)))
            self._open.clear()
