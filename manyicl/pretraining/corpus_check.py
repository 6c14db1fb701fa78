"""Whether a run folder's checkpoint was trained on this corpus: else its positions mean nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyicl.errors import ConfigError, CorpusError, listing
from manyicl.pretraining import saving
from manyicl.pretraining.corpus_data import CorpusData
from manyicl.pretraining.settings import PretrainingConfig
from manyicl.pretraining.tokenizer import fingerprint
from manyicl.training.checkpoint import latest_checkpoint


def check_corpus(config: PretrainingConfig, run_dir: Path, data: CorpusData) -> None:
    """Raise `ConfigError` for another tokenizer than the newest checkpoint's, `CorpusError` for
    other text.

    Without a checkpoint any will do. Those of the first versions do not know their text: they take
    what is there.
    """
    checkpoint, _ = latest_checkpoint(run_dir)
    if checkpoint is None:
        return
    progress = saving.read_progress(checkpoint)
    if progress["tokenizer"] != fingerprint(data.tokenizer):
        raise ConfigError(
            f"{checkpoint}: was trained with another tokenizer than {run_dir / 'tokenizer'}. Put "
            "its own back there, or choose another run_dir."
        )
    before: Mapping[str, Any] = progress.get("sources") or data.sources
    changed = [
        f"source {name!r} {_difference(before.get(name), data.sources.get(name))}"
        for name in sorted(before.keys() | data.sources.keys())
        if before.get(name) != data.sources.get(name)
    ]
    if changed:
        model = run_dir / "model"
        onward = f", with start_from={model} to train its model on" if model.is_dir() else ""
        raise CorpusError(
            f"corpus: {config.corpus} is not the text that {run_dir} was trained on: "
            f"{listing(changed, 4)}. Put the old text back, or begin in a new run_dir{onward}."
        )


def _difference(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> str:
    if now is None:
        return "is gone"
    if before is None:
        return "is new"
    if before["tokens"] != now["tokens"]:
        return f"had {before['tokens']:,} training tokens and has {now['tokens']:,}"
    if before["xxh3"] != now["xxh3"]:
        return "has other text, of as many tokens"
    return (
        f"was a file of {before['file_bytes']:,} bytes and is one of {now['file_bytes']:,} "
        "(without weights the size of a file is its share of the words that patterns are made of)"
    )
