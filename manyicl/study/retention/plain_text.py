"""Text that no task comes from: where it is read from, and which passages of it are measured.

The word `python_docs` names text that every CPython carries (the topics of its `help()`): English
technical prose, so that nothing is downloaded. It differs between Python versions, which is why the
hash of a text goes into the results. Any other name is a file or folder.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from manyicl.study.records import StudyError

PYTHON_DOCS = "python_docs"
FEWEST_BYTES = 20_000  # less than this says more about its subject than about a model
MOST_BYTES = 64_000_000  # it is held in memory, and a sample of it is measured
PASSAGE_CHARS = 4_000
SUFFIXES = (".txt", ".jsonl")
_UNDERLINE = re.compile(r"^([*=\-~^\"'#+])\1{2,}$")


@dataclass(frozen=True)
class PlainText:
    """Passages of at most about `PASSAGE_CHARS` characters, in the order of their files.

    `sha256`: of the passages with a zero byte behind each; `num_bytes`: of their UTF-8.
    """

    name: str
    documents: tuple[str, ...]
    sha256: str
    num_bytes: int


def load_texts(where: str) -> PlainText:
    """Read `python_docs`, a folder of *.txt, one .txt, or a .jsonl of objects with "text".

    Each file, and each row of a .jsonl, is a document; long ones are cut into passages between
    lines (a single line is never cut). Raises `StudyError` for what is missing, unreadable, not
    UTF-8, under 20 kB or over 64 MB.
    """
    where = str(where)
    if not where.strip():
        raise StudyError(
            f"study text: no name is given. Name a folder of *.txt, a file, or {PYTHON_DOCS}."
        )
    documents = _python_docs() if where == PYTHON_DOCS else _files(Path(where).expanduser())
    passages = tuple(passage for document in documents for passage in _passages(document))
    encoded = [passage.encode() for passage in passages]
    size = sum(map(len, encoded))
    if size < FEWEST_BYTES:
        raise StudyError(
            f"{where}: holds {size:,} bytes of text; at least {FEWEST_BYTES:,} are needed to "
            f"measure a model. Add text, or use {PYTHON_DOCS}."
        )
    digest = hashlib.sha256(b"".join(passage + b"\0" for passage in encoded))
    return PlainText(where, passages, digest.hexdigest(), size)


def sample(texts: PlainText, seed: int = 0) -> list[str]:
    """Return all documents in a random order that depends on the text and the seed alone."""
    order = list(texts.documents)
    random.Random(f"{texts.sha256}/{seed}").shuffle(order)
    return order


# --- sources -----------------------------------------------------------------------------------


def _python_docs() -> Iterator[str]:
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise StudyError(
            f"{PYTHON_DOCS}: this Python comes without its documentation topics "
            "(pydoc_data). Name a folder of *.txt instead."
        ) from None
    # Some topics are parts of others: a paragraph is taken once, from the longest topic.
    seen: set[str] = set()
    for name in sorted(topics, key=lambda name: (-len(topics[name]), name)):
        text = "\n".join(
            line.rstrip() for line in topics[name].splitlines() if not _UNDERLINE.match(line)
        )
        paragraphs = [part for part in re.split(r"\n{2,}", text.strip()) if part not in seen]
        seen.update(paragraphs)
        if paragraphs:
            yield "\n\n".join(paragraphs)


def _files(path: Path) -> Iterator[str]:
    if not path.exists():
        raise StudyError(
            f"{path}: not found. Name a folder of *.txt, a .txt, a .jsonl, or {PYTHON_DOCS}."
        )
    try:
        found = [path] if path.is_file() else sorted(path.glob("*.txt"))
        found = [file for file in found if not file.name.startswith(".")]
        size = sum(file.stat().st_size for file in found)
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror or error}).") from None
    if not found:
        raise StudyError(f"{path}: holds no *.txt. Put UTF-8 text there, or use {PYTHON_DOCS}.")
    if path.is_file() and path.suffix not in SUFFIXES:
        raise StudyError(
            f"{path}: ends in {path.suffix!r}; a text is a {' or a '.join(SUFFIXES)}. Rename or "
            "convert it."
        )
    if size > MOST_BYTES:
        raise StudyError(
            f"{path}: holds {size / 1e6:,.0f} MB; at most {MOST_BYTES / 1e6:.0f} MB are read, and "
            "a small part is enough. Name a smaller file or folder."
        )
    for file in found:
        text = _decode(file)
        yield from _rows(file, text) if file.suffix == ".jsonl" else (text,)


def _decode(file: Path) -> str:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = error.start
    except OSError as error:
        raise StudyError(f"{file}: cannot be read ({error.strerror or error}).") from None
    else:
        # Other encodings and binary data that pass as UTF-8 give themselves away by zeros.
        if "\0" not in text:
            return text.replace("\r\n", "\n")
        wrong = len(text.partition("\0")[0].encode())
    raise StudyError(
        f"{file}: byte {wrong} is not UTF-8 text. Convert it (e.g. iconv -f LATIN1 -t UTF-8)."
    )


def _rows(file: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise StudyError(
                f"{file} row {number}: not valid JSON ({error}). Write one object a line."
            ) from None
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise StudyError(
                f'{file} row {number}: has no text under "text". Write rows like {{"text": "..."}}.'
            )
        try:
            row["text"].encode()
        except UnicodeEncodeError:
            raise StudyError(
                f"{file} row {number}: holds half a character (a lone surrogate escape). "
                "Remove it, or leave the row out."
            ) from None
        yield row["text"]


def _passages(document: str) -> Iterator[str]:
    lines: list[str] = []
    size = 0
    for line in document.split("\n"):
        if lines and size + len(line) > PASSAGE_CHARS:
            yield from _whole(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    yield from _whole(lines)


def _whole(lines: list[str]) -> Iterator[str]:
    text = "\n".join(lines).strip()
    if text:
        yield text
