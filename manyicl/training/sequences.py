"""Export of training sequences in the columns that TRL's SFTTrainer reads as they are.

One row a sequence: `input_ids`, and `labels` with -100 where there is no loss. The weights of other
normalisers than token_mean have no place in these columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from manyicl.config import Config, save_config
from manyicl.episodes import Episode, EpisodeStream
from manyicl.errors import ConfigError
from manyicl.files import check_free, whole_folder
from manyicl.training.data import planned
from manyicl.training.objective import IGNORED, supervise

SEQUENCES_A_GROUP = 256  # kept in memory before they are written
FILE = "data/train-00000-of-00001.parquet"

CARD = """\
---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
---

# {number:,} many-shot training sequences

Regime `{regime}`, supervised: `{supervise}`, up to {max_tokens:,} tokens a sequence. Columns:
`input_ids`, and `labels`, the same ids with -100 where a token carries no loss. `tokenizer/` is the
tokenizer the ids belong to, `recipe.yaml` the configuration.
{notes}

```python
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

trainer = SFTTrainer(
    model="...",  # with the vocabulary of tokenizer/
    args=SFTConfig(max_length=None, packing=False),  # a shorter length would cut demonstrations
    train_dataset=load_dataset("this folder", split="train"),
)
```

| task | licence of the data |
|---|---|
{tasks}
"""


def export_sequences(
    config: Config,
    folder: str | Path,
    number: int | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Write the sequences of a run's plan, the first `number` of them, in the plan's order.

    Returns how many were written, and how many were left out because none of their tokens carries
    loss (such a row would make a trainer divide by zero). `advance` is told (done, of). Raises
    `ManyICLError`, and then writes nothing.
    """
    import pyarrow
    import pyarrow.parquet

    folder = Path(folder)
    check_free(folder, "--sequences")
    if number is not None and number < 1:
        raise ConfigError(f"--num: is {number}; it must be at least 1.")
    tokenizer, stream, plan = planned(config)
    episodes = [episode for row in plan for episode in row]
    if number is not None and number > len(episodes):
        raise ConfigError(
            f"--num: is {number:,}, but the run has {len(episodes):,} sequences. Lower it, or "
            "raise training.steps."
        )
    episodes = episodes[:number]
    schema = pyarrow.schema(
        [(name, pyarrow.list_(pyarrow.int32())) for name in ("input_ids", "labels")]
    )
    written, done = 0, 0
    with whole_folder(folder) as part:
        (part / FILE).parent.mkdir()
        with pyarrow.parquet.ParquetWriter(part / FILE, schema) as writer:
            for group in _groups(episodes):
                rows = [row for row in _rows(stream, group, config) if row]
                if rows:
                    writer.write_table(pyarrow.Table.from_pylist(rows, schema))
                written, done = written + len(rows), done + len(group)
                if advance:
                    advance(done, len(episodes))
        tokenizer.save_pretrained(part / "tokenizer")
        save_config(config, part / "recipe.yaml")
        (part / "README.md").write_text(_card(config, stream, written, done), encoding="utf-8")
    return written, done - written


def weights_note(config: Config) -> str:
    """Return what the columns cannot say of the objective, or an empty string."""
    normaliser = config.objective.normaliser
    if normaliser == "token_mean":
        return ""
    return (
        f"The weights of objective.normaliser={normaliser} are not in the columns: a trainer that "
        "reads them counts every supervised token the same."
    )


def _groups(episodes: list[Episode]) -> Iterator[list[Episode]]:
    rest = iter(episodes)
    while group := list(islice(rest, SEQUENCES_A_GROUP)):
        yield group


def _rows(
    stream: EpisodeStream, episodes: list[Episode], config: Config
) -> Iterator[dict[str, Any] | None]:
    """Yield the columns of every sequence, None where nothing carries loss."""
    for episode in episodes:
        sequence = stream.sequence(episode)
        labels = supervise(sequence, config.objective).labels
        if all(label == IGNORED for label in labels):
            yield None
        else:
            yield {"input_ids": sequence.input_ids, "labels": labels}


def _card(config: Config, stream: EpisodeStream, written: int, planned: int) -> str:
    notes = [weights_note(config)]
    if written < planned:
        left_out = planned - written
        notes.append(f"{left_out:,} sequences in which nothing carries loss are left out.")
    return CARD.format(
        number=written,
        regime=config.regime,
        supervise=config.objective.supervise,
        max_tokens=config.episodes.max_tokens,
        notes="".join(f"\n{note}\n" for note in notes if note),
        tasks="\n".join(
            f"| {pool.task.name} | {pool.task.source.get('licence', 'not stated')} |"
            for pool in stream.pools
        ),
    )
