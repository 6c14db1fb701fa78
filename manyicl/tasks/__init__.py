"""WHAT is learned: tasks, their folders, their sources, and what keeps train and test apart."""

from manyicl.tasks.collection import TaskCollection, load_tasks
from manyicl.tasks.folder import read_examples, read_task, write_task
from manyicl.tasks.task import Example, Task

__all__ = [
    "Example",
    "Task",
    "TaskCollection",
    "load_tasks",
    "read_examples",
    "read_task",
    "write_task",
]
