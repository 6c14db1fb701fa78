"""Generated tasks: endless, seeded, written here; nothing is downloaded.

One package a family, one module a group: a module holds the grammar and the words that its tasks
share, so tasks of different modules share no sentences. A new module is found by being there.
Rows are made when a task's `train` or `test` is asked for, never before.
"""

from manyicl.tasks.builtin.registry import builtin_tasks

__all__ = ["builtin_tasks"]
