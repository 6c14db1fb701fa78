"""Generated documents that can only be predicted from their own beginning."""

from manyicl.pretraining.patterns.lookups import LOOKUPS
from manyicl.pretraining.patterns.pages import PAGES
from manyicl.pretraining.patterns.piece import Pattern, Piece
from manyicl.pretraining.patterns.sentences import SENTENCES
from manyicl.pretraining.patterns.vocabulary import Vocabulary

GROUPS: dict[str, dict[str, Pattern]] = {
    "lookups": LOOKUPS,
    "sentences": SENTENCES,
    "pages": PAGES,
}
PATTERNS: dict[str, Pattern] = {name: p for group in GROUPS.values() for name, p in group.items()}

__all__ = ["GROUPS", "PATTERNS", "Pattern", "Piece", "Vocabulary"]
