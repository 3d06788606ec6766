"""More requests than a process works on are refused at once, with when to come back."""

from __future__ import annotations

import asyncio
import json

import pytest
from django.urls import reverse

from middleware.admission import NEVER_REFUSED, STREAMS, Admission, Limits

LIMITS = Limits(requests=3, uploads=1, streams=2)
MULTIPART = (b"content-type", b"multipart/form-data; boundary=x")


class Door:
    """The border, with an application behind it that works until it is told to end."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.admission = Admission(self._work, LIMITS)
        self.inside: list[asyncio.Task] = []

    async def _work(self, scope, receive, send):
        await self.over.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def enter(self, path: str = "/v1/files", *headers: tuple[bytes, bytes]) -> None:
        """A request that stays inside."""
        self.inside.append(asyncio.create_task(self.ask(path, *headers)))
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

    async def leave(self) -> list[int]:
        self.over.set()
        return [sent[0]["status"] for sent in await asyncio.gather(*self.inside)]


async def test_one_too_many_is_told_when_to_return_and_finds_room_later():
    door = Door()
    for _ in range(LIMITS.requests):
        await door.enter()
    start, body = await door.ask()
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"].isdigit()
    error = json.loads(body["body"])["error"]
    assert (error["code"], error["type"]) == ("overloaded", "server_error")
    assert await door.leave() == [200] * LIMITS.requests
    assert (await door.ask())[0]["status"] == 200
    assert not +door.admission.inside


async def test_uploads_and_streams_have_limits_of_their_own():
    door = Door()
    await door.enter("/v1/files", MULTIPART)
    refused = await door.ask("/v1/files", MULTIPART, (b"content-length", b"6"), body=b"abcdef")
    assert refused[0]["status"] == 503
    await door.enter("/v1/chat/completions")
    door.over.set()
    assert (await door.ask("/v1/files"))[0]["status"] == 200
    await door.leave()


async def test_a_page_refused_is_a_page():
    door = Door()
    for _ in range(LIMITS.requests):
        await door.enter()
    start, body = await door.ask("/documents/")
    assert start["status"] == 503 and b"retry-after" in dict(start["headers"])
    assert "混み合って" in body["body"].decode()
    await door.leave()


async def test_the_probes_are_never_refused():
    door = Door()
    for _ in range(LIMITS.requests):
        await door.enter()
    for path in NEVER_REFUSED:
        await door.enter(path)
    assert await door.leave() == [200] * (LIMITS.requests + len(NEVER_REFUSED))


async def test_a_request_that_is_given_up_leaves_its_place():
    door = Door()
    await door.enter("/v1/chat/completions")
    (task,) = door.inside
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not +door.admission.inside


def test_every_route_that_streams_is_counted_as_one():
    routes = [
        reverse("chat:ask"),
        reverse("chat:ask_again", args=["conv_1"]),
        reverse("jobs:stream", args=["j"]),
    ]
    assert [path for path in [*routes, "/v1/chat/completions"] if not STREAMS.fullmatch(path)] == []
    assert not STREAMS.fullmatch(reverse("jobs:detail", args=["j"]))
    assert {reverse("health:alive"), reverse("health:ready")} == NEVER_REFUSED
