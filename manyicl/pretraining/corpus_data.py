"""From a corpus folder to what training needs: tokenizer, vocabulary, token files, shares."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyicl.errors import ConfigError, CorpusError, listing
from manyicl.files import folder_beside
from manyicl.models.load import load_tokenizer
from manyicl.pretraining.corpus import (
    Source,
    check_names,
    list_sources,
    read_documents,
    split_of,
    unread_files,
)
from manyicl.pretraining.patterns.vocabulary import Vocabulary
from manyicl.pretraining.settings import PretrainingConfig
from manyicl.pretraining.token_file import HELD_OUT_ONE_IN, PART_CHARS, TokenFile, tokenize
from manyicl.pretraining.tokenizer import corpus_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MIN_WORDS, MIN_SOURCES = 100, 5  # of the vocabulary: pattern documents draw so many different ones


@dataclass(frozen=True)
class CorpusData:
    """`tokens`: training ids by source; `weights`: their shares of the text rows.

    `sources`: what to know the text again by, of each source that is trained on. Equal ones give
    the same rows of text, and the same words for pattern documents.
    """

    tokenizer: PreTrainedTokenizerBase
    vocabulary: Vocabulary
    files: tuple[TokenFile, ...]
    tokens: Mapping[str, np.ndarray]
    weights: Mapping[str, float] | None
    sources: Mapping[str, Mapping[str, Any]]


def prepare(config: PretrainingConfig, run_dir: Path) -> CorpusData:
    """Train the tokenizer (once), encode the sources (once), collect words and sentences.

    Raises `CorpusError` for text that cannot be read or is too little, `ConfigError` for names in
    `leave_out` and `weights` that do not fit it.
    """
    sources = list_sources(config.corpus, config.leave_out)
    if others := unread_files(config.corpus):
        print(f"Not text by their names, so not read: {listing(others, 6)}.", flush=True)
    names = [source.name for source in sources]
    check_names(list(config.weights), names, "weights")
    weights = {name: config.weights.get(name, 0.0) for name in names} if config.weights else None
    if weights and not any(weights.values()):
        raise ConfigError(f"weights: none above 0 for {listing(names)}. Raise one, or set none.")
    if weights and (unused := [name for name in names if not weights[name]]):
        print(f"No share in weights, so not trained on: {listing(unused)}.", flush=True)
    sample = sample_documents(sources, weights, int(config.tokenizer_mb * 1e6))
    vocabulary = Vocabulary.from_documents(sample)
    if len(vocabulary.words) < MIN_WORDS or len(vocabulary.sources) < MIN_SOURCES:
        raise CorpusError(
            f"{config.corpus}: too little text: {len(vocabulary.words)} words besides the most "
            f"frequent ones, {len(vocabulary.sources)} documents of a dozen sentences; at "
            f"least {MIN_WORDS} and {MIN_SOURCES} are needed. Add text, separate documents by a "
            "blank line, or raise tokenizer_mb."
        )
    folder = run_dir / "tokenizer"
    if not (folder / "tokenizer.json").is_file():
        print("Training the tokenizer ...", flush=True)
        made = corpus_tokenizer(
            sample, vocabulary, config.shape.vocab_size, config.shape.max_position_embeddings
        )
        with folder_beside(folder, replace=True) as part:
            made.save_pretrained(part)
    tokenizer = load_tokenizer(str(folder))
    print("Encoding the corpus ...", flush=True)
    files = tuple(tokenize(source, tokenizer, run_dir / "tokens") for source in sources)
    tokens = {file.name: file.load("train") for file in files}
    used = {
        source.name: _known_by(source, file, weights)
        for source, file in zip(sources, files, strict=True)
        if weights is None or weights[source.name]
    }
    return CorpusData(tokenizer, vocabulary, files, tokens, weights, used)


def _known_by(
    source: Source, file: TokenFile, weights: Mapping[str, float] | None
) -> dict[str, Any]:
    train = file.counts["train"]
    # The sample's shares go by weight, or else by the size of the files.
    size = {} if weights else {"file_bytes": source.size}
    return {"tokens": train.tokens, "xxh3": train.xxh3, **size}


def sample_documents(
    sources: Sequence[Source], weights: Mapping[str, float] | None, num_chars: int
) -> list[str]:
    """Return training documents of all sources, about `num_chars` in all, shared out by weight.

    A source with less text than its share gives all it has.
    """
    sizes = weights or {source.name: float(source.size) for source in sources}
    total = sum(sizes.values())
    chosen: list[str] = []
    for source in sources:
        budget = int(num_chars * sizes[source.name] / total)
        documents = [
            d for d in read_documents(source, PART_CHARS) if split_of(d, HELD_OUT_ONE_IN) == "train"
        ]
        random.Random(f"sample/{source.name}").shuffle(documents)
        for document in documents:
            if budget <= 0:
                break
            chosen.append(document)
            budget -= len(document)
    return chosen
