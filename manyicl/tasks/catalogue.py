"""The catalogue: public datasets with what an import needs to know of each, in catalogue.yaml.

An entry is data: hub id, configuration, splits, column mapping, instruction, metric, licence. The
datasets themselves are not part of this project and keep their own terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

from manyicl.errors import TaskError, did_you_mean, listing
from manyicl.tasks.hub import hub_tables, local_tables
from manyicl.tasks.import_report import ImportReport
from manyicl.tasks.mapping import ColumnMapping
from manyicl.tasks.sampling import Limits
from manyicl.tasks.sources import TaskFields, import_tables
from manyicl.tasks.task import Family, Kind, Metric

CATALOGUE = Path(__file__).parent / "catalogue.yaml"


@dataclass(frozen=True)
class CatalogueEntry:
    """One public task: where its rows are, and what becomes of them."""

    name: str
    family: Family
    kind: Kind
    metric: Metric
    hub: str
    columns: ColumnMapping
    instruction: str
    licence: str
    example: Mapping[str, Any]
    """An invented row with the dataset's columns, and the `output` it is imported as."""
    config: str = ""
    revision: str = ""
    train: str = "train"
    test: str = "test"
    """Split used for testing; empty: a part of the train split is split off."""
    group: str = ""
    note: str = ""
    max_chars: int = 3000

    @property
    def task_fields(self) -> TaskFields:
        source = {"hub": self.hub, "config": self.config, "licence": self.licence}
        source |= {"splits": " / ".join(filter(None, (self.train, self.test)))}
        return TaskFields(
            name=self.name,
            family=self.family,
            kind=self.kind,
            metric=self.metric,
            instruction=self.instruction,
            group=self.group or self.name,
            note=self.note,
            source={key: value for key, value in source.items() if value},
        )


@cache
def load_catalogue(path: Path = CATALOGUE) -> dict[str, CatalogueEntry]:
    """Return all entries by name, in file order. Raises `TaskError` for a faulty entry."""
    import yaml

    entries: dict[str, CatalogueEntry] = {}
    for number, found in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), start=1):
        entry = _entry(found, f"{path.name} entry {number} ({found.get('name', 'no name')})")
        if entry.name in entries:
            raise TaskError(f"{path.name}: '{entry.name}' is named twice.")
        entries[entry.name] = entry
    return entries


def _entry(found: dict[str, Any], place: str) -> CatalogueEntry:
    known = {entry.name: entry for entry in fields(CatalogueEntry)}
    for key in found:
        if key not in known:
            raise TaskError(f"{place}: unknown field '{key}'.{did_you_mean(key, list(known))}")
    for key, entry in known.items():
        if key not in found and entry.default is MISSING:
            raise TaskError(f"{place}: field '{key}' is missing.")
    for key, allowed in (("family", Family), ("kind", Kind), ("metric", Metric)):
        if found[key] not in get_args(allowed):
            raise TaskError(
                f"{place}: field '{key}' is {found[key]!r}; it must be one of "
                f"{', '.join(get_args(allowed))}."
            )
    columns = ColumnMapping.from_dict(found["columns"], f"{place} columns")
    return CatalogueEntry(**{**found, "columns": columns})


def catalogue_entry(name: str) -> CatalogueEntry:
    """Return one entry by name. Raises `TaskError` naming the closest ones."""
    entries = load_catalogue()
    if name not in entries:
        known = list(entries)
        raise TaskError(
            f"the catalogue has no task '{name}'.{did_you_mean(name, known)} Known: "
            f"{listing(known)}. 'manyicl tasks catalogue' lists all."
        )
    return entries[name]


def import_entry(
    entry: CatalogueEntry,
    out: Path | str,
    *,
    files: Sequence[str] = (),
    limits: Limits | None = None,
    name: str = "",
) -> ImportReport:
    """Import a catalogue entry into `out`/NAME, from the hub or from `files` (see hub.py).

    Rows that cannot be used are counted; many of them mean the dataset has changed, an error.
    """
    if files:
        tables = local_tables(files, entry.config, entry.train, entry.test)
    else:
        tables = hub_tables(entry.hub, entry.config, entry.train, entry.test, entry.revision)
    limits = limits or Limits(max_chars=entry.max_chars)
    task = entry.task_fields
    if name:
        task = replace(task, name=name)
    return import_tables(tables, out, task, entry.columns, limits=limits, strict=False)
