"""Checks of a whole task: what a strict reader cannot see in one row.

Errors make results meaningless (a test input in the training part) or stop a run; warnings are
worth a look and may be right as they are. Nothing is changed on disk. `check_folder` adds what
reading itself finds, so that all problems of a folder come at once.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from manyicl.errors import TaskError, listing
from manyicl.tasks.duplicates import near_duplicates, normalise, query_text
from manyicl.tasks.folder import read_examples, read_task
from manyicl.tasks.surface_cues import MAX_MAJORITY, MIN_ROWS, majority_share, surface_cues
from manyicl.tasks.task import SPLITS, Example, Split, Task

Severity = Literal["error", "warning"]
Rows: TypeAlias = Sequence[Example]

LONG_TIMES_MEDIAN = 8
LONG_FLOOR_CHARS = 400  # below this a row is never over-long: about a hundred tokens
SHOWN_ROWS = 5


@dataclass(frozen=True)
class Finding:
    """One problem of a task: where, how grave, and what to do.

    `split` is "train", "test" or "" (the task as a whole); `rows` are 1-based lines of its file;
    `kind` is a stable word to filter by; `message` names the place, the finding and the way out.
    """

    severity: Severity
    split: str
    rows: tuple[int, ...]
    kind: str
    message: str


def check_folder(folder: str | Path, *, max_chars: int | None = None) -> list[Finding]:
    """Return all findings of a task folder; what cannot be read becomes findings as well."""
    folder = Path(folder)
    try:
        task = read_task(folder)
    except TaskError as error:
        findings = _reading_findings(error, "")
        for split in SPLITS:  # without task.json the rows are still held against the row format
            _read(lambda split=split: read_examples(folder / f"{split}.jsonl"), split, findings)
        return findings
    return check_task(task, max_chars=max_chars)


def check_task(task: Task, *, max_chars: int | None = None) -> list[Finding]:
    """Return all findings of a task, errors first, then by split and first row.

    A row is over-long beyond `max_chars` characters (input and target); without it, beyond eight
    times the task's median. A split that cannot be read is reported and the other still checked.
    """
    findings: list[Finding] = []
    splits: dict[Split, Rows] = {}
    for split in SPLITS:
        rows = _read(lambda split=split: task.split(split), split, findings)
        if rows:
            splits[split] = rows
    for split, rows in splits.items():
        place = _place(task, split)
        findings += _check_rows(task, split, rows, place)
        findings += _check_same_input(split, rows, place)
        findings += _check_labels(task, split, rows, place)
    findings += _check_cues(task, [example for rows in splits.values() for example in rows])
    findings += _check_lengths(task, splits, max_chars)
    findings += _check_near_duplicates(task, splits)
    if len(splits) == 2:
        findings += _check_overlap(task, splits["train"], splits["test"])
    return sorted(findings, key=lambda f: (f.severity, f.split, f.rows, f.kind))


def _read(load: Callable[[], Rows], split: Split, findings: list[Finding]) -> Rows:
    try:
        return load()
    except TaskError as error:
        findings += _reading_findings(error, split)
        return []


def _reading_findings(error: TaskError, split: str) -> list[Finding]:
    findings = []
    for line in str(error).split("\n"):
        row = re.search(r"\.jsonl row (\d+): ", line)
        rows = (int(row.group(1)),) if row else ()
        findings.append(Finding("error", split, rows, "unreadable", line))
    return findings


def _place(task: Task, split: str) -> str:
    return str(task.folder / f"{split}.jsonl") if task.folder else f"task '{task.name}' {split}"


def _numbers(rows: Sequence[Example]) -> tuple[int, ...]:
    return tuple(sorted(example.row for example in rows))


def _at(place: str, rows: Sequence[int]) -> str:
    word = "row" if len(rows) == 1 else "rows"
    return f"{place} {word} {listing([str(row) for row in rows], SHOWN_ROWS)}"


def _check_rows(task: Task, split: Split, rows: Rows, place: str) -> Iterator[Finding]:
    """Look at every row by itself; one finding a kind, naming all its rows."""

    def finding(severity: Severity, kind: str, bad: list[Example], text: str) -> Iterator[Finding]:
        if bad:
            numbers = _numbers(bad)
            yield Finding(severity, split, numbers, kind, f"{_at(place, numbers)}: {text}")

    yield from finding(
        "warning",
        "empty input",
        [e for e in rows if not e.input.strip()],
        "field 'input' is empty. Fill it in or remove the row.",
    )
    yield from finding(
        "warning",
        "input is output",
        [e for e in rows if normalise(e.input) == normalise(e.target) != ""],
        "'input' and 'output' are the same text. Nothing is to be learned from copying unless "
        "the task is to leave such inputs alone; otherwise remove the row.",
    )
    yield from finding(
        "warning",
        "repeated option",
        [e for e in rows if len(set(e.options)) < len(e.options)],
        "'options' lists a candidate twice; it is scored once. Reword or remove one of them.",
    )
    if task.kind != "generation":
        yield from finding(
            "error",
            "too few options",
            [e for e in rows if len(task.options_of(e)) < 2],
            "fewer than two distinct candidates, so any model is right. Add a wrong candidate "
            "or remove the row.",
        )


def _by_text(rows: Rows) -> dict[str, list[Example]]:
    groups: dict[str, list[Example]] = {}
    for example in rows:
        groups.setdefault(normalise(query_text(example)), []).append(example)
    return groups


def _check_same_input(split: Split, rows: Rows, place: str) -> Iterator[Finding]:
    for group in _by_text(rows).values():
        if len(group) == 1:
            continue
        numbers = _numbers(group)
        targets = list(dict.fromkeys(example.target for example in group))
        if len({normalise(target) for target in targets}) > 1:
            shown = listing([repr(_short(target)) for target in targets], 3)
            text = f"{_at(place, numbers)}: the same input has several targets: {shown}."
            yield Finding("warning", split, numbers, "label noise", f"{text} Keep the right one.")
        else:
            text = f"{_at(place, numbers)}: the same input and target. Keep one of them."
            yield Finding("warning", split, numbers, "duplicate", text)


def _short(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _check_labels(task: Task, split: Split, rows: Rows, place: str) -> Iterator[Finding]:
    if not task.labels:
        return
    counts = Counter(example.target for example in rows)
    absent = [label for label in task.labels if label not in counts]
    if absent:
        meaning = "No demonstration can show them" if split == "train" else "They are never tested"
        yield Finding(
            "warning",
            split,
            (),
            "absent label",
            f"{place}: {len(absent)} of {len(task.labels)} labels never occur "
            f"({listing([repr(label) for label in absent], SHOWN_ROWS)}). {meaning}; add rows, or "
            "remove the labels from task.json.",
        )
    label, most = counts.most_common(1)[0]
    if most > MAX_MAJORITY * len(rows):
        yield Finding(
            "warning",
            split,
            (),
            "imbalance",
            f"{place}: {most} of {len(rows)} rows have the label {label!r} "
            f"({most / len(rows):.0%}); always answering it scores as much. Add rows of other "
            "labels, or set 'metric' to macro_f1.",
        )


def _check_cues(task: Task, rows: Rows) -> Iterator[Finding]:
    """Report answers that can be had without reading the input, or from one word of it."""
    if len(rows) < MIN_ROWS:
        return
    if not task.labels and (share := majority_share(rows)) > MAX_MAJORITY:
        text = (
            f"task '{task.name}': one answer, or the option at one place, is right in {share:.0%}"
        )
        yield Finding(
            "warning", "", (), "imbalance", f"{text} of the rows. Add rows of other ones."
        )
    cues = surface_cues(rows) if task.labels else None
    for problem in cues.problems() if cues else []:
        text = (
            f"task '{task.name}': {problem}. Scores may measure the spotting of a word; add rows "
        )
        text += "of the same label without it and of other labels with it, or name it in 'note'."
        yield Finding("warning", "", (), "surface cue", text)


def _check_lengths(
    task: Task, splits: dict[Split, Rows], max_chars: int | None
) -> Iterator[Finding]:
    sizes = [len(e.input) + len(e.target) for rows in splits.values() for e in rows]
    if not sizes:
        return
    median = statistics.median(sizes)
    limit = max_chars or max(LONG_TIMES_MEDIAN * median, LONG_FLOOR_CHARS)
    why = "the limit" if max_chars else f"the median is {median:.0f}"
    for split, rows in splits.items():
        long = [e for e in rows if len(e.input) + len(e.target) > limit]
        if long:
            numbers = _numbers(long)
            most = max(len(e.input) + len(e.target) for e in long)
            yield Finding(
                "warning",
                split,
                numbers,
                "over-long",
                f"{_at(_place(task, split), numbers)}: longer than {limit:.0f} characters "
                f"({why}), the longest {most}. Long rows take the place of many others in a "
                "sequence, or do not fit at all; shorten or remove them.",
            )


def _check_overlap(task: Task, train: Rows, test: Rows) -> Iterator[Finding]:
    in_train = _by_text(train)
    for text, group in _by_text(test).items():
        if text in in_train:
            numbers = _numbers(group)
            yield Finding(
                "error",
                "test",
                numbers,
                "train/test overlap",
                f"{_at(_place(task, 'test'), numbers)}: the same input stands in "
                f"{_at('train.jsonl', _numbers(in_train[text]))}. Scores would measure recall of "
                "training rows; remove it from one of the two.",
            )


def _check_near_duplicates(task: Task, splits: dict[Split, Rows]) -> Iterator[Finding]:
    """Report nearly (not exactly) equal inputs, within each split and across the two."""
    rows: list[tuple[Split, Example]] = [(s, e) for s, found in splits.items() for e in found]
    texts = [query_text(example) for _, example in rows]
    normal = [normalise(text) for text in texts]
    within: dict[Split, list[tuple[int, int]]] = {split: [] for split in splits}
    across: list[tuple[int, int]] = []
    for i, others in enumerate(near_duplicates(texts)):
        for j in sorted(others):
            if j < i and normal[i] != normal[j]:
                pair = (rows[j][1].row, rows[i][1].row)
                same = rows[i][0] == rows[j][0]
                (within[rows[i][0]] if same else across).append(pair)
    for split, pairs in within.items():
        if pairs:
            yield Finding(
                "warning",
                split,
                tuple(sorted({row for pair in pairs for row in pair})),
                "near-duplicate",
                f"{_place(task, split)}: {_pairs(pairs)} of rows with nearly the same input: "
                f"{_shown(pairs)}. They are never shown to each other as demonstrations; remove "
                "one of each if they add nothing.",
            )
    if across:
        yield Finding(
            "warning",
            "test",
            tuple(sorted({test for _, test in across})),
            "train/test near-duplicate",
            f"{_place(task, 'test')}: {_pairs(across)} of a train and a test row with nearly "
            f"the same input: {_shown(across)} (train-test). Scores may measure recall of training "
            "rows; remove one of each.",
        )


def _pairs(pairs: list[tuple[int, int]]) -> str:
    return "1 pair" if len(pairs) == 1 else f"{len(pairs)} pairs"


def _shown(pairs: list[tuple[int, int]]) -> str:
    return listing([f"{one}-{other}" for one, other in pairs], SHOWN_ROWS)
