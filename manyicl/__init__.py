"""ManyICL: fine-tune a causal LM once, then teach it tasks by showing examples."""

from manyicl.version import __version__

__all__ = ["__version__"]
