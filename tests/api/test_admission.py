"""Requests beyond the limits of a web process are refused at once with `Retry-After`."""

from __future__ import annotations

import asyncio
import json

import pytest
from django.urls import reverse

from middleware.admission import NEVER_REFUSED, STREAMS, Admission, Limits

LIMITS = Limits(requests=3, uploads=1, streams=2)
MULTIPART = (b"content-type", b"multipart/form-data; boundary=x")


class LimitedApplication:
    """The limits in front of an application that answers when `finish` is called."""

    def __init__(self) -> None:
        self._finished = asyncio.Event()
        self.admission = Admission(self._work, LIMITS)
        self.running: list[asyncio.Task] = []

    async def _work(self, scope, receive, send):
        await self._finished.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def start(self, path: str = "/v1/files", *headers: tuple[bytes, bytes]) -> None:
        """A request that is not answered yet."""
        self.running.append(asyncio.create_task(self.ask(path, *headers)))
        await asyncio.sleep(0)

    async def ask(self, path: str = "/v1/files", *headers: tuple[bytes, bytes], body: bytes = b"") -> list:
        sent: list = []
        chunks = [body[start : start + 2] for start in range(0, len(body), 2)] or [b""]

        async def receive():
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message):
            sent.append(message)

        await self.admission({"type": "http", "path": path, "headers": list(headers)}, receive, send)
        assert sent[0]["status"] == 200 or chunks == [], (
            "its body is read, so that the client reads its answer"
        )
        return sent

    async def finish(self) -> list[int]:
        self._finished.set()
        return [sent[0]["status"] for sent in await asyncio.gather(*self.running)]


async def test_refuses_one_request_too_many_and_accepts_it_later():
    web = LimitedApplication()
    for _ in range(LIMITS.requests):
        await web.start()
    start, body = await web.ask()
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"].isdigit()
    error = json.loads(body["body"])["error"]
    assert (error["code"], error["type"]) == ("overloaded", "server_error")
    assert await web.finish() == [200] * LIMITS.requests
    assert (await web.ask())[0]["status"] == 200
    assert not +web.admission.inside


async def test_uploads_and_streams_have_their_own_limits():
    web = LimitedApplication()
    await web.start("/v1/files", MULTIPART)
    refused = await web.ask("/v1/files", MULTIPART, (b"content-length", b"6"), body=b"abcdef")
    assert refused[0]["status"] == 503
    await web.start("/v1/chat/completions")
    web._finished.set()
    assert (await web.ask("/v1/files"))[0]["status"] == 200
    await web.finish()


async def test_refuses_a_page_with_a_page():
    web = LimitedApplication()
    for _ in range(LIMITS.requests):
        await web.start()
    start, body = await web.ask("/documents/")
    assert start["status"] == 503 and b"retry-after" in dict(start["headers"])
    assert "混み合って" in body["body"].decode()
    await web.finish()


async def test_never_refuses_probes():
    web = LimitedApplication()
    for _ in range(LIMITS.requests):
        await web.start()
    for path in NEVER_REFUSED:
        await web.start(path)
    assert await web.finish() == [200] * (LIMITS.requests + len(NEVER_REFUSED))


async def test_cancelled_request_frees_its_slot():
    web = LimitedApplication()
    await web.start("/v1/chat/completions")
    (task,) = web.running
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not +web.admission.inside


def test_counts_every_streaming_route_as_a_stream():
    routes = [
        reverse("chat:ask"),
        reverse("chat:ask_again", args=["conv_1"]),
        reverse("jobs:stream", args=["j"]),
    ]
    assert [path for path in [*routes, "/v1/chat/completions"] if not STREAMS.fullmatch(path)] == []
    assert not STREAMS.fullmatch(reverse("jobs:detail", args=["j"]))
    assert {reverse("health:alive"), reverse("health:ready")} == NEVER_REFUSED
