"""Every answer names its request in `x-request-id`, and so do the lines of the log."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
from contextlib import closing

import httpx
import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from config.log_format import JsonLineFormatter
from middleware.request_id import RequestId

pytestmark = pytest.mark.slow

CHAT = "v1/chat/completions"
ASKED = {"model": "gemma", "messages": [{"role": "user", "content": "?"}], "stream": True}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "healthz", 200),
        ("GET", "static/css/base.css", 200),
        ("GET", "static/absent.css", 404),
        ("GET", "sign-in", 200),
        ("GET", "documents", 302),
        ("GET", "nowhere", 404),
        ("GET", "v1", 404),
        ("GET", "v1/nowhere", 404),
        ("GET", "v1/files", 401),
        ("POST", "v1/files", 401),
        ("PATCH", "v1/models", 401),
        ("GET", "v1/openapi.json", 200),
    ],
)
def test_an_answer_to_a_stranger(web, method, path, status):
    answer = httpx.request(method, f"{web}/{path}")
    assert answer.status_code == status
    assert answer.headers.get_list("x-request-id")[0].startswith("req_")


def test_the_answers_to_a_caller(web, live_world, model_server):
    live_world.base_model()
    headers = {"Authorization": f"Bearer {live_world.key()}"}
    with httpx.Client(base_url=web, headers=headers) as client:
        answers = [
            client.get("v1/files"),
            client.post("v1/datasets", content=b"{"),
            client.put("v1/files"),
            client.post("v1/chat/completions", json=ASKED),
        ]
    assert [answer.status_code for answer in answers] == [200, 400, 405, 200]
    assert answers[-1].text.endswith("data: [DONE]\n\n")
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)


def test_a_body_that_is_too_large(web, live_world):
    """Refused by its length: `http.client` sends the headers alone, which httpx does not."""
    connection = http.client.HTTPConnection(httpx.URL(web).netloc.decode(), timeout=30)
    connection.putrequest("POST", "/v1/files")
    connection.putheader("Authorization", f"Bearer {live_world.key()}")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()
    with closing(connection), connection.getresponse() as answer:
        assert answer.status == 413
        assert answer.headers["x-request-id"].startswith("req_")


def test_the_stock_client_knows_the_id(web, live_world):
    with openai.OpenAI(base_url=f"{web}/v1", api_key=live_world.key(), max_retries=0) as client:
        assert client.models.list()._request_id.startswith("req_")
        with pytest.raises(openai.NotFoundError) as refused:
            client.files.retrieve("file-x")
    assert refused.value.request_id.startswith("req_")


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("trace-1.2_3", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ('"}', False),
    ],
)
def test_a_proxy_may_name_the_request(web, given, is_kept):
    id = httpx.get(f"{web}/healthz", headers={"x-request-id": given}).headers["x-request-id"]
    assert id == given if is_kept else id.startswith("req_")


def test_a_websocket_is_refused_with_an_id(web):
    with pytest.raises(InvalidStatus) as refused, connect(f"{web.replace('http', 'ws')}/v1/{CHAT}"):
        pass
    answer = refused.value.response
    assert answer.status_code == 404
    assert answer.headers["x-request-id"].startswith("req_")
    assert json.loads(answer.body)["error"]["code"] == "unknown_endpoint"


def ask(application, *, headers=()):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/v1/files", "headers": list(headers)}
    asyncio.run(RequestId(application)(scope, receive, send))
    return sent


def test_an_error_outside_django_is_answered_with_the_id(caplog):
    async def breaks(scope, receive, send):
        raise RuntimeError("outside Django")

    start, body = ask(breaks)
    assert start["status"] == 500
    assert dict(start["headers"])[b"x-request-id"].startswith(b"req_")
    assert json.loads(body["body"])["error"]["code"] == "internal_error"
    assert "outside Django" in caplog.text


def test_a_line_of_the_log_names_the_request():
    lines = []

    async def logs(scope, receive, send):
        record = logging.LogRecord("kosha", logging.INFO, "", 0, "worked", (), None)
        lines.append(json.loads(await asyncio.to_thread(JsonLineFormatter().format, record)))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    ask(logs, headers=[(b"x-request-id", b"seen-7")])
    assert lines[0]["request_id"] == "seen-7"
