"""What a connection may send before a request is one: a bounded head, in time; and a body is never taken for a head."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from middleware.http_protocol import BoundedHead
from tests.live_web import live_web
from tests.world import World

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def connection(world: World) -> Iterator[socket.socket]:
    with live_web() as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=20) as connected:
            yield connected


def answer_to(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    return connection.recv(65536)


def test_a_trailer_of_a_body_is_no_header(connection, world):
    key = world.key().encode()
    head = b"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"2\r\n{}\r\n0\r\nAuthorization: Bearer " + key + b"\r\n\r\n"
    assert b" 401 " in answer_to(connection, head + body)[:20]


def test_a_head_of_any_size_is_not_read(connection):
    head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 200_000
    assert b" 400 " in answer_to(connection, head)[:20]


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: 127"])
def test_a_head_that_does_not_come_ends_its_connection(sent, world, monkeypatch):
    monkeypatch.setattr(BoundedHead, "HEAD_SECONDS", 0.2)
    with live_web() as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=20) as connected:
            assert answer_to(connected, sent) == b""


def test_a_second_head_that_does_not_become_complete_ends_its_connection(world, monkeypatch):
    monkeypatch.setattr(BoundedHead, "HEAD_SECONDS", 0.5)
    whole = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with live_web() as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=20) as connected:
            assert answer_to(connected, whole).startswith(b"HTTP/1.1 200")
            assert answer_to(connected, whole[:20]) == b""
