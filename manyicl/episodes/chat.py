"""The chat template of a tokenizer, taken apart into segments: demonstrations become turns.

The tokenizer's Jinja template is rendered once on placeholder texts; what it puts between them is
the markup of every demonstration. That works for any template whose markup does not depend on the
turn's content or number; others are refused, because then a longer conversation would not begin
with the shorter one, and no prefix could be shared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from manyicl.config import TemplateConfig
from manyicl.episodes.template import Segment
from manyicl.errors import TemplateError
from manyicl.tasks import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Templates that print today's date get this one: what a prefix holds must not depend on the day.
DAY = "{%- macro strftime_now(format) -%}01 Jan 2025{%- endmacro -%}"

# Plain words: some templates strip or parse punctuation. None contains another.
_SYSTEM, _USERS, _ANSWERS = "Qsysq", ("Quaq", "Qubq", "Qucq"), ("Qaaq", "Qabq", "Qacq")


class ChatTemplate:
    """Demonstrations as user and assistant turns, the instruction as the system message.

    Templates without a system role get the instruction at the head of the first user turn.
    """

    def __init__(self, config: TemplateConfig, tokenizer: PreTrainedTokenizerBase):
        if not tokenizer.chat_template:
            raise TemplateError(
                "template.kind: is 'chat', but the tokenizer has no chat template. Use "
                "template.kind=plain, or a tokenizer of an instruction-tuned model."
            )
        self._instruction_place = config.instruction
        self._tokenizer = tokenizer
        template = tokenizer.chat_template
        self._undated = None  # the tokenizer's own
        if isinstance(template, str) and "strftime_now" in template:
            self._undated = DAY + template
        rendered = self._render(system=False)
        head, self._to_answer, between, to_answer, again, _, tail = _split(rendered, system=False)
        if to_answer != self._to_answer or again != between:
            raise TemplateError(
                "template.kind: the tokenizer's chat template writes the first turns differently "
                "from later ones, so shorter prompts are no prefix of longer ones. "
                "Use template.kind=plain."
            )
        self._head = head
        self._system = self._system_parts()
        generation = self._apply([{"role": "user", "content": _USERS[0]}], generate=True)
        self._check_generation_prompt(generation)
        self._marks = _special_tokens(tokenizer)
        end, separator = self._cut_end(between, tail)
        # "[INST] " ends in a space that belongs to the word after it: tokenise it with that word.
        self.target_prefix = " " if self._to_answer.endswith(" ") else ""
        self._to_answer = self._to_answer.removesuffix(" ")
        openings = [self._head, separator, *(self._system or ())[1:]]
        self._user_prefix = " " if all(text.endswith(" ") for text in openings) else ""
        if self._user_prefix:
            self._head, separator = self._head[:-1], separator[:-1]
            self._system = self._system and (self._system[0], self._system[1][:-1])
        self.end = (Segment(end, markup=bool(self._marks and self._marks.search(end))),)
        self.separator = (Segment(separator, markup=True),) if separator else ()

    def opening(self, task: Task, instructed: bool) -> tuple[Segment, ...]:
        instruction = task.instruction if self._instruction_place == "once" and instructed else ""
        if not instruction:
            return (Segment(self._head, markup=True),) if self._head else ()
        if self._system is None:
            head = (Segment(self._head, markup=True),) if self._head else ()
            return (*head, Segment(f"{self._user_prefix}{instruction}\n\n"))
        before, after = self._system
        return (Segment(before, markup=True), Segment(instruction), Segment(after, markup=True))

    def prompt(
        self, task: Task, text: str, options: Sequence[str], instructed: bool
    ) -> tuple[Segment, ...]:
        if instructed and self._instruction_place == "per_example" and task.instruction:
            text = f"{task.instruction}\n\n{text}"
        text = self._user_prefix + text
        user = (Segment(text),) if text else ()
        return (*user, Segment(self._to_answer, markup=True))

    def _system_parts(self) -> tuple[str, str] | None:
        try:
            rendered = self._render(system=True)
            if rendered.count(_SYSTEM) != 1:
                return None
            before, after, *rest = _split(rendered, system=True)
        except TemplateError:
            return None
        # Some templates (Llama 2, Gemma) fold the system text into the first user turn: fine too,
        # as long as what follows is unchanged.
        return (before, after) if rest[0] == self._to_answer else None

    def _render(self, system: bool) -> str:
        messages = [{"role": "system", "content": _SYSTEM}] if system else []
        for user, answer in zip(_USERS, _ANSWERS, strict=True):
            messages += [
                {"role": "user", "content": user},
                {"role": "assistant", "content": answer},
            ]
        return self._apply(messages, generate=False)

    def _apply(self, messages: list[dict[str, str]], generate: bool) -> str:
        try:
            return str(
                self._tokenizer.apply_chat_template(
                    messages,
                    tokenize=False,
                    add_generation_prompt=generate,
                    chat_template=self._undated,
                )
            )
        except Exception as error:  # a template raises whatever its author wrote
            raise TemplateError(
                f"template.kind: the tokenizer's chat template cannot render alternating user and "
                f"assistant turns ({error}). Use template.kind=plain."
            ) from None

    def _check_generation_prompt(self, rendered: str) -> None:
        expected = self._head + _USERS[0] + self._to_answer
        # Llama 2 and Vicuna write the space before an answer with the answer, as we do.
        if rendered not in (expected, expected.removesuffix(" ")):
            raise TemplateError(
                "template.kind: the chat template opens an answer to be generated with "
                f"{rendered[-40:]!r}, but a given answer with {expected[-40:]!r}; training and "
                "prediction would differ. Use template.kind=plain."
            )

    def _cut_end(self, between: str, tail: str) -> tuple[str, str]:
        """Cut the text between an answer and the next input into end mark and separator."""
        found = self._marks.search(between) if self._marks else None
        # A special token that a finished conversation does not show opens the next turn instead.
        if found and tail.startswith(between[: found.end()]):
            return between[: found.end()], between[found.end() :]
        common = 0
        while common < min(len(between), len(tail)) and between[common] == tail[common]:
            common += 1
        if not common:
            raise TemplateError(
                "template.kind: the tokenizer's chat template puts nothing after an answer, so no "
                "answer could end. Use template.kind=plain."
            )
        return between[:common], between[common:]


def _special_tokens(tokenizer: Any) -> re.Pattern[str] | None:
    """Match the tokens that are one piece whatever stands around them; turn markers are these."""
    # Not all_special_tokens: it leaves out markers that were added without a role of their own.
    names = {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}
    marks = sorted((name for name in names if name.strip()), key=lambda name: (-len(name), name))
    return re.compile("|".join(map(re.escape, marks))) if marks else None


def _split(rendered: str, system: bool) -> list[str]:
    """Return the markup around the placeholders, or say that one is missing or changed."""
    names = [_SYSTEM] if system else []
    for user, answer in zip(_USERS, _ANSWERS, strict=True):
        names += [user, answer]
    parts: list[str] = []
    for name in names:
        before, found, rendered = rendered.partition(name)
        if not found:
            raise TemplateError(
                "template.kind: the tokenizer's chat template drops or rewrites earlier turns. "
                "Use template.kind=plain."
            )
        parts.append(before)
    return [*parts, rendered]
