"""What a run trains on: held-in tasks, the stream of their episodes, and the plan drawn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyicl.config import Config
from manyicl.episodes import EncodedPool, Encoder, EpisodeStream, Pool
from manyicl.errors import ConfigError
from manyicl.tasks import TaskCollection, load_tasks
from manyicl.training.base import training_tokenizer
from manyicl.training.plan import Plan, plan_rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def held_in_tasks(config: Config) -> TaskCollection:
    """Return the tasks a run trains on; no row of any task is opened yet."""
    held_in, _ = load_tasks(config.tasks.path).split_held_out(
        config.tasks.held_in, config.tasks.held_out
    )
    if config.regime == "dedicated" and len(held_in) > 1:
        names = ", ".join(task.name for task in held_in)
        raise ConfigError(
            f"regime: 'dedicated' trains on one task, but tasks.held_in holds {names}. Name one."
        )
    return held_in


def make_stream(config: Config, encoder: Encoder, held_in: TaskCollection) -> EpisodeStream:
    """Return the stream of training episodes over the held-in tasks."""
    pools = [EncodedPool(Pool(task), encoder) for task in held_in]
    return EpisodeStream(pools, config.episodes)


def planned(config: Config) -> tuple[PreTrainedTokenizerBase, EpisodeStream, Plan]:
    """Return the tokenizer, the stream and the plan of a run; no model, and nothing is written."""
    held_in = held_in_tasks(config)
    tokenizer = training_tokenizer(config, held_in)
    stream = make_stream(config, Encoder(tokenizer, config.template), held_in)
    return tokenizer, stream, plan_rows(stream, config)
