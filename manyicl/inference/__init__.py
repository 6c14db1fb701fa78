"""Answers from shown examples: prefixes computed once, options scored, answers generated."""

from manyicl.inference.engine import Answer, Engine
from manyicl.inference.prefill import prefill
from manyicl.inference.prefix import Prefix, load_prefix, save_prefix
from manyicl.inference.score import OptionQuery, score_options

__all__ = [
    "Answer",
    "Engine",
    "OptionQuery",
    "Prefix",
    "load_prefix",
    "prefill",
    "save_prefix",
    "score_options",
]
