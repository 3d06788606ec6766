"""Turn tokens into text as they come: whole characters only, and nothing that does not belong to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workers.engines.shared.answer_text import answer_so_far

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What the decoder writes for bytes that are not yet a whole character.
INCOMPLETE = "\ufffd"


class TextStream:
    """`push` each token and send what it returns; at the end send what `finish` returns."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stops: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._stops = [stop for stop in stops if stop]
        self._tokens: list[int] = []
        # The text of tokens up to `_read` is in `_text`. Those from `_start` on are decoded again with the
        # new ones, since a token's text depends on the tokens before it.
        self._start = self._read = 0
        self._text = ""
        self._sent = 0
        self.stopped = False
        """A stop string or a repetition was met; no more text is returned."""

    def push(self, token: int) -> str:
        self._tokens.append(token)
        before = self._decode(self._start, self._read)
        now = self._decode(self._start, len(self._tokens))
        if len(now) <= len(before) or now.endswith(INCOMPLETE):
            return ""
        self._start, self._read = self._read, len(self._tokens)
        return self._pass(now[len(before) :], is_last=False)

    def finish(self) -> str:
        """The text held back so far: an incomplete character, or what could have become a stop string."""
        rest = self._decode(self._start, len(self._tokens))[len(self._decode(self._start, self._read)) :]
        return self._pass(rest, is_last=True)

    def _decode(self, start: int, end: int) -> str:
        return str(self._tokenizer.decode(self._tokens[start:end], skip_special_tokens=True))

    def _pass(self, text: str, *, is_last: bool) -> str:
        if self.stopped:
            return ""
        self._text += text
        answer = answer_so_far(self._text, self._stops, is_whole=is_last)
        self.stopped = answer.is_ended
        new = answer.text[self._sent :]
        self._sent = max(self._sent, len(answer.text))
        return new
