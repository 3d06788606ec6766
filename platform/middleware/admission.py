"""The limit of concurrent requests of one web process. One more is refused immediately, with Retry-After.

Each admitted request takes a thread and a connection of the pool, each upload a file on the disk, and each stream a
slot until its end. Admitted requests wait only for the pool, for a few seconds. So no queue grows without limit:
`docs/decisions/concurrency.md`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from middleware.early_answers import (
    Application,
    Receive,
    Send,
    carries_file,
    drain_announced,
    headers_of,
    send_unavailable,
)

RETRY_AFTER_SECONDS = 2
NEVER_REFUSED = frozenset({"/healthz", "/readyz"})
"""Probes must not take a busy process for a dead one."""
STREAMS = re.compile(r"/v1/chat/completions|/chat(/[^/]+)?/ask|/jobs/[^/]+/stream")


@dataclass(frozen=True)
class Limits:
    """Of one process."""

    requests: int = 400
    """Of all kinds together."""
    uploads: int = 32
    """Multipart bodies: each may be a file of the maximum size on the disk."""
    streams: int = 200
    """Answers that are being generated and pages that follow a job. The model server has a lower limit."""


class Admission:
    """ASGI middleware that counts the admitted requests."""

    def __init__(self, application: Application, limits: Limits) -> None:
        self.application = application
        self._limits = asdict(limits)
        self.inside: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in NEVER_REFUSED:
            await self.application(scope, receive, send)
            return
        headers = headers_of(scope)
        kinds = _kinds(scope["path"], headers)
        if any(self.inside[kind] >= self._limits[kind] for kind in kinds):
            await drain_announced(receive, headers)
            await send_unavailable(send, scope["path"], BUSY, BUSY_PAGE, RETRY_AFTER_SECONDS)
            return
        self.inside.update(kinds)
        try:
            await self.application(scope, receive, send)
        finally:
            self.inside.subtract(kinds)


def _kinds(path: str, headers: dict[bytes, bytes]) -> list[str]:
    kinds = ["requests"]
    if carries_file(headers):
        kinds.append("uploads")
    if STREAMS.fullmatch(path):
        kinds.append("streams")
    return kinds


BUSY: dict[str, Any] = {
    "type": "server_error",
    "message": "The platform has more requests than it can work on. Try again in a few seconds.",
    "param": None,
    "code": "overloaded",
}
BUSY_PAGE = """<!doctype html>
<html lang="ja"><head><meta charset="utf-8"><title>Kosha</title></head><body>
<h1>ただいま混み合っています</h1>
<p>数秒待ってから、ページを読み込み直してください。送信した内容は処理されていません。</p>
<p lang="en">Too many requests at the moment. Wait a few seconds and reload; what you sent was not processed.</p>
<p><code>overloaded</code></p>
</body></html>
"""
