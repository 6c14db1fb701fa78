"""Model names that are no local folder: whether a hub can have them, asked once and quietly.

Nothing is downloaded here; loading is load.py.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from manyicl.errors import ModelError, did_you_mean, on_one_line
from manyicl.models.shipped import resolve

HUB_ID = re.compile(r"\w[\w.-]*(/[\w.-]+)?")


def check_name(key: str, name: str) -> None:
    """Raise `ModelError` at once for a name that is neither a folder nor to be had from a hub.

    `key` is the setting the message names. What a hub answers in any other way (busy, no such
    file) is left to the loading, which asks more than once.
    """
    path = Path(resolve(name, key))
    if path.is_dir():
        return
    if path.is_file():
        raise ModelError(f"{key}: {name!r} is a file. Name the folder that holds the model.")
    possible = bool(HUB_ID.fullmatch(name))
    if possible and _is_cached(name):
        return
    parent = path.parent
    if not possible or ("/" in name and parent.is_dir()):
        here = f"; a folder '{parent}' stands here, so no hub is asked" if possible else ""
        raise ModelError(
            f"{key}: {name!r} is no local folder{here}.{_near(path)} Name a model folder, a run "
            "folder, or a hub id (owner/name)."
        )
    error = _look_up(name)
    if error is not None:
        reason = on_one_line(error)
        raise ModelError(
            f"{key}: {name!r} is no local folder and could not be fetched from a hub ({reason})."
            f"{_near(path)} Check the name, or download the model where a hub can be reached and "
            "name the folder."
        )


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Keep the hub client's notes on every retry off the terminal; its last error still comes."""
    logger = logging.getLogger("huggingface_hub")
    loggers = [logger, logging.getLogger("huggingface_hub.utils._http")]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)


@cache
def fetched(name: str, file: str) -> Path | None:
    """Return a small file of a hub id, None if that has none or is no hub id."""
    if not HUB_ID.fullmatch(name):
        return None
    from huggingface_hub import hf_hub_download

    with quiet_hub():
        try:
            return Path(hf_hub_download(name, file))
        except Exception:  # no such file, or no hub: loading the model says which
            return None


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        files = ("config.json", "tokenizer_config.json", "adapter_config.json")
        return any(isinstance(try_to_load_from_cache(name, file), str) for file in files)
    except HFValidationError:
        return False


def _look_up(name: str) -> Exception | None:
    """Return why a hub cannot have this model, or None if it may. One request, no retries."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    with quiet_hub():
        try:
            get_hf_file_metadata(hf_hub_url(name, "config.json"))
        except RepositoryNotFoundError as error:  # or one that needs a permission
            return error
        except HfHubHTTPError:  # the hub did answer
            return None
        except Exception as error:  # no connection: its class is the HTTP client's
            return error
    return None


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    folders = [str(p) for p in path.parent.iterdir() if p.is_dir() and p.name[0] != "."]
    return did_you_mean(str(path), sorted(folders))
