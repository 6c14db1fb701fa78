"""Hugging Face datasets: splits read from the hub, or from files of the same columns on disk.

Datasets that need their own loading script are refused (`datasets` no longer runs such scripts);
the hub exports most of them to Parquet, under the revision `refs/convert/parquet`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyicl.errors import TaskError, did_you_mean, first_line, listing
from manyicl.tasks.tables import SUFFIXES, Reading, Table, dataset_table, join_tables, read_table

if TYPE_CHECKING:
    from datasets import Dataset

PARQUET_EXPORT = "refs/convert/parquet"  # one folder a configuration, one a split below it
TEST_NAMES = ("test", "validation", "dev", "valid", "val")
LOCAL_FILES = (
    "Where the hub cannot be reached, download the files elsewhere and name them: "
    "--files train=PATH test=PATH (Parquet, JSON, JSON Lines, CSV or Arrow), or --files FOLDER."
)


def hub_tables(
    hub: str, config: str = "", train: str = "train", test: str | None = None, revision: str = ""
) -> dict[str, Table]:
    """Read the train and test split of a hub dataset. Raises `TaskError` with the way out.

    `test` None takes the first of test, validation, dev that there is, "" none at all.
    """
    splits = _load(hub, config, revision)
    name = f"{hub} ({config})" if config else hub
    chosen = _choose_splits(name, list(splits), train, test)
    return {key: dataset_table(f"{name} {split}", splits[split]) for key, split in chosen.items()}


def _load(hub: str, config: str, revision: str) -> dict[str, Dataset]:
    import datasets
    from datasets.exceptions import DatasetNotFoundError

    place = f"{hub} ({config})" if config else hub
    what: dict[str, Any] = {"name": config or None, "revision": revision or None}
    if revision == PARQUET_EXPORT:
        what = {"data_dir": config or "default", "revision": revision}
    try:
        found: Any = datasets.load_dataset(hub, **what)
    except DatasetNotFoundError as error:
        raise TaskError(
            f"{place}: {first_line(error)} Check the id (OWNER/NAME); a gated dataset needs its "
            f"terms accepted and a login on the hub. {LOCAL_FILES}"
        ) from None
    except ConnectionError as error:
        raise TaskError(
            f"{place}: the hub cannot be reached ({first_line(error)}). {LOCAL_FILES}"
        ) from None
    except Exception as error:  # the library and what it stands on raise dozens of kinds here
        raise _explained(place, error) from None
    return dict(found)


def _explained(place: str, error: Exception) -> TaskError:
    text = first_line(error)
    if "script" in text.lower():
        return TaskError(
            f"{place}: needs its own loading script, which is not run. Try the hub's export "
            f"(--revision {PARQUET_EXPORT}) or a Parquet copy of the dataset. {LOCAL_FILES}"
        )
    if "config name" in str(error).lower() or "BuilderConfig" in str(error):
        return TaskError(f"{place}: {' '.join(str(error).split())} Choose one with --config.")
    return TaskError(f"{place}: cannot be loaded ({type(error).__name__}: {text}). {LOCAL_FILES}")


def _choose_splits(place: str, known: list[str], train: str, test: str | None) -> dict[str, str]:
    if test is None:
        test = next((name for name in TEST_NAMES if name in known and name != train), "")
    chosen = {"train": train} | ({"test": test} if test else {})
    for key, split in chosen.items():
        if split not in known:
            raise TaskError(
                f"{place}: no split '{split}'.{did_you_mean(split, known)} Splits found: "
                f"{listing(known)}. Choose one with --{key}-split."
            )
    return chosen


def local_tables(
    files: Sequence[str],
    config: str = "",
    train: str = "train",
    test: str | None = None,
    reading: Reading | None = None,
) -> dict[str, Table]:
    """Read local files in place of a hub dataset. Raises `TaskError`.

    `files` holds SPLIT=PATH entries (a split may have several), or one folder or file. In a folder,
    the files of a split are those with its name in their path, below `config` if that is a folder.
    """
    paths: dict[str, list[Path]] = {}
    plain = [entry for entry in files if not re.match(r"\w+=", entry)]
    for entry in files:
        if entry not in plain:
            split, _, path = entry.partition("=")
            paths.setdefault(split, []).append(Path(path).expanduser())
    if plain and (paths or len(plain) > 1):
        raise TaskError(
            f"--files: '{plain[0]}' names no split. Write train=PATH test=PATH, or one folder."
        )
    if plain:
        paths = _find_files(Path(plain[0]).expanduser(), config, train, test)
    chosen = _choose_splits("--files", list(paths), train, test)
    return {
        key: join_tables([read_table(path, reading) for path in paths[split]])
        for key, split in chosen.items()
    }


def _find_files(folder: Path, config: str, train: str, test: str | None) -> dict[str, list[Path]]:
    """Return split -> files by the split names in the file names of a folder."""
    if folder.is_file() or (folder / "state.json").is_file():
        return {train: [folder]}
    if not folder.is_dir():
        raise TaskError(f"--files: {folder}: no such file or folder.")
    if config and (folder / config).is_dir():
        folder = folder / config
    names = [train, *([test] if test else TEST_NAMES)]
    found: dict[str, list[Path]] = {}
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix.lower() in SUFFIXES]
    for path in files:
        relative = str(path.relative_to(folder))
        for name in sorted(names, key=len, reverse=True):
            if re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z])", relative):
                found.setdefault(name, []).append(path)
                break
    if train not in found:
        raise TaskError(
            f"--files: {folder} holds no file of the split '{train}' (files: "
            f"{listing([path.name for path in files]) or 'none'}). Name them: --files {train}=PATH."
        )
    return found
