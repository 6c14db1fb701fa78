"""Reading a configuration: defaults, then the regime's preset, then YAML files, then overrides."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from manyicl.config.regimes import REGIMES
from manyicl.config.schema import Config
from manyicl.errors import ConfigError, did_you_mean


def load_config(path: str | Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Return the resolved configuration.

    `overrides` are `key=value` or `--key value` pieces as they come from a command line. Raises
    `ConfigError` naming the file and the full key.
    """
    settings = OmegaConf.create({})
    if path is not None:
        settings = _read_yaml(Path(path))
    for key, value in parse_overrides(overrides):
        try:
            OmegaConf.update(settings, key, value, merge=False)
        except OmegaConfBaseException as error:
            raise ConfigError(f"override {key}: {_first_line(error)}") from None
    _expand_shorthands(settings)
    regime = settings.get("regime", Config.regime)
    if regime not in REGIMES:
        raise ConfigError(
            f"regime: is {regime!r}; it must be one of {', '.join(REGIMES)}."
            f"{did_you_mean(str(regime), list(REGIMES))}"
        )
    place = str(path) if path else "command line"
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Config), REGIMES[regime], settings)
        config = OmegaConf.to_object(merged)
    except ConfigKeyError as error:
        raise ConfigError(_unknown_key(place, str(error.full_key))) from None
    except OmegaConfBaseException as error:
        key = f" {error.full_key}:" if error.full_key else ""
        raise ConfigError(f"{place}:{key} {_first_line(error)}") from None
    assert isinstance(config, Config)
    return config


def save_config(config: Config, path: str | Path) -> None:
    """Write the resolved configuration; `load_config(path)` gives it back."""
    Path(path).write_text(OmegaConf.to_yaml(OmegaConf.structured(config)), encoding="utf-8")


def as_dict(config: Config) -> dict[str, Any]:
    return dataclasses.asdict(config)


def parse_overrides(pieces: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield (key, value) from `key=value`, `--key=value` and `--key value` pieces."""
    rest = list(pieces)
    while rest:
        piece = rest.pop(0)
        key, equals, text = piece.removeprefix("--").partition("=")
        if not equals:
            if not piece.startswith("--") or not rest:
                raise ConfigError(f"'{piece}': not an override. Write key=value or --key value.")
            text = rest.pop(0)
        key = key.replace("-", "_")
        if not re.fullmatch(r"[A-Za-z_][\w.]*", key):
            raise ConfigError(f"'{piece}': '{key}' is not a configuration key.")
        try:
            # YAML reads numbers, booleans and [lists]; `1-4` and plain words stay text.
            yield key, OmegaConf.to_container(OmegaConf.create({"v": _yaml(text)}))["v"]  # type: ignore[index,call-overload]
        except OmegaConfBaseException as error:
            raise ConfigError(f"override {key}: {_first_line(error)}") from None


def field_docs() -> list[tuple[str, str, str]]:
    """Return (full key, default as YAML, meaning) of every setting, in order."""
    return list(_field_docs(Config, ""))


def _field_docs(cls: type, prefix: str) -> Iterator[tuple[str, str, str]]:
    source = inspect.getsource(cls)
    for item in dataclasses.fields(cls):
        default = (
            item.default_factory()
            if item.default_factory is not dataclasses.MISSING
            else item.default
        )
        if dataclasses.is_dataclass(default):
            yield from _field_docs(type(default), f"{prefix}{item.name}.")
            continue
        found = re.search(rf'^    {item.name}:.*?\n    """(.*?)"""', source, re.S | re.M)
        meaning = " ".join(found[1].split()) if found else ""
        shown = repr(default) if isinstance(default, str) else str(default)
        yield f"{prefix}{item.name}", shown, meaning


def _expand_shorthands(settings: DictConfig) -> None:
    """`model=PATH` means model.path; one value where a list is expected is a list of one."""
    if isinstance(settings.get("model"), str):
        settings["model"] = {"path": settings["model"]}
    for key, default, _ in field_docs():
        if default.startswith("["):
            value = OmegaConf.select(settings, key)
            if isinstance(value, (str, int, float)):
                OmegaConf.update(settings, key, [value])


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _read_yaml(path: Path) -> DictConfig:
    if not path.is_file():
        raise ConfigError(f"{path}: no such recipe. Name a YAML file (see recipes/).")
    try:
        settings = OmegaConf.load(path)
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not valid UTF-8. Re-save the file as UTF-8.") from None
    except Exception as error:
        raise ConfigError(f"{path}: not valid YAML ({_first_line(error)}).") from None
    if not isinstance(settings, DictConfig):
        raise ConfigError(f"{path}: holds a list; a recipe is a mapping of keys to values.")
    return settings


def _unknown_key(place: str, key: str) -> str:
    known = [name for name, _, _ in field_docs()]
    parents = sorted({name.rpartition(".")[0] for name in known} - {""})
    return (
        f"{place}: unknown key '{key}'.{did_you_mean(key, known + parents)} "
        "'manyicl config' lists every key."
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
