"""The account of an import: what was read, kept, left out and why, and what was guessed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from manyicl.errors import listing

SHOWN_ROWS = 5


@dataclass
class SplitCounts:
    """What became of the rows of one source split: looked_at = kept + moved + left out."""

    source: str
    rows: int
    looked_at: int = 0
    kept: int = 0
    moved: int = 0
    """Rows that went into the test part because the source has none."""
    left_out: Counter[str] = field(default_factory=Counter)
    where: dict[str, list[int]] = field(default_factory=dict)
    """Reason -> row numbers of the rows left out for it."""
    examples: dict[str, str] = field(default_factory=dict)
    """Reason -> the full message of the first such row, where there is one."""

    def leave_out(self, reason: str, number: int, message: str = "") -> None:
        self.left_out[reason] += 1
        self.where.setdefault(reason, []).append(number)
        if message:
            self.examples.setdefault(reason, message)

    def lines(self) -> list[str]:
        unread = self.rows - self.looked_at
        lines = [
            f"read {self.source}: {self.rows} rows, {self.kept + self.moved} taken"
            + (
                f", {unread} not needed (sampled; --max-train and --max-test say how many)"
                if unread
                else ""
            )
        ]
        for reason, number in self.left_out.most_common():
            rows = sorted(self.where[reason])
            shown = listing([str(row) for row in rows], SHOWN_ROWS)
            word = "row" if number == 1 else "rows"
            lines.append(f"left out {number} {word}: {reason} ({word} {shown})")
            if reason in self.examples:
                lines.append(f"  e.g. {self.examples[reason]}")
        return lines


@dataclass
class ImportReport:
    """What an import wrote and how it got there; `lines()` is what the command prints."""

    task: str
    folder: Path
    family: str
    kind: str
    metric: str
    instruction: str
    labels: tuple[str, ...]
    num_train: int
    num_test: int
    counts: list[SplitCounts]
    notes: list[str]

    def lines(self) -> list[str]:
        lines = [line for counts in self.counts for line in counts.lines()]
        lines += self.notes
        labels = f", {len(self.labels)} labels" if self.labels else ""
        what = ", ".join(dict.fromkeys((self.family, self.kind)))
        lines.append(
            f"wrote {self.folder}: {self.num_train} train and {self.num_test} test examples; "
            f"{what}{labels}, metric {self.metric}"
        )
        return lines
