"""Turn tokens into text as they come: whole characters only, and nothing beyond a stop string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
        # The text of tokens up to `_read` was returned. Those from `_start` on are decoded again with the
        # new ones, since a token's text depends on the tokens before it.
        self._start = self._read = 0
        self._held = ""
        self.stopped = False
        """A stop string was found; no more text is returned."""

    def push(self, token: int) -> str:
        self._tokens.append(token)
        before = self._decode(self._start, self._read)
        now = self._decode(self._start, len(self._tokens))
        if len(now) <= len(before) or now.endswith(INCOMPLETE):
            return ""
        self._start, self._read = self._read, len(self._tokens)
        return self._pass(now[len(before) :])

    def finish(self) -> str:
        """The text held back so far: an incomplete character, or the beginning of a stop string."""
        if self.stopped:
            return ""
        rest = self._decode(self._start, len(self._tokens))[len(self._decode(self._start, self._read)) :]
        sent = self._pass(rest)
        if not self.stopped:
            sent, self._held = sent + self._held, ""
        return sent

    def _decode(self, start: int, end: int) -> str:
        return str(self._tokenizer.decode(self._tokens[start:end], skip_special_tokens=True))

    def _pass(self, text: str) -> str:
        if self.stopped:
            return ""
        text = self._held + text
        met = [position for stop in self._stops if (position := text.find(stop)) >= 0]
        if met:
            self.stopped, self._held = True, ""
            return text[: min(met)]
        # The end of the text is held back where it may be the beginning of a stop string.
        keep = 0
        for stop in self._stops:
            sizes = range(min(len(text), len(stop) - 1), 0, -1)
            keep = max(keep, next((size for size in sizes if text.endswith(stop[:size])), 0))
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]
