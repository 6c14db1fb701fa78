"""A folder of text files as documents, each of them for training or held out."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from manyicl.errors import ConfigError, CorpusError, did_you_mean, listing

Split = Literal["train", "held_out"]
SPLITS: tuple[Split, ...] = ("train", "held_out")
ZSTD = ".zst"
TEXT_SUFFIXES = (".txt", ".txt" + ZSTD)
MARKDOWN_SUFFIXES = (".md", ".md" + ZSTD)
BLOCK_BYTES = 1 << 18


@dataclass(frozen=True)
class Source:
    """One file of a corpus folder. `name`: without suffixes; `size`: bytes as it lies there."""

    name: str
    path: Path
    size: int


def list_sources(
    folder: Path | str, leave_out: Sequence[str] = (), *, markdown: bool = False
) -> list[Source]:
    """Return the text files of `folder` by name: *.txt, *.txt.zst and, if `markdown`, *.md.

    Subfolders and hidden files are not looked at; `unread_files` names the rest. Raises
    `CorpusError` for a folder that is missing or without text or holds a name twice, `ConfigError`
    for a name in `leave_out` that is no source and where nothing would remain.
    """
    folder = Path(folder).expanduser()
    suffixes = _suffixes(markdown)
    named: dict[str, Source] = {}
    for path in _files(folder):
        name = _name(path, suffixes)
        if name is None:
            continue
        if name in named:
            raise CorpusError(
                f"{folder}: {named[name].path.name!r} and {path.name!r} are both the source "
                f"{name!r}. Rename or remove one of them."
            )
        named[name] = Source(name, path, path.stat().st_size)
    if not named:
        others = unread_files(folder, markdown=markdown)
        found = f"only {listing(others, 6)}" if others else "no file at all"
        raise CorpusError(
            f"{folder}: no text found ({' or '.join('*' + s for s in suffixes)}), {found}. "
            "Put UTF-8 text there: a paragraph a line, a blank line between documents."
        )
    check_names(leave_out, list(named), "leave_out")
    kept = [named[name] for name in sorted(named) if name not in set(leave_out)]
    if not kept:
        raise ConfigError(f"leave_out: leaves none of the {len(named)} sources of {folder}.")
    return kept


def unread_files(folder: Path | str, *, markdown: bool = False) -> list[str]:
    """Return the names of the files in `folder` that `list_sources` passes over."""
    suffixes = _suffixes(markdown)
    return [p.name for p in _files(Path(folder).expanduser()) if _name(p, suffixes) is None]


def check_names(names: Sequence[str], known: Sequence[str], key: str) -> None:
    """Raise `ConfigError` for a name under the setting `key` that is no source of the corpus."""
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{key}: the corpus has no source {name!r}.{did_you_mean(name, list(known))} "
                f"It has {listing(sorted(known))}."
            )


def read_documents(source: Source, part_chars: int | None = None) -> Iterator[str]:
    """Yield the documents of a source in order: paragraphs joined by newlines.

    With `part_chars` a longer document comes in parts of about that many characters, cut between
    paragraphs (a single paragraph is never cut); then no more than two parts are in memory. Raises
    `CorpusError` for what is not UTF-8 or not zstd, and for a source without any document.
    """
    held: list[str] = []  # a finished part, kept until it is known how much follows it
    current: list[str] = []
    size = 0
    empty = True
    for paragraph in _paragraphs(source):
        if paragraph is None:
            if current and held and part_chars and size < part_chars // 2:
                held, current = held + current, []  # a short end belongs to the part before it
            for part in (held, current):
                if part:
                    yield "\n".join(part)
            held, current, size = [], [], 0
            continue
        empty = False
        if part_chars and size >= part_chars:
            if held:
                yield "\n".join(held)
            held, current, size = current, [], 0
        current.append(paragraph)
        size += len(paragraph) + 1
    if empty:
        raise CorpusError(
            f"{source.path}: holds no document, only blank lines or nothing. "
            f"Fill it, remove it, or name {source.name!r} in leave_out."
        )


def split_of(text: str, held_out_one_in: int = 50) -> Split:
    """Return the split of a document, by its text alone: copies are always on the same side."""
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"corpus split").digest()
    return "held_out" if int.from_bytes(digest, "big") % held_out_one_in == 0 else "train"


def _suffixes(markdown: bool) -> tuple[str, ...]:
    return TEXT_SUFFIXES + MARKDOWN_SUFFIXES * markdown


def _name(path: Path, suffixes: tuple[str, ...]) -> str | None:
    """Return the source name of a file, None if it is not one that is read."""
    for suffix in suffixes:
        if path.name.endswith(suffix) and len(path.name) > len(suffix):
            return path.name.removesuffix(suffix)
    return None


def _files(folder: Path) -> list[Path]:
    if not folder.exists():
        raise CorpusError(f"{folder}: no such folder. Name a folder of *.txt or *.txt.zst files.")
    if not folder.is_dir():
        raise CorpusError(f"{folder}: is a file. Name the folder it lies in.")
    try:
        return sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    except OSError as error:
        raise CorpusError(f"{folder}: cannot be read ({error.strerror or error}).") from None


def _paragraphs(source: Source) -> Iterator[str | None]:
    """Yield non-blank lines as text, and None where a document ends."""
    packed = source.path.name.endswith(ZSTD)
    offset = 0
    for line in _lines(_zstd_blocks(source.path) if packed else read_blocks(source.path)):
        start = len(codecs.BOM_UTF8) if not offset and line.startswith(codecs.BOM_UTF8) else 0
        try:
            text = line[start:].decode("utf-8")
        except UnicodeDecodeError as error:
            wrong = start + error.start
        else:
            # Other encodings and binary data that pass as UTF-8 give themselves away by zeros.
            wrong = start + len(text.partition("\0")[0].encode()) if "\0" in text else -1
        if wrong >= 0:
            where = f"byte {offset + wrong}" + (" of the unpacked text" if packed else "")
            raise CorpusError(
                f"{source.path}: not UTF-8 text: 0x{line[wrong]:02x} at {where}. Convert it "
                f"(e.g. iconv -f LATIN1 -t UTF-8), or name {source.name!r} in leave_out."
            )
        offset += len(line) + 1
        yield text.removesuffix("\r") if text.strip() else None
    yield None


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []  # joined once: a line may be far longer than a block
    for block in blocks:
        first, *others = block.split(b"\n")
        rest.append(first)
        for line in others:
            yield b"".join(rest)
            rest = [line]
    yield b"".join(rest)


def read_blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file. Raises `CorpusError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror or error}).") from None


def _zstd_blocks(path: Path) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        raise CorpusError(
            f"{path}: reading it needs the package zstandard. Install it "
            "(pip install 'manyicl[pretrain]'), or unpack the file with zstd -d."
        ) from None
    # Frames are taken one by one, because the library's own reader passes a file that was cut off
    # as if it ended there.
    frame = None
    try:
        for block in read_blocks(path):
            while block:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                yield frame.decompress(block)
                block = frame.unused_data
                if frame.eof:
                    frame = None
    except zstandard.ZstdError as error:
        reason = str(error)
    else:
        if frame is None:
            return
        reason = "it is cut off"
    raise CorpusError(f"{path}: cannot be unpacked by zstd ({reason}). Copy it again.") from None
