"""A prefix kept in a file between predictions: which demonstrations of the pool it shows.

That it belongs to the model, tokenizer and template is checked by prefix.py.
"""

from __future__ import annotations

from pathlib import Path

from manyicl.episodes import EncodedPool
from manyicl.errors import PrefixError, RunError
from manyicl.files import check_writable
from manyicl.inference.engine import Engine
from manyicl.inference.prefix import Prefix


def check_place(engine: Engine, path: Path) -> None:
    """Raise `PrefixError` or `RunError` if a prefix could not be kept at `path`."""
    if not engine.shares_prefix:
        raise PrefixError(
            f"{path}: this model's prefixes cannot be shared, so there is nothing to save. "
            "Leave --prefix out."
        )
    if path.is_dir():
        raise PrefixError(f"{path}: is a folder. Name a file, e.g. {path / 'prefix.safetensors'}.")
    if not path.exists():
        check_writable(path)


def save_whole(engine: Engine, prefix: Prefix, path: Path) -> None:
    """Write the prefix; the file is there whole or not at all. Raises `RunError`."""
    from safetensors import SafetensorError

    try:
        engine.save_prefix(prefix, path)
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path}: cannot be written ({error}). Free space there.") from None


def open_saved(engine: Engine, pool: EncodedPool, path: Path) -> tuple[Prefix, list[int]]:
    """Return a saved prefix and the rows of the pool it shows, in order.

    Raises `PrefixError` if it belongs to another model, tokenizer, template, task, or pool.
    """
    prefix = engine.load_prefix(path)
    opening = list(pool.opening())
    if prefix.ids[: prefix.stops[0]] != opening:
        raise PrefixError(
            f"{path}: opens with another instruction than task '{pool.task.name}'. Name a new "
            "file, and the prefix is computed."
        )
    row_of: dict[tuple[int, ...], int] = {}
    for row in range(len(pool)):
        shown = pool.demonstration(row)
        ids = (*shown.prompt, *shown.target, *pool.encoder.separator)
        row_of.setdefault(ids, row)
    rows: list[int] = []
    for shot, (start, stop) in enumerate(zip(prefix.stops, prefix.stops[1:], strict=False)):
        row = row_of.get(tuple(prefix.ids[start:stop]))
        if row is None:
            text = pool.encoder.decode(prefix.ids[start:stop])
            raise PrefixError(
                f"{path}: its demonstration {shot + 1} ({text.strip()[:60]!r} ...) is not among "
                f"those of task '{pool.task.name}'. Name a new file, and the prefix is computed."
            )
        rows.append(row)
    return prefix, rows
