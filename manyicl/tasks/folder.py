"""The task folder: `task.json`, `train.jsonl`, `test.jsonl`, read strictly and written whole.

docs/data_format.md describes the fields. Every message names the file, the row and the field, what
was found, and the way out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from manyicl.errors import TaskError, did_you_mean
from manyicl.files import replace_file
from manyicl.tasks.task import SPLITS, Example, Family, Kind, Metric, Split, Task

MAX_PROBLEMS = 20  # a broken file is reported with this many rows at once, not one at a time

REQUIRED_KEYS = {"name": str, "family": str, "kind": str, "metric": str}
OPTIONAL_KEYS = {
    "instruction": str,
    "group": str,
    "labels": list,
    "source": dict,
    "note": str,
    "canary": str,
    "format": str,
    "n_train": int,
    "n_test": int,
}
ROW_KEYS = ("input", "output", "options", "references")


def read_task(folder: str | Path) -> Task:
    """Read one task folder: `task.json` now, the rows when they are asked for.

    Raises `TaskError` naming the file, the field and the way out.
    """
    folder = Path(folder)
    path = folder / "task.json"
    if not path.is_file():
        raise TaskError(
            f"{path}: not found. A task folder holds task.json, train.jsonl and test.jsonl; "
            "'manyicl tasks import' writes one from your data."
        )
    meta = _parse_json(_read_text(path), str(path))
    if not isinstance(meta, dict):
        raise TaskError(f"{path}: holds a JSON {type(meta).__name__}; it must be an object.")
    known = REQUIRED_KEYS | OPTIONAL_KEYS
    for key, value in meta.items():
        if key not in known:
            raise TaskError(
                f"{path}: unknown field '{key}'.{did_you_mean(key, list(known))} "
                f"Known fields: {', '.join(known)}."
            )
        if not isinstance(value, known[key]) or isinstance(value, bool):
            raise TaskError(
                f"{path}: field '{key}' is {value!r}; it must be a JSON {_json_type(known[key])}."
            )
    for key in REQUIRED_KEYS:
        if not meta.get(key):
            raise TaskError(f"{path}: field '{key}' is missing or empty. Add it.")
    if meta["name"] != meta["name"].strip() or re.search(r"[/\\\x00-\x1f]|^\.", meta["name"]):
        raise TaskError(
            f"{path}: field 'name' is {meta['name']!r}; results are kept in files of that name, so "
            "it may hold no slash or control character, no space at its ends and no dot in front."
        )
    for key, allowed in (("family", Family), ("kind", Kind), ("metric", Metric)):
        if meta[key] not in get_args(allowed):
            raise TaskError(
                f"{path}: field '{key}' is {meta[key]!r}; it must be one of "
                f"{', '.join(get_args(allowed))}.{did_you_mean(meta[key], list(get_args(allowed)))}"
            )
    labels = meta.get("labels", [])
    if any(not isinstance(label, str) or not label for label in labels):
        raise TaskError(f"{path}: field 'labels' must list non-empty strings; found {labels!r}.")
    if len(set(labels)) != len(labels):
        raise TaskError(f"{path}: field 'labels' names a label twice: {labels!r}.")
    if meta["kind"] == "classification" and len(labels) < 2:
        raise TaskError(
            f"{path}: a classification task needs at least two 'labels'; found {labels!r}. "
            "List the class names, or set kind to 'generation'."
        )
    if meta["kind"] == "generation" and labels:
        raise TaskError(
            f"{path}: kind is 'generation', but 'labels' lists {len(labels)} answers to choose "
            "from. Set kind to 'classification', or remove 'labels'."
        )

    def load(split: Split) -> list[Example]:
        return read_examples(folder / f"{split}.jsonl", labels=tuple(labels), kind=meta["kind"])

    return Task(
        name=meta["name"],
        family=meta["family"],
        kind=meta["kind"],
        metric=meta["metric"],
        group=meta.get("group") or meta["name"],
        load=load,
        instruction=meta.get("instruction", ""),
        labels=tuple(labels),
        source=meta.get("source", {}),
        note=meta.get("note", ""),
        canary=meta.get("canary", ""),
        folder=folder,
    )


def read_examples(
    path: str | Path, *, labels: tuple[str, ...] = (), kind: Kind | None = None
) -> list[Example]:
    """Read one split strictly. All faulty rows (at most 20) are reported in one `TaskError`.

    Without a `kind`, what depends on it is not checked.
    """
    path = Path(path)
    if not path.is_file():
        raise TaskError(f"{path}: not found. A task folder holds train.jsonl and test.jsonl.")
    examples: list[Example] = []
    problems: list[str] = []
    for row, line in _lines(path):
        try:
            examples.append(parse_example(line, f"{path} row {row}", row, labels, kind))
        except TaskError as error:
            problems.append(str(error))
            if len(problems) == MAX_PROBLEMS:
                problems.append(f"(stopped after {MAX_PROBLEMS} faulty rows)")
                break
    if problems:
        raise TaskError("\n".join(problems))
    return examples


def parse_example(
    line: str, place: str, row: int, labels: tuple[str, ...] = (), kind: Kind | None = None
) -> Example:
    """Check one JSONL line against the format; `place` opens every message."""
    found = _parse_json(line, place)
    if not isinstance(found, dict):
        raise TaskError(f"{place}: holds a JSON {type(found).__name__}; a row must be an object.")
    for key in found:
        if key not in ROW_KEYS:
            raise TaskError(
                f"{place}: unknown field '{key}'.{did_you_mean(key, list(ROW_KEYS))} "
                f"A row has {', '.join(ROW_KEYS)}."
            )
    for key in ("input", "output"):
        if key not in found:
            raise TaskError(f"{place}: field '{key}' is missing. Add it to the row.")
        if not isinstance(found[key], str):
            raise TaskError(
                f"{place}: field '{key}' is {found[key]!r} ({type(found[key]).__name__}); "
                f'it must be a string, e.g. "{found[key]}".'
            )
        if not _is_text(found[key]):
            raise TaskError(
                f"{place}: field '{key}' holds half of a surrogate pair (\\ud800-\\udfff alone), "
                "which is no character. Write the character itself."
            )
    if not found["output"].strip():
        raise TaskError(f"{place}: field 'output' is empty. Give the answer or remove the row.")
    for key in ("options", "references"):
        values = found.get(key, [])
        if not isinstance(values, list) or any(
            not isinstance(value, str) or not value or not _is_text(value) for value in values
        ):
            raise TaskError(f"{place}: field '{key}' must be a list of non-empty strings.")
        if values and found["output"] not in values:
            raise TaskError(
                f"{place}: field 'output' is {found['output']!r}, not among its {key} "
                f"{values!r}. Make one of them equal to it, letter by letter."
            )
    options = found.get("options", [])
    if kind == "multiple_choice" and not options:
        raise TaskError(
            f"{place}: field 'options' is missing. A multiple_choice row lists its candidates."
        )
    if kind not in ("multiple_choice", None) and options:
        raise TaskError(
            f"{place}: field 'options' belongs to multiple_choice rows; this task is of kind "
            f"'{kind}'. Remove the field, or set kind to 'multiple_choice' in task.json."
        )
    if labels and found["output"] not in labels:
        raise TaskError(
            f"{place}: field 'output' is {found['output']!r}, not one of the {len(labels)} labels "
            f"of task.json.{did_you_mean(found['output'], list(labels))} "
            "Correct the row, or add the label to 'labels'."
        )
    return Example(
        input=found["input"],
        target=found["output"],
        options=tuple(options),
        references=tuple(found.get("references", [])),
        row=row,
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    # Split on \n alone: str.splitlines would also break at U+2028 and friends inside a row.
    for row, line in enumerate(_read_text(path).split("\n"), start=1):
        if line.strip():
            yield row, line


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = path.read_bytes()[: error.start].count(b"\n") + 1
        raise TaskError(
            f"{path} row {row}: byte {error.start} is not valid UTF-8. Re-save the file as UTF-8."
        ) from None
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror}).") from None


def _parse_json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise TaskError(
            f"{place}: not valid JSON ({error.msg}, line {error.lineno} column {error.colno})."
        ) from None
    except RecursionError:
        raise TaskError(f"{place}: nested too deeply to be a row.") from None
    except ValueError as error:  # a number of thousands of digits
        raise TaskError(f"{place}: not valid JSON ({str(error).partition(';')[0]}).") from None


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_type(python_type: type) -> str:
    return {str: "string", int: "number", list: "list", dict: "object"}[python_type]


def write_task(task: Task, folder: str | Path) -> Path:
    """Write `task` as a task folder and return its path. Refuses a folder that holds a task."""
    folder = Path(folder)
    if (folder / "task.json").exists():
        raise TaskError(f"{folder}: holds a task already. Remove it or choose another folder.")
    rows = {split: task.split(split) for split in SPLITS}
    folder.mkdir(parents=True, exist_ok=True)
    for split, examples in rows.items():
        text = "".join(json.dumps(e.as_row(), ensure_ascii=False) + "\n" for e in examples)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8", newline="\n")
    meta = task.metadata() | {"n_train": len(rows["train"]), "n_test": len(rows["test"])}
    # task.json last: a folder without it is not a task, so a crash leaves no half-written one.
    text = json.dumps(meta, ensure_ascii=False, indent=1) + "\n"
    replace_file(folder / "task.json", text)
    return folder
