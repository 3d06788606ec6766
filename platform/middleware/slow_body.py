"""Ends a request whose body stops or arrives too slowly, because it occupies an admission slot and a file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from middleware.early_answers import CLOSE, Application, Message, Receive, Send, send_error


@dataclass(frozen=True)
class BodyTimeouts:
    silence_seconds: float = 60.0
    """The longest wait for the next part, and how long a body may take beyond its minimum rate."""
    slowest_bytes_per_second: float = 4096.0
    """The minimum average rate. No ordinary client is slower; an attacker who wants to occupy slots is."""


class _Late(Exception):
    """The body did not arrive in time."""


class SlowBody:
    """ASGI middleware that answers 408 after a timeout. It wraps the middleware that counts slots, so that the
    slot is free by the time the answer is sent."""

    def __init__(self, application: Application, timeouts: BodyTimeouts) -> None:
        self.application = application
        self._timeouts = timeouts

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        is_answered = False

        async def watched_send(message: Any) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self.application(scope, _Arriving(receive, self._timeouts).receive, watched_send)
        except _Late:
            if not is_answered:
                await send_error(send, 408, self._error(), [CLOSE])

    def _error(self) -> dict[str, Any]:
        seconds = self._timeouts.silence_seconds
        return {
            "type": "invalid_request_error",
            "message": f"The body of the request stopped coming for {seconds:g} seconds or came too slowly, so "
            "it was given up and nothing was stored. Look at the connection and send it again.",
            "param": None,
            "code": "request_timeout",
        }


@dataclass
class _Arriving:
    """One request's `receive`. Only the time spent waiting for the client counts."""

    _receive: Receive
    _timeouts: BodyTimeouts
    _waited: float = 0.0
    _bytes: int = 0
    _is_whole: bool = False

    async def receive(self) -> Message:
        if self._is_whole:
            # The caller now waits for the client to disconnect, which may take as long as the answer.
            return await self._receive()
        silence = self._timeouts.silence_seconds
        allowed = silence + self._bytes / self._timeouts.slowest_bytes_per_second
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(silence, max(0.0, allowed - self._waited))):
                message = await self._receive()
        except TimeoutError:
            raise _Late from None
        self._waited += asyncio.get_running_loop().time() - began
        self._bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        return message
