"""Encoding: segments to token ids, and where each answer begins and ends.

This is the only place where token boundaries are decided. Every segment is tokenised on its own and
the ids are concatenated, so the prefix of k demonstrations is a token prefix of the prefix of k+1
for every tokenizer, by construction rather than by luck of merges.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from manyicl.config import TemplateConfig
from manyicl.episodes.template import Segment, make_template
from manyicl.errors import ModelError, TemplateError
from manyicl.tasks import Example, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """A demonstration as ids: `prompt` up to the answer, `target` with its end mark."""

    prompt: Sequence[int]
    target: Sequence[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)


class SegmentTokenizer:
    """A fast tokenizer made to encode pieces of a text as they stand inside the text.

    Two habits of tokenizers are switched off, both for texts that stand alone: adding a space in
    front (SentencePiece style), and adding special tokens around.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if not isinstance(backend, Tokenizer):
            raise ModelError(
                f"tokenizer {tokenizer.name_or_path!r}: is not a fast tokenizer "
                "(tokenizer.json). Convert it with transformers, or choose another one."
            )
        state = _without_dummy_prefix(json.loads(backend.to_str()))
        text = json.dumps(state)
        content = json.dumps(_with_special_markers(state, tokenizer))
        self._markup = Tokenizer.from_str(text)
        self._content = Tokenizer.from_str(content)
        # Users' text may contain "</s>" or "<|im_end|>": there it is text like any other.
        self._content.encode_special_tokens = True
        for clone in (self._markup, self._content):
            clone.no_truncation()
            clone.no_padding()
        self.protects_markers = content != text  # more of them than the tokenizer itself
        both = text + content if self.protects_markers else text
        self.fingerprint = hashlib.sha256(both.encode()).hexdigest()

    def encode(self, segments: Sequence[Segment]) -> list[int]:
        """Return the ids of segments, each encoded by itself: no token spans two of them."""
        ids: list[int] = []
        for segment in segments:
            tokenizer = self._markup if segment.markup else self._content
            ids += tokenizer.encode(segment.text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, special tokens as they are written."""
        return self._markup.decode(list(ids), skip_special_tokens=False)


class Encoder:
    """Template and tokenizer in one: tasks and examples in, token ids out."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: TemplateConfig | None = None):
        self.config = config or TemplateConfig()
        self.tokenizer = SegmentTokenizer(tokenizer)
        self.template = make_template(self.config, tokenizer)
        self.end = self.tokenizer.encode(self.template.end)
        self.separator = self.tokenizer.encode(self.template.separator)
        is_text = not any(segment.markup for segment in self.template.end)
        text = "".join(segment.text for segment in self.template.end)
        self.end_text = text if is_text else None  # an end mark that an answer could contain
        # Whether prompts list the options, so that relabelling changes them too.
        self.shows_options = self.config.kind == "jinja" and "options" in self.config.prompt
        if not self.end:
            raise TemplateError("template.end_mark: the tokenizer turns it into no token at all.")

    def opening(self, task: Task, instructed: bool = True) -> list[int]:
        """Return the ids before the first demonstration: BOS and the instruction."""
        return self.tokenizer.encode(self.template.opening(task, instructed))

    def prompt(
        self, task: Task, text: str, options: Sequence[str] = (), instructed: bool = True
    ) -> list[int]:
        """Return the ids of an input up to where its answer begins."""
        return self.tokenizer.encode(self.template.prompt(task, text, options, instructed))

    def target(self, text: str) -> list[int]:
        """Return the ids of an answer, its end mark included."""
        body = self.template.target_prefix + text
        if self.end_text and (body + self.end_text).index(self.end_text) < len(body):
            raise TemplateError(
                f"template.end_mark: the answer {text[:60]!r} contains the end mark "
                f"{self.end_text!r}, so it would end too early. Use 'eos' or another text."
            )
        return self.tokenizer.encode((Segment(body),)) + self.end

    def demonstration(
        self,
        task: Task,
        example: Example,
        symbols: dict[str, str] | None = None,
        instructed: bool = True,
    ) -> EncodedExample:
        """Encode a solved example; `symbols` replaces labels by the symbols of the episode."""
        symbols = symbols or {}
        options = [symbols.get(option, option) for option in task.options_of(example)]
        return EncodedExample(
            self.prompt(task, example.input, options, instructed),
            self.target(symbols.get(example.target, example.target)),
        )

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, special tokens visible."""
        return self.tokenizer.decode(ids)

    def decode_target(self, ids: Sequence[int]) -> str:
        """Return an answer's text from its ids, without end mark and template prefix."""
        body = list(ids)
        if body[-len(self.end) :] == self.end:
            body = body[: -len(self.end)]
        return self.decode(body).removeprefix(self.template.target_prefix)

    def fingerprint(self) -> str:
        """Return a hash of tokenizer and template: equal hashes encode equally."""
        described = [self.tokenizer.fingerprint, vars(self.config), self.end, self.separator]
        described.append(self.opening(_PROBE, instructed=False))
        if self.config.kind == "chat":  # the other kinds are their configuration
            described += [self.opening(_PROBE), self.prompt(_PROBE, "x"), self.target("x")]
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


_PROBE = Task("probe", "other", "generation", "exact_match", "probe", lambda split: [], "x")


def _with_special_markers(state: Any, tokenizer: Any) -> Any:
    """Edit a serialised tokenizer so that all markers of its chat template count as special: some
    fine-tunes add them as ordinary tokens."""
    names, shown = set(tokenizer.all_special_tokens), str(tokenizer.chat_template or "")
    added = [
        token | {"special": True}
        if token["content"] in names or (token["content"].strip() and token["content"] in shown)
        else token
        for token in state.get("added_tokens") or []
    ]
    return state | {"added_tokens": added}


def _without_dummy_prefix(state: Any) -> Any:
    """Edit a serialised tokenizer so that no piece adds or swallows a space at its start."""
    if isinstance(state, list):
        return [_without_dummy_prefix(item) for item in state]
    if not isinstance(state, dict):
        return state
    found = {key: _without_dummy_prefix(value) for key, value in state.items()}
    if found.get("type") == "Metaspace":
        found["prepend_scheme"] = "never"
    if found.get("type") == "ByteLevel" and "add_prefix_space" in found:
        found["add_prefix_space"] = False
    for key, kind in (("normalizer", "Prepend"), ("decoder", "Strip")):
        part = found.get(key)
        if isinstance(part, dict) and part.get("type") == kind:
            found[key] = None
    if found.get("type") == "Sequence":
        for key, kind in (("normalizers", "Prepend"), ("decoders", "Strip")):
            if key in found:
                found[key] = [part for part in found[key] if part.get("type") != kind]
    return found
