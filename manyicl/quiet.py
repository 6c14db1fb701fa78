"""Libraries below us that would write bars and notices over our own output."""

from __future__ import annotations


def quiet_libraries() -> None:
    """Silence progress bars and notices of the libraries below us; errors still come through."""
    import datasets
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
