"""The header `x-request-id` on every answer, also on those that are given before Django sees the request."""

from __future__ import annotations

import logging
from typing import Any

from common.request_id import HEADER, current_request_id, request_id
from middleware.early_answers import Application, Message, Receive, Send, headers_of, send_error

logger = logging.getLogger(__name__)

BROKEN = {
    "type": "server_error",
    "message": "An internal error occurred. Try again. If it persists, tell your operator.",
    "param": None,
    "code": "internal_error",
}
NO_WEBSOCKETS = {
    "type": "invalid_request_error",
    "message": "This address takes no WebSocket. Answers are streamed as server-sent events.",
    "param": None,
    "code": "unknown_endpoint",
}


class RequestId:
    """ASGI middleware, outside all others."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.application(scope, receive, send)
            return
        id = request_id(headers_of(scope).get(HEADER.encode(), b"").decode("latin-1"))
        current_request_id.set(id)
        answer = _Named(send, id)
        if scope["type"] == "websocket":
            await _refuse_websocket(scope, answer)
            return
        try:
            await self.application(scope, receive, answer.send)
        except Exception:
            if answer.has_begun:
                raise
            logger.exception("a request was not answered")
            await send_error(answer.send, 500, BROKEN)


class _Named:
    """One answer, with the request's id among its headers."""

    def __init__(self, send: Send, id: str) -> None:
        self._send = send
        self._header = (HEADER.encode(), id.encode())
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.has_begun = True
            message = {**message, "headers": [*message.get("headers", ()), self._header]}
        await self._send(message)


async def _refuse_websocket(scope: Any, answer: _Named) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await answer.send({"type": "websocket.close"})
        return

    async def send(message: Message) -> None:
        await answer.send({**message, "type": f"websocket.{message['type']}"})

    await send_error(send, 404, NO_WEBSOCKETS)
