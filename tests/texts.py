"""Texts that break careless tokenisation, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from manyicl.tasks import Example

SPECIAL_LOOKING = ["</s>", "<s>", "<unk>", "<|end|>", "<|user|>", "<|assistant|>", "<0x0A>"]
TRICKY = [
    *SPECIAL_LOOKING,
    "",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "\u200b",
    "\ufeff",
    "\x00",
    "Input:",
    "\n\nInput: a\nOutput: b",
    "Output:",
    "[INST]",
    "{{ input }}",
    "Ġ",
    "🏳️‍🌈",
    "👩‍👩‍👧",
    "é",
    "e\u0301",
    "مرحبا",
    "日本語",
    "late parcel",
    "1234",
]
# Surrogates are no text; a Metaspace tokenizer cannot tell U+2581 from a space.
_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="▁")
_PIECES = st.sampled_from(TRICKY) | st.text(_CHARACTERS, max_size=6)


def _very_long(text: str, times: int) -> str:
    return text * times


TEXTS = st.one_of(
    st.lists(_PIECES, max_size=5).map("".join),
    st.builds(_very_long, _PIECES, st.integers(50, 200)),
)
# Words for inputs that share nothing unless a word is used twice, and one text to make copies of.
WORDS = ["late", "broken", "quick", "friendly", "torn", "cheap", "heavy", "bright", "silent", "red"]
LONG = "the parcel that was sent on monday came late and its box was torn at one side"
EXAMPLES = st.builds(Example, TEXTS, TEXTS)
POOLS = st.lists(EXAMPLES, min_size=1, max_size=6)
