"""Reading a results.json, of a run or of a study, with one set of messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from manyicl.errors import ManyICLError

Found = TypeVar("Found")


@dataclass(frozen=True)
class ResultsFormat:
    """A kind of results.json, and what is said of a file that cannot be read as one."""

    error: type[ManyICLError]
    number: int
    """The `format` that is read."""
    section: Callable[[dict[str, Any]], Any]
    """Returns the part of the file with `format` in it; None in a file of another kind."""
    other: str
    """Said of a file of another kind."""
    place: str
    """Where such a file is: said where there is none."""
    damaged: str
    """What is damaged where a value is missing or of another type: `is damaged`."""
    again: str
    """How to get another file."""
    mend: str
    """The same, said of a damaged one."""

    def load(self, path: str | Path, parse: Callable[[str, str], Found]) -> Found:
        """Return what `parse` makes of the text and name of a file, or of results.json in a folder.

        Raises `error` where the file cannot be read, or is not UTF-8.
        """
        path = Path(path)
        file = path / "results.json" if path.is_dir() else path
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise self.error(f"{file}: not found. Name {self.place}.") from None
        except UnicodeDecodeError as error:
            raise self.error(f"{file}: byte {error.start} is not valid UTF-8.") from None
        except OSError as error:
            raise self.error(f"{file}: cannot be read ({error.strerror}).") from None
        return parse(text, str(file))

    def parse(self, text: str, place: str, build: Callable[[dict[str, Any]], Found]) -> Found:
        """Return what `build` makes of the file's JSON; `place` opens every message.

        Raises `error` for other files, other formats, and where `build` misses something.
        """
        try:
            found = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise self.error(f"{place}: not valid JSON ({error}).") from None
        section = self.section(found) if isinstance(found, dict) else None
        if not isinstance(section, dict):
            raise self.error(f"{place}: {self.other}")
        if section.get("format") != self.number:
            raise self.error(
                f"{place}: has format {section.get('format')!r}; this version reads {self.number}. "
                f"Use the version that wrote it, or {self.again}."
            )
        try:
            return build(found)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.error(f"{place}: {self.damaged} ({error}). {self.mend}.") from None
        except self.error as error:
            raise self.error(f"{place}: {error}") from None
