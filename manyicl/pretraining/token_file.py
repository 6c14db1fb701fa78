"""Token files: a source encoded once, one .npy file a split, read back without loading it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash
from tokenizers import Tokenizer

from manyicl.errors import ConfigError, ModelError, RunError
from manyicl.pretraining.corpus import SPLITS, Source, Split, read_blocks, read_documents, split_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FORMAT = 1  # raise it when the same source and tokenizer would give other files
PART_CHARS = 20_000
HELD_OUT_ONE_IN = 50
BATCH_CHARS = 1 << 20  # of one call of the tokenizer: bounds its memory


@dataclass(frozen=True)
class SplitCounts:
    """What a split holds. `tokens` counts the end marks, `bytes` is the documents' UTF-8 alone,
    `xxh3` the hash of the ids.
    """

    tokens: int
    bytes: int
    documents: int
    xxh3: str


@dataclass(frozen=True)
class TokenFile:
    """The token ids of one source, by split: NAME.train.npy and NAME.held_out.npy in `folder`."""

    name: str
    folder: Path
    counts: dict[Split, SplitCounts]

    def path(self, split: Split) -> Path:
        return _path(self.folder, self.name, split)

    def load(self, split: Split) -> np.ndarray:
        """Return the ids [tokens] of a split, mapped from disk (uint16 or uint32, read-only)."""
        return np.load(self.path(split), mmap_mode="r")


def tokenize(
    source: Source,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path | str,
    *,
    part_chars: int = PART_CHARS,
    held_out_one_in: int = HELD_OUT_ONE_IN,
) -> TokenFile:
    """Encode a source into `folder`, or return what is there if it came from the same in all.

    Every document (every part of one longer than `part_chars`) is followed by the tokenizer's EOS.
    Text that spells a special token stays text. NAME.json, written last, says what the files were
    made from; without it they count as absent. Raises `CorpusError` for a source that cannot be
    read, `ModelError` for a tokenizer that cannot encode it, `RunError` for a full disk.
    """
    if part_chars < 1 or held_out_one_in < 2:
        raise ConfigError("part_chars must be at least 1 and held_out_one_in at least 2.")
    folder = Path(folder)
    encoder = _DocumentEncoder(tokenizer)
    made_from = {
        "format": FORMAT,
        "source_xxh3": file_hash(source.path),
        "tokenizer_sha256": encoder.fingerprint,
        "dtype": encoder.dtype.name,
        "part_chars": part_chars,
        "held_out_one_in": held_out_one_in,
    }
    record = folder / f"{source.name}.json"
    counts = _matching(record, folder, source.name, made_from)
    if counts is None:
        try:
            counts = _write(source, encoder, folder, record, made_from)
        except OSError as error:
            raise RunError(
                f"{folder}: the tokens of {source.name!r} cannot be written "
                f"({error.strerror or error}). Free space or choose another folder."
            ) from None
    return TokenFile(source.name, folder, counts)


class _DocumentEncoder:
    """A tokenizer's backend, set to encode whole documents as they are."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        name = tokenizer.name_or_path
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if not isinstance(backend, Tokenizer):
            raise ModelError(
                f"tokenizer {name!r}: is not a fast tokenizer (tokenizer.json). Convert it with "
                "transformers, or choose another one."
            )
        end = tokenizer.eos_token_id
        if not isinstance(end, int):
            raise ModelError(f"tokenizer {name!r}: has no EOS token to end documents with.")
        # A copy: a call elsewhere that truncates must not cut documents, nor the other way round.
        self._backend = Tokenizer.from_str(backend.to_str())
        self._backend.no_truncation()
        self._backend.no_padding()
        self.fingerprint = hashlib.sha256(f"{end} {self._backend.to_str()}".encode()).hexdigest()
        self._backend.encode_special_tokens = True
        num_ids = max([end, *self._backend.get_vocab().values()]) + 1
        self.dtype = np.dtype(np.uint16 if num_ids <= 1 << 16 else np.uint32)
        self._end = np.array([end], self.dtype)

    def encode(self, texts: list[str]) -> np.ndarray:
        """Return the ids of all texts, each with its end mark, in one array."""
        pieces: list[np.ndarray] = []
        for encoding in self._backend.encode_batch_fast(texts, add_special_tokens=False):
            pieces += [np.array(encoding.ids, self.dtype), self._end]
        return np.concatenate(pieces)


class _Writer:
    """A one-dimensional .npy file that grows: its header is written again when all is known."""

    def __init__(self, path: Path, dtype: np.dtype):
        self.path, self.tokens, self.bytes, self.documents = path, 0, 0, 0
        self.part = path.with_name(path.name + ".part")
        self._dtype, self._hash = dtype, xxhash.xxh3_128()
        self._file = self.part.open("wb")
        self._header()

    def _header(self) -> None:
        # numpy leaves room in the header for the first axis to grow in place.
        described = {"descr": self._dtype.str, "fortran_order": False, "shape": (self.tokens,)}
        np.lib.format.write_array_header_1_0(self._file, described)

    def append(self, ids: np.ndarray, texts: list[str]) -> None:
        self._file.write(ids.data)
        self._hash.update(ids.data)
        self.tokens += len(ids)
        self.bytes += sum(len(text.encode()) for text in texts)
        self.documents += len(texts)

    def seal(self) -> dict[str, Any]:
        """Put the finished file in its place and return what is to be known about it."""
        self._file.seek(0)
        self._header()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self.part, self.path)
        return asdict(SplitCounts(self.tokens, self.bytes, self.documents, self._hash.hexdigest()))

    def discard(self) -> None:
        """Leave nothing half-written behind; after `seal` there is nothing to do."""
        self._file.close()
        self.part.unlink(missing_ok=True)


def _write(
    source: Source,
    encoder: _DocumentEncoder,
    folder: Path,
    record: Path,
    made_from: dict[str, Any],
) -> dict[Split, SplitCounts]:
    folder.mkdir(parents=True, exist_ok=True)
    writers: dict[Split, _Writer] = {}
    part = record.with_name(record.name + ".part")
    try:
        for split in SPLITS:
            writers[split] = _Writer(_path(folder, source.name, split), encoder.dtype)
        for texts in _batches(read_documents(source, made_from["part_chars"])):
            sides: dict[Split, list[str]] = {split: [] for split in SPLITS}
            for text in texts:
                sides[split_of(text, made_from["held_out_one_in"])].append(text)
            for split, chosen in sides.items():
                if chosen:
                    writers[split].append(encoder.encode(chosen), chosen)
        record.unlink(missing_ok=True)  # it must never describe a mix of old and new files
        sealed = {split: writer.seal() for split, writer in writers.items()}
        described = {**made_from, "source": source.path.name, "splits": sealed}
        part.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
        os.replace(part, record)
    finally:
        for writer in writers.values():
            writer.discard()
        part.unlink(missing_ok=True)
    return _counts(sealed)


def _batches(documents: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in documents:
        batch.append(text)
        size += len(text)
        if size >= BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _matching(
    record: Path, folder: Path, name: str, made_from: dict[str, Any]
) -> dict[Split, SplitCounts] | None:
    """Return the counts of the files in place, None unless they are whole and made from the same.

    Also what fails in reading them counts as absent: they can always be made anew.
    """
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        if any(found[key] != value for key, value in made_from.items()):
            return None
        for split in SPLITS:
            ids = np.load(_path(folder, name, split), mmap_mode="r")
            expected = found["splits"][split]
            if ids.dtype.name != made_from["dtype"] or ids.shape != (expected["tokens"],):
                return None
            if xxhash.xxh3_128(ids.data).hexdigest() != expected["xxh3"]:
                return None
        return _counts(found["splits"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _counts(splits: dict[Any, dict[str, Any]]) -> dict[Split, SplitCounts]:
    return {split: SplitCounts(**splits[split]) for split in SPLITS}


def _path(folder: Path, name: str, split: Split) -> Path:
    return folder / f"{name}.{split}.npy"


def file_hash(path: Path) -> str:
    """Return the xxh3 of a file, 32 hex digits. Raises `CorpusError` if it cannot be read."""
    digest = xxhash.xxh3_128()
    for block in read_blocks(path):
        digest.update(block)
    return digest.hexdigest()
