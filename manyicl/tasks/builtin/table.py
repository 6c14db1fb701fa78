"""The page docs/builtin_tasks.md, written from the table of tasks so that it cannot grow stale.

`python -m manyicl.tasks.builtin.table > docs/builtin_tasks.md` renews it. It opens no rows; the
baselines are the recorded ones (`python -m manyicl.evaluation.baselines` renews those).
"""

from __future__ import annotations

from collections import Counter

from manyicl.tasks.builtin.baselines import MEANING, NUM_FIT, NUM_QUERIES, recorded_baselines
from manyicl.tasks.builtin.registry import (
    FAMILIES,
    NUM_TEST,
    NUM_TRAIN,
    ONE_IN_TEST,
    TaskGenerator,
    task_generators,
)
from manyicl.tasks.builtin.split import HELD_OUT_GROUPS

MOST_LABELS = 8  # more than these are counted, not listed

HEAD = """\
# Built-in tasks

{num_tasks} tasks in {num_groups} groups, generated from seeds by grammars and word lists of this
package; nothing is downloaded. Name them with `builtin` wherever a task folder may be named, and
pick from them by name, `family:NAME`, `group:NAME`, or the sides of the fixed split,
`builtin:held_in` and `builtin:held_out`. `manyicl tasks list` lists them, `manyicl tasks show NAME`
prints the card and rows of one, `manyicl tasks export builtin DIR` writes task folders.

- Each task has {num_train} train and {num_test} test rows unless you ask for other numbers
  (`builtin_tasks(num_train, num_test)`); there is no end to them, only to distinct rows.
- Rows are the same in every process and on every Python version, and row i does not depend on how
  many are drawn. Candidate i has a seed made from the task's name and i.
- No input occurs twice, in one split or in both: the input itself decides its split (one possible
  input in {one_in_test} belongs to test). Most classification tasks also keep about a sixth of
  their cue phrases for the test rows.
- In these tasks the phrasings of a class follow Zipf's law: the second is half as frequent as the
  first, the third a third as frequent, and those kept for the test rows are the rarest. Real
  messages are skewed in this way, and it makes few examples worth reading: 32 of them show the
  phrasing of about 53 % of the test rows, 38 % if all were equally frequent. A task of which the
  examples show little measures what a model knew before.
- Tasks of one group share a grammar; keep them on one side of a held-in / held-out split. Names of
  people, towns and days come from lists that all groups use.
- Labels are balanced by construction. In `expense_account` and in the family `symbolic` what a
  label means, or what the rule is, can only be learned from the examples.

A new task is a function `generate(rng) -> Example` under `@builtin_task` in a module of its
family's package; `python -m manyicl.evaluation.baselines` measures it and
`python -m manyicl.tasks.builtin.table` writes this page anew. `manyicl tasks check builtin` lists
tasks that a single token, or always the same answer, solves.

Licence of all rows: Apache-2.0, as the code.

## The fixed split

`tasks.held_out=[builtin:held_out]` holds out {num_out} tasks in {groups_out} groups and trains on
the other {num_in}. Whole groups stand on one side, every family on both, and {closed_out} of the
held-out tasks have closed labels. The split was drawn by a rule, not by results
(`manyicl/tasks/builtin/split.py`).
In the tables **out** marks a held-out task.

## Baselines

What methods without a language model score with the task's metric on {num_queries} test rows:

- *majority*: always the answer that does best on train rows (with options: the commonest place);
- *TF-IDF + LR*: logistic regression on the TF-IDF of {num_fit} train rows, closed labels only;
- *BM25 neighbour (64)*, *(32)*: the answer of the most similar of so many train rows, mean over
  five sets of them. The one of 32 says how much a task can be learned from few examples.

Their scores say how far words alone carry. A high one is no fault of a task that users have too;
what no task may have is one surface cue: no single token, and no list of one token per label, tells
the label in more than 90 % of the rows, and no constant answer is right in more than 70 %.
"""


def markdown_page() -> str:
    """Return the text of docs/builtin_tasks.md."""
    tasks = task_generators()
    out = [task for task in tasks if task.group in HELD_OUT_GROUPS]
    text = HEAD.format(
        num_tasks=len(tasks),
        num_groups=len({task.group for task in tasks}),
        num_train=f"{NUM_TRAIN:,}",
        num_test=NUM_TEST,
        one_in_test=ONE_IN_TEST,
        num_out=len(out),
        groups_out=len({task.group for task in out}),
        num_in=len(tasks) - len(out),
        closed_out=sum(bool(task.labels) for task in out),
        num_queries=NUM_QUERIES,
        num_fit=NUM_FIT,
    )
    counts = Counter(task.family for task in tasks)
    for family in FAMILIES:
        held_out = sum(task.family == family for task in out)
        text += f"\n## {family}: {counts[family]} tasks, {held_out} held out\n\n"
        columns = ("task", "side", "group", "metric", "labels", "words", *MEANING.values(), "rows")
        text += f"| {' | '.join(columns)} |\n"
        numeric = {"words", *MEANING.values()}
        text += f"|{'|'.join('---:' if c in numeric else '---' for c in columns)}|\n"
        text += "".join(_line(task) for task in tasks if task.family == family)
    return text


def _line(task: TaskGenerator) -> str:
    labels = ", ".join(task.labels) or ("options" if task.kind == "multiple_choice" else "-")
    if len(task.labels) > MOST_LABELS:
        labels = f"{len(task.labels)} labels"
    found = recorded_baselines().get(task.name)
    scores = found.scores() if found else {}
    cells = (
        f"`{task.name}`",
        "**out**" if task.group in HELD_OUT_GROUPS else "in",
        task.group,
        task.metric,
        labels,
        f"{found.input_words:.0f}" if found else "",
        *(f"{scores[name]:.2f}" if name in scores else "-" for name in MEANING.values()),
        task.about,
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    print(markdown_page(), end="")
