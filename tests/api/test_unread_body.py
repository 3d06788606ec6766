"""The body of a request is read only when its caller is known: a stranger is answered before it is sent."""

from __future__ import annotations

import json
import socket

import pytest
from django.conf import settings

from config.asgi import application
from documents.models import Document

pytestmark = pytest.mark.slow

ANNOUNCED = 10**9
MULTIPART = "multipart/form-data; boundary=x"


def ask(web: str, method: str, path: str, *headers: str) -> tuple[int, bytes]:
    """The status and the whole answer to the head of a request whose body is never sent."""
    host, _, port = web.removeprefix("http://").partition(":")
    head = "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""])
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536)
        while b"connection: close" in answer.lower() and (piece := connection.recv(65536)):
            answer += piece
    return int(answer.split(b" ", 2)[1]), answer


LENGTH = f"Content-Length: {ANNOUNCED}"


@pytest.mark.parametrize("path", ["/v1/files", "/v1/chat/completions", "/v1/nowhere", "/documents/upload"])
@pytest.mark.parametrize(
    "headers",
    [
        [LENGTH],
        [LENGTH, f"Content-Type: {MULTIPART}"],
        [LENGTH, "Expect: 100-continue"],
        ["Content-Length: 5"],
        ["Transfer-Encoding: chunked"],
        [LENGTH, "Authorization: Bearer sk-kosha-wrong"],
        [LENGTH, "Authorization: Basic eDp5"],
        [LENGTH, "Cookie: kosha_session=wrong"],
    ],
    ids=str,
)
def test_a_stranger_is_answered_before_the_body(web, path, headers):
    before = set(settings.FILE_UPLOAD_TEMP_DIR.iterdir())
    status, answer = ask(web, "POST", path, *headers)
    assert status == (401 if path.startswith("/v1/") else 302)
    assert b"100 Continue" not in answer
    if status == 401:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_api_key"
    assert set(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) == before


def test_a_revoked_key_is_a_strangers(web, live_world):
    key = live_world.key()
    live_world.api_key("owner").delete()
    status, _answer = ask(web, "POST", "/v1/files", LENGTH, f"Authorization: Bearer {key}")
    assert status == 401


def test_a_script_of_the_console_is_told_that_it_is_signed_out(web):
    status, answer = ask(web, "POST", "/documents/upload", LENGTH, "Accept: application/json")
    assert status == 401
    assert b'"signed_out"' in answer


@pytest.mark.parametrize("headers", [[LENGTH], [LENGTH, f"Content-Type: {MULTIPART}"]], ids=str)
def test_a_form_for_strangers_is_short(web, headers):
    status, answer = ask(web, "POST", "/sign-in", *headers)
    assert status == 413
    assert b"64 KB" in answer


def test_a_known_caller_is_asked_for_the_body(web, live_world):
    headers = [LENGTH.replace(str(ANNOUNCED), "100"), "Expect: 100-continue"]
    status, _answer = ask(web, "POST", "/v1/files", f"Authorization: Bearer {live_world.key()}", *headers)
    assert status == 100
    assert not Document.objects.exists()


async def test_the_body_of_a_stranger_is_never_received():
    sent = []

    async def receive():
        raise AssertionError("the body was read")

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/files",
        "raw_path": b"/v1/files",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-length", b"1000000000")],
    }
    await application(scope, receive, send)
    assert [message.get("status") for message in sent] == [401, None]
    names = {name for name, _value in sent[0]["headers"]}
    assert b"x-request-id" in names and b"connection" in names
