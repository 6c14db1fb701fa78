"""The page docs/builtin_tasks.md, written from the table of tasks so that it cannot grow stale.

`python -m manyicl.tasks.builtin.table > docs/builtin_tasks.md` renews it. It opens no rows.
"""

from __future__ import annotations

from collections import Counter

from manyicl.tasks.builtin.registry import (
    NUM_TEST,
    NUM_TRAIN,
    ONE_IN_TEST,
    TaskGenerator,
    task_generators,
)

MOST_LABELS = 8  # more than these are counted, not listed

HEAD = """\
# Built-in tasks

{num_tasks} tasks in {num_groups} groups, generated from seeds by grammars and word lists of this
package; nothing is downloaded. Name them with `builtin` wherever a task folder may be named, and
pick from them by name, `family:NAME` or `group:NAME`.

- Each task has {num_train} train and {num_test} test rows unless you ask for other numbers
  (`builtin_tasks(num_train, num_test)`); there is no end to them, only to distinct rows.
- Rows are the same in every process and on every Python version, and row i does not depend on how
  many are drawn. Candidate i has a seed made from the task's name and i.
- No input occurs twice, in one split or in both: the input itself decides its split (one possible
  input in {one_in_test} belongs to test). Most classification tasks also keep about a sixth of
  their cue phrases for the test rows.
- Tasks of one group share a grammar; keep them on one side of a held-in / held-out split. Names of
  people, towns and days come from lists that all groups use.
- Labels are balanced by construction. In `expense_account` and in the family `symbolic` what a
  label means, or what the rule is, can only be learned from the examples.

A new task is a function `generate(rng) -> Example` under `@builtin_task` in a module of its
family's package; `python -m manyicl.tasks.builtin.table` writes this page anew.

Licence of all rows: Apache-2.0, as the code.

"""


def markdown_page() -> str:
    """Return the text of docs/builtin_tasks.md."""
    tasks = task_generators()
    text = HEAD.format(
        num_tasks=len(tasks),
        num_groups=len({task.group for task in tasks}),
        num_train=f"{NUM_TRAIN:,}",
        num_test=NUM_TEST,
        one_in_test=ONE_IN_TEST,
    )
    counts = Counter(task.family for task in tasks)
    text += ", ".join(f"{family}: {count}" for family, count in sorted(counts.items())) + ".\n\n"
    text += "| task | family | group | metric | labels | rows |\n|---|---|---|---|---|---|\n"
    return text + "".join(_line(task) for task in tasks)


def _line(task: TaskGenerator) -> str:
    labels = ", ".join(task.labels) or ("options" if task.kind == "multiple_choice" else "-")
    if len(task.labels) > MOST_LABELS:
        labels = f"{len(task.labels)} labels"
    cells = (f"`{task.name}`", task.family, task.group, task.metric, labels, task.about)
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    print(markdown_page(), end="")
