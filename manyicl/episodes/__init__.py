"""HOW tasks are shown: selection, template, token boundaries, sequences, mixture, packing."""

from manyicl.episodes.encode import EncodedExample, Encoder
from manyicl.episodes.packing import pack
from manyicl.episodes.select import Pool, order_for_query, shared_order
from manyicl.episodes.sequence import EncodedPool, EncodedSequence, TargetSpan, join
from manyicl.episodes.stream import Episode, EpisodeStream

__all__ = [
    "EncodedExample",
    "EncodedPool",
    "EncodedSequence",
    "Encoder",
    "Episode",
    "EpisodeStream",
    "Pool",
    "TargetSpan",
    "join",
    "order_for_query",
    "pack",
    "shared_order",
]
