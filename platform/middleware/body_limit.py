"""Refuse a request body that is too large, or for which the disk has no room, before it is written.

Django spools the whole body to a temporary file before any view or upload handler runs. So the limit is enforced
before Django: by the announced length, and by counting if none was announced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings

from common.disk import have_room, is_disk_full, is_storage_away
from common.errors import StorageUnavailable
from middleware.early_answers import (
    BODY_LIMIT,
    CLOSE,
    DRAINED_BYTES,
    Application,
    Message,
    Receive,
    Send,
    announced_bytes,
    carries_file,
    drain,
    drain_announced,
    headers_of,
    send_error,
)

MULTIPART_OVERHEAD = 1024 * 1024
ROOM_LOOK_BYTES = 16 * 1024 * 1024
SPOOLED_COPIES = 2
"""Django spools the body, and then its file, before the file is written to the storage."""


@dataclass(frozen=True)
class Answer:
    status: int
    error: dict[str, Any]
    headers: tuple[tuple[bytes, bytes], ...] = ()


_NO_ROOM = Answer(
    507,
    {
        "type": "server_error",
        "message": "There is not enough space on the disk, so nothing was stored. "
        "Ask your operator to free or add space, then try again.",
        "param": "file",
        "code": "insufficient_storage",
    },
)


_STORAGE_AWAY = Answer(
    503,
    {
        "type": "server_error",
        "message": "The storage cannot be read or written at the moment. "
        "Ask your operator to check its disk and its mount, then try again.",
        "param": None,
        "code": "storage_unavailable",
    },
    ((b"retry-after", str(StorageUnavailable.retry_after_seconds).encode()),),
)


def _answer_to(error: OSError) -> Answer | None:
    """The answer to an error of spooling: the disk became full between two checks, or is unusable."""
    if is_disk_full(error):
        return _NO_ROOM
    return _STORAGE_AWAY if is_storage_away(error) else None


class _Refused(Exception):
    def __init__(self, answer: Answer, *, more: bool) -> None:
        super().__init__()
        self.answer = answer
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
        is_upload = carries_file(headers)
        limit = self.upload_bytes + MULTIPART_OVERHEAD if is_upload else self.plain_bytes
        is_public = BODY_LIMIT in scope
        limit = min(limit, scope.get(BODY_LIMIT, limit))
        announced = announced_bytes(headers)
        refusal = await self._refusal(announced, limit, is_upload, SPOOLED_COPIES)
        if refusal is not None:
            if is_public:
                await send_error(send, refusal.status, refusal.error, [*refusal.headers, CLOSE])
                return
            await drain_announced(receive, headers, spare=limit)
            await send_error(send, refusal.status, refusal.error, refusal.headers)
            return
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.application(scope, self._counted(receive, limit, is_upload), noting)
        except _Refused as error:
            if error.more and not is_public:
                await drain(receive, DRAINED_BYTES)
            closing = [CLOSE] if is_public else []
            await send_error(send, error.answer.status, error.answer.error, [*error.answer.headers, *closing])
        except OSError as error:
            answer = None if has_begun else _answer_to(error)
            if answer is None:
                raise
            await send_error(send, answer.status, answer.error, answer.headers)

    async def _refusal(self, size: int, limit: int, is_upload: bool, copies_to_spool: int) -> Answer | None:
        if size > limit:
            return self._too_large(is_upload, limit)
        if not is_upload:
            return None
        # Bodies may be spooled on another disk than the one they are stored on.
        needs = {settings.FILE_UPLOAD_TEMP_DIR: copies_to_spool * size, settings.KOSHA_STORAGE_ROOT: size}
        try:
            fits = await sync_to_async(have_room, thread_sensitive=False)(needs)
        except OSError as error:
            if (answer := _answer_to(error)) is None:
                raise
            return answer
        return None if fits else _NO_ROOM

    def _too_large(self, is_upload: bool, limit: int) -> Answer:
        code, param = ("file_too_large", "file") if is_upload else ("request_too_large", None)
        most = min(limit, self.upload_bytes)
        size = f"{most // 1024**2} MB" if most >= 1024**2 else f"{most // 1024} KB"
        message = (
            f"The request's body is larger than {size}. Split it, or ask the operator to raise the limit."
        )
        return Answer(
            413, {"type": "invalid_request_error", "message": message, "param": param, "code": code}
        )

    def _counted(self, receive: Receive, limit: int, is_upload: bool) -> Receive:
        """`receive` that raises as soon as more than `limit` bytes have arrived, or the disk is full."""
        seen, looked_at = 0, ROOM_LOOK_BYTES

        async def counted() -> Message:
            nonlocal seen, looked_at
            message = await receive()
            seen += len(message.get("body", b""))
            # The announced length was checked before the first byte. This check covers a body without one, and a
            # disk that fills meanwhile.
            if seen > limit or seen >= looked_at:
                looked_at = seen + ROOM_LOOK_BYTES
                refusal = await self._refusal(seen, limit, is_upload, SPOOLED_COPIES - 1)
                if refusal is not None:
                    raise _Refused(refusal, more=message.get("more_body", False))
            return message

        return counted
