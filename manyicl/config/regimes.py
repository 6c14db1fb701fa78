"""Regimes: the four ways to fine-tune, as presets over one pipeline.

They differ in two switches only: how many demonstrations a sequence holds and which answers carry
loss. A setting of the user's own wins over the preset.
"""

from __future__ import annotations

from typing import Any

REGIMES: dict[str, dict[str, Any]] = {
    # ManyICL (arXiv 2506.11103): long sequences, every answer a target.
    "many_shot": {"episodes": {"shots": "fill"}, "objective": {"supervise": "every_answer"}},
    # MetaICL-style few-shot fine-tuning: five demonstrations, loss on the query's answer.
    "few_shot": {"episodes": {"shots": "6"}, "objective": {"supervise": "last_answer"}},
    # Instruction tuning without demonstrations, all tasks at once.
    "zero_shot": {"episodes": {"shots": "1"}, "objective": {"supervise": "last_answer"}},
    # The same on one task: one model per task.
    "dedicated": {"episodes": {"shots": "1"}, "objective": {"supervise": "last_answer"}},
}
