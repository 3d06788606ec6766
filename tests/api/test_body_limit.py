"""A body that is too large is refused before it is written anywhere."""

from __future__ import annotations

import json

import httpx
import pytest

from middleware.body_limit import BodyLimit

UPLOAD = (b"content-type", b"multipart/form-data; boundary=x")
LIMITS = {"upload_bytes": 3_000_000, "plain_bytes": 1_000}


class Exchange:
    """One request through the limit to an application that reads the whole body."""

    def __init__(self, chunks: list[bytes], *headers: tuple[bytes, bytes]) -> None:
        self.chunks = list(chunks)
        self.scope = {"type": "http", "headers": list(headers)}
        self.received = 0
        self.sent: list[dict] = []

    async def run(self) -> int:
        async def application(scope, receive, send):
            while (message := await receive()).get("more_body"):
                self.received += len(message["body"])
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        await BodyLimit(application, **LIMITS)(self.scope, self._receive, self._send)
        return self.sent[0]["status"]

    async def _receive(self):
        chunk = self.chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(self.chunks)}

    async def _send(self, message):
        self.sent.append(message)


async def test_passes_bodies_within_the_limit():
    assert await Exchange([b"x" * 500, b"x" * 500]).run() == 200
    assert await Exchange([b"x" * 1_000_000] * 3, UPLOAD).run() == 200


async def test_refuses_an_announced_length_without_reading():
    exchange = Exchange([b"x"] * 3, (b"content-length", b"2000"))
    assert await exchange.run() == 413
    assert exchange.received == 0
    assert json.loads(exchange.sent[1]["body"])["error"]["code"] == "request_too_large"


async def test_counts_a_body_without_announced_length():
    exchange = Exchange([b"x" * 1_000_000] * 9, UPLOAD)
    assert await exchange.run() == 413
    assert exchange.received <= 4_100_000
    assert exchange.chunks == [], "the rest is read and dropped, so that the client reads its answer"
    assert json.loads(exchange.sent[1]["body"])["error"]["code"] == "file_too_large"


async def test_answers_expect_continue_at_once():
    headers = [(b"content-length", b"4500000"), (b"expect", b"100-continue"), UPLOAD]
    exchange = Exchange([b"x"], *headers)
    assert await exchange.run() == 413
    assert exchange.chunks == [b"x"]


async def test_does_not_read_an_enormous_body():
    exchange = Exchange([b"x"], (b"content-length", b"9" * 15), UPLOAD)
    assert await exchange.run() == 413
    assert exchange.chunks == [b"x"]


@pytest.mark.parametrize("length", [b"-5", b"many", b""])
async def test_counts_a_body_with_an_invalid_length(length):
    assert await Exchange([b"x" * 5000], (b"content-length", length)).run() == 413


def test_refuses_a_large_body_over_http(web, live_world):
    answer = httpx.post(
        f"{web}/v1/datasets",
        content=b" " * (17 * 1024**2),
        headers={"Authorization": f"Bearer {live_world.key()}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"
