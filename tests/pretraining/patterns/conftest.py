"""For tests of pages: what is invented can be told from the fixed text of a page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from manyicl.pretraining.patterns import vocabulary


@pytest.fixture(scope="module")
def no_invented_word_is_fixed_text() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "_ONSETS", ("bx", "dx", "fx", "gx", "kx", "mx", "px"))
        yield
