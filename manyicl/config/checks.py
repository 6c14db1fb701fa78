"""Checks of single settings: each raises `ConfigError` with the key and what was found."""

from __future__ import annotations

import math

from manyicl.errors import ConfigError


def at_least(least: int, key: str, value: int) -> None:
    if value < least:
        raise ConfigError(f"{key}: is {value}; it must be at least {least}.")


def above_zero(key: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ConfigError(f"{key}: is {value}; it must be a number above 0.")


def share(key: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ConfigError(f"{key}: is {value}; it must lie between 0 and 1.")


def one_of(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{key}: is {value!r}; it must be one of {', '.join(allowed)}.")
