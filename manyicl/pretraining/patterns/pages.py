"""Documents that repeat themselves as real pages do: references, tables, logs, questions, rules."""

from __future__ import annotations

from manyicl.pretraining.patterns.log_pages import LOGS
from manyicl.pretraining.patterns.piece import Pattern
from manyicl.pretraining.patterns.question_pages import QUESTIONS
from manyicl.pretraining.patterns.record_pages import RECORD_PAGES
from manyicl.pretraining.patterns.reference_pages import REFERENCE
from manyicl.pretraining.patterns.rule_pages import RULES
from manyicl.pretraining.patterns.table_pages import TABLES

PAGES: dict[str, Pattern] = {**REFERENCE, **TABLES, **RECORD_PAGES, **LOGS, **QUESTIONS, **RULES}
