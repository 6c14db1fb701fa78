"""Templates: demonstrations and queries as text segments, worded alike in training and prediction.

Plain layout, one demonstration after another::

    {BOS}{instruction}  {prompt}{ target}{end mark}  {separator}  {prompt}{ target}{end mark} ...
    `---- opening ----' `------ demonstration -----'              `------ demonstration -----'

A segment is tokenised on its own (see encode.py), so its borders are borders between tokens. Users'
text is never parsed for special tokens; `markup` segments, which come from the template, are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from manyicl.config import TemplateConfig
from manyicl.errors import TemplateError
from manyicl.tasks import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


_WORDING = ("prompt", "instruction_text", "separator", "target_prefix")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text that is tokenised on its own. In `markup`, special tokens are special."""

    text: str
    markup: bool = False


class Template(Protocol):
    """What a template gives: everything around, before and after a text of the user's."""

    end: tuple[Segment, ...]
    """What ends an answer; learned with it and waited for in generation."""
    separator: tuple[Segment, ...]
    """What stands between an answer's end and the next prompt."""
    target_prefix: str
    """Text that opens every answer's segment and is not part of the target."""

    def opening(self, task: Task, instructed: bool) -> tuple[Segment, ...]:
        """Return what precedes the first demonstration."""
        ...

    def prompt(
        self, task: Task, text: str, options: Sequence[str], instructed: bool
    ) -> tuple[Segment, ...]:
        """Return an input up to where its answer begins."""
        ...


def make_template(config: TemplateConfig, tokenizer: PreTrainedTokenizerBase) -> Template:
    """Return the configured template for a tokenizer.

    Raises `TemplateError` if the tokenizer has no end-of-sequence token (and the template needs
    it), or if its chat template cannot be taken apart into segments.
    """
    _refuse_unused(config)
    if config.kind == "chat":
        from manyicl.episodes.chat import ChatTemplate

        return ChatTemplate(config, tokenizer)
    return TextTemplate(config, tokenizer)


def _refuse_unused(config: TemplateConfig) -> None:
    unused = {"plain": _WORDING, "chat": (*_WORDING, "end_mark"), "jinja": ()}[config.kind]
    for key in unused:
        if getattr(config, key) != getattr(TemplateConfig(), key):
            raise TemplateError(
                f"template.{key}: is set, but template.kind is {config.kind!r}, which would not "
                "use it. Set template.kind=jinja."
            )


class TextTemplate:
    """The plain template, and the user's own Jinja texts in the same places."""

    def __init__(self, config: TemplateConfig, tokenizer: PreTrainedTokenizerBase):
        self._instruction_place = config.instruction
        self._instruction = _compile(config.instruction_text, "template.instruction_text")
        self._prompt = _compile(config.prompt, "template.prompt")
        self.target_prefix = config.target_prefix
        self.separator = (Segment(config.separator),) if config.separator else ()
        self.end = (_end_mark(config.end_mark, tokenizer),)
        self._bos = (
            (Segment(str(tokenizer.bos_token), markup=True),) if _adds_bos(tokenizer) else ()
        )

    def opening(self, task: Task, instructed: bool) -> tuple[Segment, ...]:
        if not instructed or self._instruction_place != "once" or not task.instruction:
            return self._bos
        text = _render(self._instruction, "template.instruction_text", instruction=task.instruction)
        return (*self._bos, Segment(text))

    def prompt(
        self, task: Task, text: str, options: Sequence[str], instructed: bool
    ) -> tuple[Segment, ...]:
        per_example = instructed and self._instruction_place == "per_example"
        instruction = task.instruction if per_example else ""
        rendered = _render(
            self._prompt,
            "template.prompt",
            input=text,
            options=list(options),
            instruction=instruction,
        )
        if instruction:
            lead = _render(self._instruction, "template.instruction_text", instruction=instruction)
            rendered = lead + rendered
        if not rendered:
            raise TemplateError(
                "template.prompt: renders to nothing for an empty input, which scoring=prior asks "
                "after. It must hold some text."
                if not text
                else "template.prompt: renders to nothing. It must hold some text."
            )
        return (Segment(rendered),)


def _end_mark(end_mark: str, tokenizer: PreTrainedTokenizerBase) -> Segment:
    if "\\n" in end_mark:
        raise TemplateError(
            "template.end_mark: holds a backslash and an n, not a line break. Write "
            "'template.end_mark=\"\\n\\n\"' (both kinds of quotes are needed)."
        )
    if end_mark != "eos":
        return Segment(end_mark)
    if not tokenizer.eos_token:
        raise TemplateError(
            "template.end_mark: is 'eos', but the tokenizer has no end-of-sequence token, so no "
            "answer could end. Set a text such as 'template.end_mark=\"\\n\\n\"' (both kinds of "
            "quotes are needed), or give the tokenizer an eos_token."
        )
    return Segment(str(tokenizer.eos_token), markup=True)


def _adds_bos(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the tokenizer itself opens a text with its BOS token (Llama and Gemma do)."""
    if tokenizer.bos_token_id is None:
        return False
    ids = tokenizer("a", add_special_tokens=True)["input_ids"]
    return bool(ids) and ids[0] == tokenizer.bos_token_id


_ENVIRONMENT = SandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)


def _compile(text: str, key: str) -> jinja2.Template:
    try:
        return _ENVIRONMENT.from_string(text)
    except jinja2.TemplateError as error:
        raise TemplateError(f"{key}: not a valid Jinja template ({error}).") from None


def _render(template: jinja2.Template, key: str, **values: Any) -> str:
    try:
        return template.render(**values)
    except Exception as error:  # any expression may stand in a template: 1 / 0, input + 1
        raise TemplateError(
            f"{key}: cannot be rendered ({error}). It may use {', '.join(values)}."
        ) from None
