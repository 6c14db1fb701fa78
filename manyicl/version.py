"""The version, alone in its module so that building and `--version` import nothing heavy."""

__version__ = "0.1.0"
