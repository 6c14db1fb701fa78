"""What all pages share: how a template is read, and how settings and machines are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template


def template(package: str, name: str, **filters: Callable[..., Any]) -> Template:
    """Return a template of a package: what it is given is escaped, an unknown name is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package, ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= filters
    return environment.get_template(name)


def environment_facts(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return where and with what something ran, as names and texts; not the command.

    >>> environment_facts({"git_hash": "1a2b", "threads": 2, "device": None, "command": "x"})
    {'git hash': '1a2b', 'threads': '2'}
    """
    return {
        key.replace("_", " "): str(value)
        for key, value in environment.items()
        if key != "command" and value is not None
    }


def yaml_text(config: Mapping[str, Any]) -> str:
    """Return a configuration as YAML; empty if it is.

    >>> print(yaml_text({"model": {"path": "é"}}), end="")
    model:
      path: é
    """
    import yaml

    if not config:
        return ""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100)
