"""A body that stops or trickles is refused with 408; a body that the platform reads slowly is not."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from django.conf import settings

from documents.models import Document
from middleware.admission import Admission, Limits
from middleware.slow_body import BodyTimeouts, SlowBody
from tests.live_web import live_web

pytestmark = pytest.mark.slow

MULTIPART = (b"content-type", b"multipart/form-data; boundary=x")
SHORT = BodyTimeouts(silence_seconds=0.1, slowest_bytes_per_second=1000)


class SlowSender:
    """Sends pieces, each after its pause in seconds; then sends nothing more."""

    def __init__(self, *pieces: tuple[float, bytes], ends: bool = False) -> None:
        self.pieces = list(pieces)
        self.ends = ends
        self.sent: list[dict] = []

    async def receive(self):
        if not self.pieces:
            await asyncio.Event().wait()
        seconds, body = self.pieces.pop(0)
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": body, "more_body": bool(self.pieces) or not self.ends}

    async def send(self, message):
        self.sent.append(message)


async def reads_all(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def ask(
    client: SlowSender, application=reads_all, timeouts: BodyTimeouts = SHORT
) -> tuple[int, Admission]:
    admission = Admission(application, Limits())
    scope = {"type": "http", "path": "/v1/files", "headers": [MULTIPART]}
    await SlowBody(admission, timeouts)(scope, client.receive, client.send)
    return client.sent[0]["status"], admission


async def test_refuses_a_body_that_stops_and_frees_its_slot():
    client = SlowSender((0, b"x" * 10))
    status, admission = await ask(client)
    assert status == 408
    assert not +admission.inside
    assert dict(client.sent[0]["headers"])[b"connection"] == b"close"
    error = json.loads(client.sent[1]["body"])["error"]
    assert (error["code"], error["type"], set(error)) == (
        "request_timeout",
        "invalid_request_error",
        {"type", "message", "param", "code"},
    )


async def test_refuses_a_body_that_trickles():
    client = SlowSender(*[(0.03, b"x")] * 1000)
    assert (await ask(client))[0] == 408
    assert len(client.pieces) > 900


async def test_accepts_a_large_slow_body():
    client = SlowSender(*[(0.03, b"x" * 100)] * 10, ends=True)
    assert (await ask(client))[0] == 200


async def test_time_of_the_application_does_not_count():
    async def slow(scope, receive, send):
        for _ in range(3):
            await receive()
            await asyncio.sleep(0.15)
        await reads_all(scope, receive, send)

    assert (await ask(SlowSender(*[(0, b"x")] * 5, ends=True), slow))[0] == 200


async def test_waiting_for_a_disconnect_does_not_count():
    """Django waits for one while it answers."""

    async def follows(scope, receive, send):
        await receive()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.3)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    assert (await ask(SlowSender((0, b"x"), ends=True), follows))[0] == 200


async def test_does_not_answer_twice():
    async def early(scope, receive, send):
        await send({"type": "http.response.start", "status": 413, "headers": []})
        await receive()

    client = SlowSender()
    assert (await ask(client, early))[0] == 413
    assert len(client.sent) == 1


def test_stores_nothing_of_a_refused_body(live_world, storage):
    """After half a file the connection is answered and closed."""
    head = (
        "POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {live_world.key()}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhalf of it'
    )
    with live_web(timeouts=BodyTimeouts(silence_seconds=0.3)) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(head.encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"request_timeout" in answer
    assert not Document.objects.exists()
    assert [path for path in storage.rglob("*") if path.is_file()] == []
    assert [path for path in settings.FILE_UPLOAD_TEMP_DIR.iterdir() if path.is_file()] == []
