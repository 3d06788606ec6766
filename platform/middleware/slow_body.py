"""A request whose body stops coming, or trickles, is ended: while it lasts, it holds a place and a file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from middleware.early_answers import Application, Message, Receive, Send, send_error


@dataclass(frozen=True)
class Patience:
    silence_seconds: float = 60.0
    """The longest wait for one more piece, and what a body may take beyond its pace."""
    slowest_bytes_per_second: float = 4096.0
    """Slower than this on the whole nobody sends a file, but somebody who wants to keep the place."""


class _Late(Exception):
    """The body does not come."""


class SlowBody:
    """ASGI middleware that answers 408 where its patience ends. It stands outside of whatever counts places,
    so that the place is free by the time the answer is sent."""

    def __init__(self, application: Application, patience: Patience) -> None:
        self.application = application
        self._patience = patience

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        is_answered = False

        async def noting(message: Any) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self.application(scope, _Arriving(receive, self._patience).receive, noting)
        except _Late:
            if not is_answered:
                # Without the header the server would wait for the rest of the body before the next request.
                await send_error(send, 408, self._error(), [(b"connection", b"close")])

    def _error(self) -> dict[str, Any]:
        seconds = self._patience.silence_seconds
        return {
            "type": "invalid_request_error",
            "message": f"The body of the request stopped coming for {seconds:g} seconds or came too slowly, so "
            "it was given up and nothing was stored. Look at the connection and send it again.",
            "param": None,
            "code": "request_timeout",
        }


class _Arriving:
    """One request's `receive`. Only waiting for the client counts, not what is done with the pieces."""

    def __init__(self, receive: Receive, patience: Patience) -> None:
        self._receive = receive
        self._patience = patience
        self._waited = 0.0
        self._bytes = 0
        self._is_whole = False

    async def receive(self) -> Message:
        if self._is_whole:
            # Whoever asks now waits for the client to leave, which may take as long as the answer.
            return await self._receive()
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._left()):
                message = await self._receive()
        except TimeoutError:
            raise _Late from None
        self._waited += asyncio.get_running_loop().time() - began
        self._bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        return message

    def _left(self) -> float:
        silence = self._patience.silence_seconds
        pace = silence + self._bytes / self._patience.slowest_bytes_per_second
        return min(silence, max(0.0, pace - self._waited))
