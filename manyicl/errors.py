"""The errors a user can cause, each with the place, what was found, and the way out.

`ManyICLError` and its children are the only exceptions the command line turns into a message;
anything else is a bug of ours and keeps its traceback under `--debug`.
"""

from __future__ import annotations


class ManyICLError(Exception):
    """Something the user can mend. The command line prints the text and exits with `exit_code`."""

    exit_code = 2


class ConfigError(ManyICLError):
    """A configuration key is unknown, has a wrong value, or contradicts another."""


class TaskError(ManyICLError):
    """A task folder, or a row in it, does not follow the task format."""


class CorpusError(ManyICLError):
    """A corpus folder, or a file in it, is not the text that pre-training needs."""


class TemplateError(ManyICLError):
    """A template or tokenizer cannot express demonstrations as separate, stoppable segments."""


class EpisodeError(ManyICLError):
    """No sequence can be built: too many shots for the pool, or too long for the context."""


class ModelError(ManyICLError):
    """A model, tokenizer or adapter cannot be loaded or does not fit what is asked of it."""


class PrefixError(ManyICLError):
    """A saved prefix does not belong to this model, adapter, tokenizer or token ids."""


class RunError(ManyICLError):
    """A run failed for a reason outside the configuration (disk, non-finite loss)."""

    exit_code = 1


class Diverged(RunError):
    """A loss or gradient is not finite: the learning rate is too high, or numbers too coarse."""


class Interrupted(ManyICLError):
    """A run stopped on request; everything done so far is saved and the same call goes on."""

    exit_code = 130


def did_you_mean(word: str, known: list[str]) -> str:
    """Return `" Did you mean 'x'?"` for the closest known word, or an empty string.

    >>> did_you_mean("suprvise", ["supervise", "normaliser"])
    " Did you mean 'supervise'?"
    """
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type if it says nothing."""
    return str(error).strip().split("\n")[0][:300] or type(error).__name__


def on_one_line(error: BaseException) -> str:
    """Return an error's text, up to 300 characters of it, without its line breaks."""
    return " ".join(str(error).split())[:300]


def listing(items: list[str], most: int = 12) -> str:
    """Join names for a message, saying how many were left unsaid.

    >>> listing(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    if len(items) <= most:
        return ", ".join(items)
    return ", ".join(items[:most]) + f" and {len(items) - most} more"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Write a number with its noun; `nouns` where the plural is not just an s.

    >>> plural(1, "shot"), plural(3, "task"), plural(2, "query", "queries")
    ('1 shot', '3 tasks', '2 queries')
    """
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"
