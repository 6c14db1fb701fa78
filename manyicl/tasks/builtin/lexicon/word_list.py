"""Word lists written as running text."""

from __future__ import annotations


def words(text: str, separator: str | None = None) -> tuple[str, ...]:
    """Return the words of the text, or its parts between separators.

    >>> words("tea milk"), words("green tea, milk", ", ")
    (('tea', 'milk'), ('green tea', 'milk'))
    """
    return tuple(text.split(separator))
