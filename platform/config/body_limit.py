"""Refuse a request body that is too large before it is written to disk.

Django spools the whole body to a temporary file before any view or upload handler runs, so the limit
stands in front of it: by the announced length, and by counting where none was announced.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

DRAINED_BYTES = 64 * 1024 * 1024
"""A client that is still sending reads no answer. Up to this much is read and thrown away first;
beyond it the connection is closed on it."""
MULTIPART_OVERHEAD = 1024 * 1024


class _TooLarge(Exception):
    def __init__(self, *, more: bool) -> None:
        super().__init__()
        self.more = more
        """The client is still sending."""


class BodyLimit:
    """ASGI middleware: files may be `upload_bytes` long, every other body `plain_bytes`."""

    def __init__(self, application: Application, *, upload_bytes: int, plain_bytes: int) -> None:
        self.application = application
        self.upload_bytes = upload_bytes
        self.plain_bytes = plain_bytes

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        is_upload = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
        limit = self.upload_bytes + MULTIPART_OVERHEAD if is_upload else self.plain_bytes
        announced = int(length) if (length := headers.get(b"content-length", b"")).isdigit() else 0
        if announced > limit:
            if announced <= limit + DRAINED_BYTES and headers.get(b"expect", b"").lower() != b"100-continue":
                await _drain(receive, announced)
            await self._refuse(is_upload, send)
            return
        try:
            await self.application(scope, _counted(receive, limit), send)
        except _TooLarge as error:
            if error.more:
                await _drain(receive, DRAINED_BYTES)
            await self._refuse(is_upload, send)

    async def _refuse(self, is_upload: bool, send: Send) -> None:
        code, param = ("file_too_large", "file") if is_upload else ("request_too_large", None)
        limit = (self.upload_bytes if is_upload else self.plain_bytes) // 1024**2
        message = (
            f"The request's body is larger than {limit} MB. Split it, or ask the operator to raise the limit."
        )
        error = {"type": "invalid_request_error", "message": message, "param": param, "code": code}
        body = json.dumps({"error": error}).encode()
        start = {
            "type": "http.response.start",
            "status": 413,
            "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
        }
        await send(start)
        await send({"type": "http.response.body", "body": body})


def _counted(receive: Receive, limit: int) -> Receive:
    """`receive` that raises as soon as more than `limit` bytes have come."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _TooLarge(more=message.get("more_body", False))
        return message

    return counted


async def _drain(receive: Receive, most: int) -> None:
    seen = 0
    while seen <= most:
        message = await receive()
        seen += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
