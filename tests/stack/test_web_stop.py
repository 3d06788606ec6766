"""The web process, told to end with answers open: soon, whoever waits is told why, and nothing lies."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import openai
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from chat.models import Message
from config.env import Environment
from stack.composition import Stack
from stack.process_watch import ProcessWatch
from stack.processes import free_port, kill_groups, spawn

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]

STOP_SECONDS = 15
QUESTION = [{"role": "user", "content": "有給休暇は何日ですか"}]
HALF_A_REQUEST = (
    b"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: 1000000\r\n\r\n--x\r\n" + b"x" * 1000
)


class Web:
    """A real web process on the test's database, as the supervisor starts it."""

    def __init__(self, repository: Path, folder: Path, model_server_url: str) -> None:
        self.folder = folder
        (folder / "uploads").mkdir()
        self.port = free_port()
        self._service = Stack(Environment(var=folder, port=self.port), echo=print).web()
        environment = {
            **(self._service.environment or {}),
            "DATABASE_URL": database_url(),
            "KOSHA_MODEL_SERVER_URL": model_server_url,
            "KOSHA_SECRET_KEY": django_settings.SECRET_KEY,
        }
        command = self._service.command()
        self.process: subprocess.Popen[bytes] = spawn(
            command, log=folder / "log", environment=environment, directory=repository
        )
        self.url = f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        watch = ProcessWatch(self._service.is_ready, self._service.probes())
        deadline = time.monotonic() + 60
        while watch.ready_since is None:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.05)  # between looks at another process, not instead of one
        watch.close()

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def is_ready(self) -> bool:
        return self._service.is_ready()

    @contextmanager
    def stopping(self, number: int = signal.SIGTERM) -> Iterator[None]:
        """Told to end on entry; on exit it has ended in time."""
        told = time.monotonic()
        self.process.send_signal(number)
        yield
        self.process.wait(STOP_SECONDS)
        assert time.monotonic() - told < STOP_SECONDS
        assert "Traceback" not in self.log()


def database_url() -> str:
    facts = connection.settings_dict
    user = f"{quote(facts['USER'])}:{quote(facts['PASSWORD'])}"
    return f"postgresql://{user}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"


@pytest.fixture
def told(repository: Path, tmp_path: Path, live_world, model_server) -> Iterator[Web]:
    """A web that serves `live_world`; the model server says one piece of each answer and then nothing."""
    model_server.waits_after = 2
    web = Web(repository, tmp_path, model_server.url)
    try:
        web.wait()
        yield web
    finally:
        kill_groups([web.process])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_during_an_upload(told: Web, number: int):
    with socket.create_connection(("127.0.0.1", told.port), timeout=20) as client:
        client.sendall(HALF_A_REQUEST)
        # The process has taken the connection up when it answers the next one.
        assert told.is_ready()
        with told.stopping(number):
            assert not client.recv(100).startswith(b"HTTP/1.1 2")
    assert list((told.folder / "uploads").iterdir()) == []


@pytest.fixture
def client(told: Web, live_world) -> Iterator[openai.OpenAI]:
    live_world.base_model()
    with openai.OpenAI(base_url=f"{told.url}/v1", api_key=live_world.key(), max_retries=0) as client:
        yield client


def test_stream_ends_with_a_shutdown_notice(told: Web, client: openai.OpenAI):
    chunks = iter(client.chat.completions.create(model="gemma", messages=QUESTION, stream=True))
    assert next(chunks).choices[0].delta.role == "assistant"
    assert next(chunks).choices[0].delta.content == "有給休暇は"
    with told.stopping(), pytest.raises(openai.APIError) as broken:
        next(chunks)
    assert broken.value.code == "server_stopping"


def test_pending_answer_becomes_a_shutdown_notice(told: Web, client, model_server):
    def ask() -> None:
        client.chat.completions.create(model="gemma", messages=QUESTION)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        while not model_server.asked:
            assert not asking.done()
            time.sleep(0.02)  # between looks at another thread, not instead of one
        with told.stopping(), pytest.raises(openai.InternalServerError) as refused:
            asking.result(STOP_SECONDS)
    assert (refused.value.status_code, refused.value.code) == (503, "server_stopping")
    assert refused.value.response.headers["Retry-After"] == "5"


@pytest.fixture
def console(told: Web, live_world) -> Iterator[httpx.Client]:
    """The owner's browser."""
    signed_in = Client()
    signed_in.force_login(live_world.person())
    cookies = {name: morsel.value for name, morsel in signed_in.cookies.items()}
    with httpx.Client(base_url=told.url, cookies=cookies, timeout=20) as browser:
        browser.get("/chat")
        browser.headers["X-CSRFToken"] = browser.cookies[django_settings.CSRF_COOKIE_NAME]
        yield browser


def test_job_page_gets_a_shutdown_notice(told: Web, live_world, console: httpx.Client):
    job_id = live_world.training_run().job_id
    with console.stream("GET", f"/jobs/{job_id}/stream") as page:
        lines = page.iter_lines()
        assert next(lines).startswith("event: ")
        with told.stopping():
            rest = list(lines)
    assert rest[-3] == "event: error"
    assert json.loads(rest[-2].removeprefix("data: "))["code"] == "server_stopping"


def test_keeps_the_answer_of_a_conversation_so_far(told: Web, live_world, console: httpx.Client):
    form = {"message": "有給休暇は？", "target": live_world.release().id}
    with console.stream("POST", "/chat/ask", data=form) as page:
        lines = page.iter_lines()
        while "有給休暇は" not in next(lines):
            pass
        with told.stopping():
            rest = list(lines)
    assert "server_stopping" in rest[-2]
    _question, answer = Message.objects.order_by("id")
    assert (answer.content, answer.finish_reason) == ("有給休暇は", "cancelled")
