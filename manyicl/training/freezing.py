"""Parameters that keep their values while the others train (`training.freeze`)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import nn

from manyicl.errors import ConfigError

NUM_SHOWN = 3  # names of parameters in a message


def freeze(model: nn.Module, patterns: Sequence[str]) -> None:
    """Keep the parameters whose name matches one of the regular expressions somewhere.

    Of a model with an adapter the names are those of the adapter's parameters, as its base is
    frozen anyway. Tied weights are one parameter, under the name of the first. Raises `ConfigError`
    for a pattern that matches nothing, and when nothing is left to train.
    """
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    names = list(trained)
    for pattern in patterns:
        found = [name for name in names if re.search(pattern, name)]
        if not found:
            middle = len(names) // 2
            shown = ", ".join(names[middle : middle + NUM_SHOWN])
            raise ConfigError(
                f"training.freeze: {pattern!r} matches no parameter that would train. It is a "
                f"regular expression, looked for anywhere in a name, such as {shown}."
            )
        for name in found:
            trained[name].requires_grad_(False)
    if patterns and not any(p.requires_grad for p in trained.values()):
        raise ConfigError(
            f"training.freeze: {list(patterns)} match all {len(names)} parameters, so nothing is "
            "left to train. Leave some out."
        )
