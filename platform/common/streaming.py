"""The response of server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from django.http import StreamingHttpResponse


def event_stream(lines: AsyncIterator[str]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    # Tells proxies not to buffer the stream.
    response["X-Accel-Buffering"] = "no"
    return response
