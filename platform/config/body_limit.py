"""Refuse a request body that is too large before it is written to disk.

Django spools the whole body to a temporary file before any view or upload handler runs, so the limit
stands in front of it: by the announced length, and by counting where none was announced.
"""

from __future__ import annotations

from typing import Any

from config.early_answers import (
    DRAINED_BYTES,
    Application,
    Message,
    Receive,
    Send,
    announced_bytes,
    drain,
    drain_announced,
    headers_of,
    is_multipart,
    send_error,
)

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
        headers = headers_of(scope)
        is_upload = is_multipart(headers)
        limit = self.upload_bytes + MULTIPART_OVERHEAD if is_upload else self.plain_bytes
        if announced_bytes(headers) > limit:
            await drain_announced(receive, headers, spare=limit)
            await self._refuse(is_upload, send)
            return
        try:
            await self.application(scope, _counted(receive, limit), send)
        except _TooLarge as error:
            if error.more:
                await drain(receive, DRAINED_BYTES)
            await self._refuse(is_upload, send)

    async def _refuse(self, is_upload: bool, send: Send) -> None:
        code, param = ("file_too_large", "file") if is_upload else ("request_too_large", None)
        limit = (self.upload_bytes if is_upload else self.plain_bytes) // 1024**2
        message = (
            f"The request's body is larger than {limit} MB. Split it, or ask the operator to raise the limit."
        )
        await send_error(
            send, 413, {"type": "invalid_request_error", "message": message, "param": param, "code": code}
        )


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
