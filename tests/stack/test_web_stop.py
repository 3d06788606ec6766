"""A web process that is stopped while answers are open ends in time, and each client is given the reason."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import openai
import pytest
from django.conf import settings
from django.test import Client

from chat.models import Message
from common.permissions import PAGE_ORGANIZATION_HEADER
from tests.stack.conftest import Web

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]

STOP_SECONDS = 15
QUESTION = [{"role": "user", "content": "有給休暇は何日ですか"}]
HALF_A_REQUEST = (
    b"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: 1000000\r\n\r\n--x\r\n" + b"x" * 1000
)


# Each of these opens an answer. The process is asked to end where it yields; the rest is what the client then sees.
def upload(web: Web, world: Any, model_server: Any, stack: ExitStack) -> Iterator[None]:
    client = stack.enter_context(socket.create_connection(("127.0.0.1", web.port), timeout=20))
    client.sendall(HALF_A_REQUEST)
    # The process has taken the connection up when it answers the next one.
    assert web.is_ready()
    yield
    assert not client.recv(100).startswith(b"HTTP/1.1 2")
    web.process.wait(STOP_SECONDS)
    assert list(web.uploads.iterdir()) == []


def client_of(web: Web, world: Any, stack: ExitStack) -> openai.OpenAI:
    world.base_model()
    return stack.enter_context(openai.OpenAI(base_url=f"{web.url}/v1", api_key=world.key(), max_retries=0))


def stream(web: Web, world: Any, model_server: Any, stack: ExitStack) -> Iterator[None]:
    client = client_of(web, world, stack)
    chunks = iter(client.chat.completions.create(model="gemma", messages=QUESTION, stream=True))
    assert next(chunks).choices[0].delta.role == "assistant"
    assert next(chunks).choices[0].delta.content == "有給休暇は"
    yield
    with pytest.raises(openai.APIError) as broken:
        next(chunks)
    assert broken.value.code == "server_stopping"


def pending_answer(web: Web, world: Any, model_server: Any, stack: ExitStack) -> Iterator[None]:
    client, pool = client_of(web, world, stack), stack.enter_context(ThreadPoolExecutor(1))
    asking = pool.submit(client.chat.completions.create, model="gemma", messages=QUESTION)
    while not model_server.asked:
        assert not asking.done()
        time.sleep(0.02)  # between looks at another thread, not instead of one
    yield
    with pytest.raises(openai.InternalServerError) as refused:
        asking.result(STOP_SECONDS)
    assert (refused.value.status_code, refused.value.code) == (503, "server_stopping")
    assert refused.value.response.headers["Retry-After"] == "5"


def browser_of(web: Web, world: Any, stack: ExitStack) -> httpx.Client:
    signed_in = Client()
    signed_in.force_login(world.person())
    cookies = {name: morsel.value for name, morsel in signed_in.cookies.items()}
    browser = stack.enter_context(httpx.Client(base_url=web.url, cookies=cookies, timeout=20))
    browser.get("/chat")
    browser.headers[PAGE_ORGANIZATION_HEADER] = world.organization.id
    browser.headers["X-CSRFToken"] = browser.cookies[settings.CSRF_COOKIE_NAME]
    return browser


def job_page(web: Web, world: Any, model_server: Any, stack: ExitStack) -> Iterator[None]:
    path = f"/jobs/{world.training_run().job_id}/stream"
    lines = stack.enter_context(browser_of(web, world, stack).stream("GET", path)).iter_lines()
    assert next(lines).startswith("event: ")
    yield
    rest = list(lines)
    assert rest[-3] == "event: error"
    assert json.loads(rest[-2].removeprefix("data: "))["code"] == "server_stopping"


def conversation(web: Web, world: Any, model_server: Any, stack: ExitStack) -> Iterator[None]:
    """What was answered so far is stored."""
    form = {"message": "有給休暇は？", "target": world.release().id}
    asked = browser_of(web, world, stack).stream("POST", "/chat/ask", data=form)
    lines = stack.enter_context(asked).iter_lines()
    while "有給休暇は" not in next(lines):
        pass
    yield
    assert "server_stopping" in list(lines)[-2]
    web.process.wait(STOP_SECONDS)
    _question, answer = Message.objects.order_by("id")
    assert (answer.content, answer.finish_reason) == ("有給休暇は", "cancelled")


@pytest.mark.parametrize(
    ("is_open", "number"),
    [
        (upload, signal.SIGTERM),
        (upload, signal.SIGINT),
        (stream, signal.SIGTERM),
        (pending_answer, signal.SIGTERM),
        (job_page, signal.SIGTERM),
        (conversation, signal.SIGTERM),
    ],
    ids=lambda value: getattr(value, "__name__", None) or signal.Signals(value).name,
)
def test_open_answer_ends_with_a_shutdown_notice_in_time(
    start_web, live_world, model_server, is_open, number
):
    model_server.waits_after = 2  # one piece of each answer, and then nothing
    web = start_web()
    with ExitStack() as stack:
        with contextmanager(is_open)(web, live_world, model_server, stack):
            asked = time.monotonic()
            web.process.send_signal(number)
        web.process.wait(STOP_SECONDS)
    assert time.monotonic() - asked < STOP_SECONDS
