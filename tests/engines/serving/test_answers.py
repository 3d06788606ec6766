"""What is the same for every backend: stop tokens, stop strings, the counting of tokens, pauses, releases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.engines.serving.test_text_and_cache import ByteTokenizer
from workers.engines.serving.answers import RunningAnswer
from workers.engines.serving.backends.protocol import AnswerRequest
from workers.engines.serving.errors import ServeError, too_busy
from workers.engines.serving.stream_events import Delta, Done
from workers.engines.serving.text_stream import TextStream

pytestmark = pytest.mark.ml

STOP_TOKEN = 0


class WrittenTokens:
    """A token stream that was written in advance."""

    def __init__(self, tokens: list[int], *, seconds: float = 0, error: ServeError | None = None) -> None:
        self._tokens = iter(tokens)
        self._seconds = seconds
        self._error = error
        self.cancelled = False

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        await asyncio.sleep(self._seconds)
        for token in self._tokens:
            return token
        if self._error:
            raise self._error
        raise StopAsyncIteration

    def cancel(self) -> None:
        self.cancelled = True


def answer(tokens: WrittenTokens, *stops: str):
    released: list[bool] = []
    request = AnswerRequest([1, 2, 3], 100, frozenset({STOP_TOKEN}))
    text = TextStream(ByteTokenizer(), stops)
    return RunningAnswer(tokens, request, text, lambda: released.append(True)), released


async def events(text: str, *stops: str, end: list[int] | None = None) -> tuple[str, Done]:
    tokens = WrittenTokens([*text.encode(), *(end or [])])
    running, released = answer(tokens, *stops)
    *deltas, done = [event async for event in running.events()]
    assert tokens.cancelled and released
    return "".join(delta.text for delta in deltas), done


async def test_a_stop_token_ends_the_answer_and_is_counted() -> None:
    assert await events("abc", end=[STOP_TOKEN]) == ("abc", Done("stop", 3, 4))


async def test_an_answer_without_a_stop_token_reached_its_length() -> None:
    assert await events("abc") == ("abc", Done("length", 3, 3))


async def test_nothing_is_counted_beyond_a_stop_string() -> None:
    assert await events("ab。cd", "。") == ("ab", Done("stop", 3, 5))


async def test_a_stop_string_completed_by_the_last_token_stops() -> None:
    assert await events("abcd", "cd") == ("ab", Done("stop", 3, 4))


async def test_text_held_back_for_a_stop_string_comes_at_the_end() -> None:
    assert await events("ab\n", "\n質問") == ("ab\n", Done("length", 3, 3))


async def test_pauses_are_reported_and_lose_no_token() -> None:
    running, _ = answer(WrittenTokens(list(b"ab"), seconds=0.1))
    found = [event async for event in running.events(alive_seconds=0.02)]
    assert found.count(None) >= 3
    assert [event for event in found if event] == [Delta("a"), Delta("b"), Done("length", 3, 2)]


async def test_a_failure_of_the_backend_reaches_the_reader() -> None:
    running, released = answer(WrittenTokens(list(b"ab"), error=too_busy()))
    with pytest.raises(ServeError, match="Too many"):
        [event async for event in running.events()]
    assert released


def test_an_answer_that_was_never_read_is_cancelled_and_released() -> None:
    tokens = WrittenTokens([])
    running, released = answer(tokens)
    running.cancel()
    assert tokens.cancelled and released
