"""The tokenizer of a pre-trained model: byte-level BPE on the corpus and on pattern documents."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from manyicl.models.scratch import ASSISTANT_MARK, END_MARK, USER_MARK, train_tokenizer
from manyicl.pretraining.patterns import PATTERNS
from manyicl.pretraining.patterns.vocabulary import Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# A demonstration is a turn of the user and one of the assistant that ends with the end mark.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'user' %}{{ '" + USER_MARK + "' + message['content'] }}"
    "{% else %}{{ '" + ASSISTANT_MARK + "' + message['content'] + '" + END_MARK + "' }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '" + ASSISTANT_MARK + "' }}{% endif %}"
)
NUM_PATTERN_DOCUMENTS = 3000  # so that 'Answer', 'Label' and the like are tokens of their own


def corpus_tokenizer(
    documents: Sequence[str], vocabulary: Vocabulary, vocab_size: int, context: int
) -> PreTrainedTokenizerBase:
    """Return a tokenizer trained on documents and pattern documents, with a chat template."""
    tokenizer = train_tokenizer(
        _texts(documents, vocabulary), vocab_size, (USER_MARK, ASSISTANT_MARK)
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.model_max_length = context
    return tokenizer


def fingerprint(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a hash of all that decides which ids a text gets."""
    backend: Any = tokenizer.backend_tokenizer
    return hashlib.sha256(backend.to_str().encode()).hexdigest()


def _texts(documents: Sequence[str], vocabulary: Vocabulary) -> Iterator[str]:
    for document in documents:
        yield from document.split("\n")
    rng = random.Random("tokenizer")
    names = sorted(PATTERNS)
    for number in range(NUM_PATTERN_DOCUMENTS):
        pattern = PATTERNS[names[number % len(names)]]
        yield "".join(piece.text for piece in pattern(rng, vocabulary, 8))
