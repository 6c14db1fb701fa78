"""What made a model: its training program and all before it (`pretraining.json` in its folder).

A record holds of one program: `steps`, `tokens`, `seconds`, `tokenizer` (fingerprint), `settings`
(all but folders of the machine), `stages` (what each took: `tokens`, `text_rows` by source;
`planned` where the log does not say), `sources` (their training tokens), `began_from` (SHA-256 of
the weights it started from, null for random ones) and `before`: the records, without this key, of
the programs before it, the first one first.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from manyicl.files import replace_file
from manyicl.pretraining import saving, starting_point
from manyicl.pretraining.corpus_data import CorpusData
from manyicl.pretraining.run_log import read_log
from manyicl.pretraining.seen_text import seen_text, stages_done
from manyicl.pretraining.settings import PretrainingConfig
from manyicl.pretraining.tokenizer import fingerprint

# Of this machine, or no matter of the weights.
UNTOLD = ("run_dir", "corpus", "start_from", "probe_every", "log_every", "save_minutes")


def made_by(
    config: PretrainingConfig, run_dir: Path, data: CorpusData, progress: dict[str, Any]
) -> dict[str, Any]:
    """Return the record of a finished program; `progress` gives `steps`, `tokens`, `seconds`."""
    done = stages_done(config, read_log(run_dir))
    sizes = {file.name: file.counts["train"].tokens for file in data.files}
    rows = seen_text(config, sizes, data.weights, done).rows
    read = {name for stage in rows for name in stage}
    start = starting_point.began(config, run_dir) or {"weights": None, "before": []}
    settings = dataclasses.asdict(config)
    return {
        **{key: progress[key] for key in ("steps", "tokens", "seconds")},
        "tokenizer": fingerprint(data.tokenizer),
        "settings": {key: value for key, value in settings.items() if key not in UNTOLD},
        "stages": [
            {"tokens": stage.tokens, "planned": stage.planned, "text_rows": dict(taken)}
            for stage, taken in zip(done, rows, strict=True)
        ],
        "sources": {name: tokens for name, tokens in sizes.items() if name in read},
        "began_from": start["weights"],
        "before": start["before"],
    }


def read(folder: Path) -> dict[str, Any]:
    """Return the record of a model folder. Raises `OSError`, `ValueError` if there is none."""
    return json.loads((folder / saving.MADE_BY).read_text(encoding="utf-8"))


def is_whole(folder: Path) -> bool:
    """Return whether the record tells the program; those of the first versions do not."""
    return "settings" in read(folder)


def complete(folder: Path, config: PretrainingConfig, run_dir: Path, data: CorpusData) -> None:
    """Write the record of a finished model anew, with its steps, tokens and seconds as they are."""
    record = made_by(config, run_dir, data, read(folder))
    replace_file(folder / saving.MADE_BY, json.dumps(record, indent=1) + "\n", lasting=True)
