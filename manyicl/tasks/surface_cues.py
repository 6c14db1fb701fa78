"""Surface cues: how far a task's labels follow from single words of its inputs.

Such a task tests spotting a word, not what its instruction says. Two numbers, over all rows:

- one token: the accuracy of the best rule "if the token is there, label A, otherwise label B";
- a token each: the accuracy of the best list of such rules with at most one token per label ("if
  'invoice' is there, payments; if 'parcel' is there, shipping; otherwise returns"), found greedily.
  A task of many labels can be solved this way though no token says much alone.

and the tokens that give a label away: nearly always with that label, and in most of its rows.
A rule that needs many words (a code book of 32, synonyms of a kind) is not a surface cue.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manyicl.tasks.task import Example

MAX_MAJORITY = 0.7
MAX_ACCURACY = 0.9
MAX_PRECISION, MAX_RECALL = 0.9, 0.55  # beyond both a token gives its label away
MIN_ROWS = 100  # with fewer, some word parts the labels by chance
MIN_WITH_TOKEN = 10


@dataclass(frozen=True)
class Cue:
    """A token and the label it stands with.

    `precision` is the share of the token's rows that have the label, `recall` the share of the
    label's rows that hold the token.
    """

    token: str
    label: str
    precision: float
    recall: float


@dataclass(frozen=True)
class SurfaceCues:
    """What single tokens say about the labels of a task; shares of its rows in [0, 1]."""

    one_token: float
    token_each: float
    rules: tuple[Cue, ...]
    """The list of rules behind `token_each`, first rule first; its first one is `one_token`."""
    given_away: tuple[Cue, ...]

    def problems(self) -> list[str]:
        """Say what lets single tokens stand for the task; empty for a sound one."""
        found = []
        if self.one_token > MAX_ACCURACY:
            token = self.rules[0].token
            found.append(f"whether '{token}' is there tells the label in {self.one_token:.0%}")
        elif self.token_each > MAX_ACCURACY:
            tokens = ", ".join(f"'{cue.token}' for '{cue.label}'" for cue in self.rules)
            found.append(f"one token per label is right in {self.token_each:.0%} ({tokens})")
        for cue in self.given_away:
            found.append(
                f"'{cue.token}' gives '{cue.label}' away (right in {cue.precision:.0%} of its "
                f"rows, in {cue.recall:.0%} of the label's rows)"
            )
        return found


def tokens_of(text: str) -> set[str]:
    """Return the distinct lower-case words, numbers and signs; parts of hyphenated words too."""
    text = text.lower()
    return {*re.findall(r"\w+(?:['-]\w+)*|[^\w\s]", text), *re.findall(r"\w+", text)}


def surface_cues(examples: Sequence[Example]) -> SurfaceCues | None:
    """Measure the rows of a closed-label task; None below `MIN_ROWS` rows.

    Tokens in fewer than ten rows are left out: they explain little and are right by chance.
    """
    if len(examples) < MIN_ROWS:
        return None
    labels = sorted({example.target for example in examples})
    is_label = np.zeros((len(examples), len(labels)))
    is_label[range(len(examples)), [labels.index(example.target) for example in examples]] = 1
    rows_with: dict[str, list[int]] = defaultdict(list)
    for row, example in enumerate(examples):
        for token in tokens_of(example.input):
            rows_with[token].append(row)
    tokens = sorted(t for t, rows in rows_with.items() if len(rows) >= MIN_WITH_TOKEN)
    has_token = np.zeros((len(tokens), len(examples)))
    for number, token in enumerate(tokens):
        has_token[number, rows_with[token]] = 1
    counts = has_token @ is_label  # tokens x labels
    precision = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    recall = counts / is_label.sum(0)

    def cue(token: int, label: int) -> Cue:
        return Cue(
            tokens[token], labels[label],
            float(precision[token, label]), float(recall[token, label]),
        )  # fmt: skip

    rules, right = _token_each(has_token, is_label)
    majority = float(is_label.sum(0).max() / len(examples))
    pure = np.argwhere((precision > MAX_PRECISION) & (recall > MAX_RECALL))
    return SurfaceCues(
        one_token=right[0] if right else majority,
        token_each=right[-1] if right else majority,
        rules=tuple(cue(token, label) for token, label in rules),
        given_away=tuple(cue(int(token), int(label)) for token, label in pure),
    )


def _token_each(
    has_token: npt.NDArray[np.float64], is_label: npt.NDArray[np.float64]
) -> tuple[list[tuple[int, int]], list[float]]:
    """Add the rule that helps most until none helps; return rules and the accuracy after each.

    has_token: [tokens, rows], is_label: [rows, labels]. A rule is (token, label) and holds for the
    rows that no earlier rule took; the others get their most frequent label.
    """
    num_rows, num_labels = is_label.shape
    rest = np.ones(num_rows)
    done = 0.0  # rows that the rules so far get right
    best = float(is_label.sum(0).max())
    rules: list[tuple[int, int]] = []
    right: list[float] = []
    free = np.ones(num_labels, dtype=bool)
    while free.any() and len(has_token):
        taken = (has_token * rest) @ is_label
        left = rest @ is_label - taken
        value = np.where(free, taken, -np.inf) + left.max(1, keepdims=True)
        token, label = map(int, np.unravel_index(np.argmax(value), value.shape))
        if done + value[token, label] <= best:
            break
        best = done + float(value[token, label])
        done += float(taken[token, label])
        rest = rest * (1 - has_token[token])
        free[label] = False
        rules.append((token, label))
        right.append(best / num_rows)
    return rules, right


def majority_share(examples: Sequence[Example]) -> float:
    """Return how much always giving one answer, or always the option at one place, gets right."""
    answers = Counter(example.target for example in examples)
    places = Counter(e.options.index(e.target) for e in examples if e.options)
    return max([*answers.values(), *places.values()]) / len(examples)
