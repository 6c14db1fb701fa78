"""A page as its parts, so that tests can ask what stands where."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Tags, attributes, ids, and every table as its caption and rows of texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.captions: list[str] = []
        self.tables: list[list[list[str]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag, attrs) -> None:
        self.tags[tag] += 1
        self.attributes += [(key, value or "") for key, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
            self.captions.append("")
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags[tag] += 1
        self.attributes += [(key, value or "") for key, value in attrs]

    def handle_endtag(self, tag) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data
        if "caption" in self._open:
            self.captions[-1] += data
        elif {"td", "th"} & set(self._open):
            # Small type stands on a line of its own: a space keeps it apart here.
            self.tables[-1][-1][-1] += f" {data}" if "small" in self._open else data

    def values(self, key: str) -> list[str]:
        return [value for name, value in self.attributes if name == key]

    def row(self, caption: str, head: str) -> dict[str, str]:
        """Return a row's cells by column, of the first table whose caption holds all words."""
        for text, table in zip(self.captions, self.tables, strict=True):
            if all(word in text for word in caption.split("|")):
                for row in table[1:]:
                    if " ".join(row[0].split()).startswith(head):
                        cells = [" ".join(cell.split()) for cell in row]
                        return dict(zip(table[0], cells, strict=True))
        raise AssertionError(f"no row {head!r} in a table {caption!r}")
