"""Tasks and streams for the tests of what training is shown."""

from __future__ import annotations

from itertools import islice
from typing import Any, get_args, get_type_hints

from builders import byte_level_tokenizer, make_task
from texts import LONG

from manyicl.config import EpisodesConfig
from manyicl.episodes import EncodedPool, Encoder, Episode, EpisodeStream, Pool
from manyicl.tasks import Example, Task

ENCODER = Encoder(byte_level_tokenizer())
SELECTIONS = get_args(get_type_hints(EpisodesConfig)["selection"])
MIXTURES = get_args(get_type_hints(EpisodesConfig)["mixture"])


def numbered(num_rows: int, name: str = "numbered", width: int = 1) -> Task:
    """A task whose rows have nothing in common."""
    rows = [Example(f"n{i} " * (1 + i % width), "ab"[i % 2]) for i in range(num_rows)]
    return make_task(rows, name=name, instruction="")


def clustered(copies: int, others: int) -> Task:
    """A task with `copies` nearly equal rows among `others` that have nothing in common."""
    rows = [Example(LONG + " " * i, "a") for i in range(copies)]
    rows += [Example(f"n{i}", "b") for i in range(others)]
    return make_task(rows, name="clustered", instruction="")


def stream_of(tasks: list[Task], **config: Any) -> EpisodeStream:
    encoder = config.pop("encoder", ENCODER)
    pools = [EncodedPool(Pool(task), encoder) for task in tasks]
    return EpisodeStream(pools, EpisodesConfig(**config))


def draw(stream: EpisodeStream, number: int) -> list[Episode]:
    return list(islice(stream, number))
