"""Answers given before Django sees a request: the ASGI types, the error's form, and the unread body."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

BODY_LIMIT = "kosha.body_limit"
"""The key in the scope for the longest body, where that is shorter than usual."""
CLOSE = (b"connection", b"close")
"""Without it the server would read the rest of a body before the next request of the connection."""
DRAINED_BYTES = 64 * 1024 * 1024
"""A client that is still sending does not read the answer. Up to this many bytes are read and discarded first; after
that the connection is closed."""


FILE_TYPES = (b"multipart/form-data", b"application/offset+octet-stream")


def headers_of(scope: Any) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in scope["headers"]}


def carries_file(headers: dict[bytes, bytes]) -> bool:
    """A form with files, or a chunk of a resumable upload."""
    return headers.get(b"content-type", b"").lower().startswith(FILE_TYPES)


def announced_bytes(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


async def send_error(
    send: Send, status: int, error: dict[str, Any], headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """In the API's form: `{error: {type, message, param, code}}`."""
    await send_whole(send, status, b"application/json", json.dumps({"error": error}).encode(), headers)


async def send_unavailable(
    send: Send, path: str, error: dict[str, Any], page: str, retry_after_seconds: int
) -> None:
    """503 in the API's form or as a page, with Retry-After."""
    retry = [(b"retry-after", str(retry_after_seconds).encode())]
    if path.startswith("/v1/"):
        await send_error(send, 503, error, retry)
    else:
        await send_whole(send, 503, b"text/html; charset=utf-8", page.encode(), retry)


async def send_whole(
    send: Send, status: int, media_type: bytes, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    kinds = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*kinds, *headers]})
    await send({"type": "http.response.body", "body": body})


async def drain_announced(receive: Receive, headers: dict[bytes, bytes], spare: int = 0) -> None:
    """Read and discard a body that the client is about to send, unless it is too large."""
    announced = announced_bytes(headers)
    if announced <= spare + DRAINED_BYTES and headers.get(b"expect", b"").lower() != b"100-continue":
        await drain(receive, announced)


async def drain(receive: Receive, most: int) -> None:
    seen = 0
    while seen <= most:
        message = await receive()
        seen += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
