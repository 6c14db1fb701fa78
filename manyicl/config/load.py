"""Reading a configuration: defaults, then the regime's preset, then YAML files, then overrides."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints, overload

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    ConfigKeyError,
    GrammarParseError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from manyicl.config.regimes import REGIMES
from manyicl.config.schema import NANO, Config
from manyicl.errors import ConfigError, did_you_mean, first_line
from manyicl.recipes import RECIPES, find_recipe

C = TypeVar("C", bound=Config)


@overload
def load_config(path: str | Path | None = None, overrides: Sequence[str] = ()) -> Config: ...


@overload
def load_config(
    path: str | Path | None = None,
    overrides: Sequence[str] = (),
    *,
    schema: type[C],
    recipes: Path = ...,
) -> C: ...


def load_config(
    path: str | Path | None = None,
    overrides: Sequence[str] = (),
    *,
    schema: type[Config] = Config,
    recipes: Path = RECIPES,
) -> Config:
    """Return the resolved configuration of a recipe: a YAML file, a run folder, a shipped name.

    `schema` may be a dataclass with more sections than `Config` (a study has one of its own), whose
    shipped recipes are in the folder `recipes`.

    Of a run folder, `run_dir` is where it stands now, moved or copied; of a file, what it says.
    `overrides` are `key=value` or `--key value` pieces as they come from a command line. Raises
    `ConfigError` naming the file and the full key.
    """
    file = None if path is None else find_recipe(path, recipes)
    settings = OmegaConf.create({}) if file is None else read_yaml(file)
    if path is not None and file == Path(path) / "config.yaml":
        settings.run_dir = escaped(str(Path(path)))
    named = (str(file) if path is not None else "", "overrides" if overrides else "")
    place = " with ".join(filter(None, named))
    try:
        _expand_shorthands(settings, place, schema)  # so that `model: PATH` can take `model.x=1`
        changes = list(parse_overrides(overrides, schema))
        _drop_model_config(settings, [key for key, value in changes if value])
        for key, value in changes:
            OmegaConf.update(settings, key, value, merge=False)
        _expand_shorthands(settings, place, schema)
        regime = settings.get("regime", Config.regime)
        if not isinstance(regime, str) or regime not in REGIMES:
            raise ConfigError(
                f"{place}: regime: is {_shown(regime)}; it must be one of {', '.join(REGIMES)}."
                f"{did_you_mean(str(regime), list(REGIMES))}"
            )
        if missing := sorted(OmegaConf.missing_keys(settings)):
            raise ConfigError(f"{place}: {missing[0]}: is '???', which means no value. Give one.")
        _refuse_nano_with_config(settings, place)
        merged = OmegaConf.merge(OmegaConf.structured(schema), REGIMES[regime], settings)
        config = OmegaConf.to_object(merged)
    except ConfigKeyError as error:
        raise ConfigError(_unknown_key(place, str(error.full_key), schema)) from None
    except OmegaConfBaseException as error:
        raise ConfigError(f"{place}: {_explained(error, schema)}") from None
    assert isinstance(config, Config)
    return config


def _drop_model_config(settings: DictConfig, overridden: list[str]) -> None:
    """A model named on the command line takes the place of the one a recipe builds."""
    model = settings.get("model")
    if "model.path" not in overridden or not isinstance(model, DictConfig):
        return
    for key in ("config", "tokenizer", "vocab_size"):
        if not any(name.startswith(f"model.{key}") for name in overridden):
            model.pop(key, None)


def _refuse_nano_with_config(settings: DictConfig, place: str) -> None:
    """Where both are written down, the schema could not tell this path from its default."""
    if OmegaConf.select(settings, "model.path") == NANO and OmegaConf.select(
        settings, "model.config"
    ):
        raise ConfigError(
            f"{place}: model.path and model.config are both set. Keep one of them (model.path= on "
            "the command line clears the path)."
        )


def save_config(config: Config, path: str | Path) -> None:
    """Write the resolved configuration; `load_config(path)` gives it back."""
    settings = OmegaConf.create(escaped(as_dict(config)))
    Path(path).write_text(OmegaConf.to_yaml(settings), encoding="utf-8")


def as_dict(config: Config) -> dict[str, Any]:
    """Return the settings as nested plain values."""
    return dataclasses.asdict(config)


def parse_overrides(
    pieces: Sequence[str], schema: type[Config] = Config
) -> Iterator[tuple[str, Any]]:
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
        if key == "model":
            key = "model.path"
        yield key, _parse_value(key, text, schema)


def _parse_value(key: str, text: str, schema: type[Config]) -> Any:
    """Read `text` as YAML; for settings that are text, take it as it stands or between quotes."""
    quoted = re.fullmatch(r"(['\"]).*\1", text, re.S)
    if _types(schema).get(key) is str and not quoted and text != "null":
        return text
    import yaml

    try:
        value = OmegaConf.from_dotlist([f"v={text}"])["v"]
    except yaml.YAMLError:
        return text
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


def field_docs(schema: type[Config] = Config) -> list[tuple[str, str, str]]:
    """Return (full key, default as YAML, meaning) of every setting, in order."""
    return list(_field_docs(schema, ""))


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


@cache
def _types(schema: type[Config]) -> dict[str, Any]:
    """Return the type of every setting and every section (a dataclass) by full key."""
    found: dict[str, Any] = {}

    def add(cls: type, prefix: str) -> None:
        for name, kind in get_type_hints(cls).items():
            found[prefix + name] = kind
            if dataclasses.is_dataclass(kind):
                add(kind, f"{prefix}{name}.")  # pyright: ignore[reportArgumentType]

    add(schema, "")
    return found


def _expand_shorthands(settings: DictConfig, place: str, schema: type[Config]) -> None:
    """`model: PATH` means model.path; one value where a list is expected is a list of one."""
    if isinstance(settings.get("model"), str):
        settings["model"] = {"path": settings["model"]}
    for key, kind in _types(schema).items():
        value = OmegaConf.select(settings, key)
        if dataclasses.is_dataclass(kind):
            parent, _, name = key.rpartition(".")
            holder = OmegaConf.select(settings, parent) if parent else settings
            if value is None and holder is not None:
                holder.pop(name, None)  # a section without settings
            elif not isinstance(value, (DictConfig, type(None))):
                first = dataclasses.fields(kind)[0].name
                raise ConfigError(
                    f"{place}: {key}: is {_shown(value)}, but it is a section. Set the keys in "
                    f"it, e.g. {key}.{first}."
                )
        elif get_origin(kind) is list and isinstance(value, (str, int, float)):
            OmegaConf.update(settings, key, [value])
        elif isinstance(value, DictConfig if get_origin(kind) is list else ListConfig) or (
            isinstance(value, ListConfig) and _is_nested(value)
        ):
            raise ConfigError(f"{place}: {key}: is {_shown(value)}; {_expected(kind)}.")


def _is_nested(value: ListConfig) -> bool:
    """Return whether a list holds lists or mappings; references in it are left as they are."""
    members: Any = OmegaConf.to_container(value, resolve=False)
    return any(isinstance(member, (dict, list)) for member in members)


def _explained(error: OmegaConfBaseException, schema: type[Config]) -> str:
    key = re.sub(r"\[.*$", "", str(error.full_key or ""))
    if isinstance(error, (GrammarParseError, InterpolationResolutionError)):
        return (
            f"{key}: {first_line(error)}. '${{' begins a reference to another key; write "
            "'\\${' for the text itself."
        )
    kind = _types(schema).get(key)
    if kind is None:
        return f"{key}: {first_line(error)}"
    return f"{key}: is {_shown(error.value)}; {_expected(kind)}."


def _expected(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"it must be one of {', '.join(get_args(kind))}"
    if get_origin(kind) is list:
        member = {str: "texts, e.g. [a, b]"}.get(get_args(kind)[0], "numbers, e.g. [1, 2]")
        return f"it must be a list of {member}"
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return f"it must be {words.get(kind, 'a mapping of keys to values')}"


def _shown(value: Any) -> str:
    return "empty" if value is None else repr(value)


def escaped(value: Any) -> Any:
    """Return nested settings with every '${' marked as text."""
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + r"\${", value)
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def read_yaml(path: Path) -> DictConfig:
    """Read a recipe. Raises `ConfigError` unless it is a YAML mapping."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such recipe. Name a YAML file (see recipes/).")
    try:
        settings = OmegaConf.load(path)
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not valid UTF-8. Re-save the file as UTF-8.") from None
    except Exception as error:
        raise ConfigError(f"{path}: not valid YAML ({first_line(error)}).") from None
    if not isinstance(settings, DictConfig):
        raise ConfigError(f"{path}: holds a list; a recipe is a mapping of keys to values.")
    return settings


def _unknown_key(place: str, key: str, schema: type[Config]) -> str:
    known = list(_types(schema))
    hint = did_you_mean(key, known)
    if not hint:  # the right name in the wrong section
        full = {name.rpartition(".")[2]: name for name in known}
        close = difflib.get_close_matches(key.rpartition(".")[2], full, n=1)
        hint = f" Did you mean {full[close[0]]!r}?" if close else ""
    return f"{place}: unknown key '{key}'.{hint} 'manyicl config' lists every key."
