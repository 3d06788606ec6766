"""A backend in child processes serves behind the same protocol, chat templates and wire format."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from common.model_server import ModelServer
from tests.engines.serving.conftest import TOKEN, Models, running_server
from workers.contract.artifacts import manifest_sha256
from workers.contract.specs.serving import ChatBody
from workers.engines.serving.answers import Chat
from workers.engines.serving.app import Services
from workers.engines.serving.backends.protocol import AnswerRequest, BackendHealth, ModelFolder
from workers.engines.serving.model_cache import ModelCache
from workers.engines.serving.retrieval import Retrieval
from workers.engines.serving.settings import ServingSettings

pytestmark = pytest.mark.ml

CHILD = """
import json, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        for number in range(asked["max_tokens"]):
            # In the tiny model's vocabulary the printable characters begin at token 3.
            self.wfile.write(b"%d\\n" % (asked["first"] + number % 20))
            self.wfile.flush()
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class ChildModel:
    bytes = 1
    context_length = 100_000

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}"


class ChildTokens:
    def __init__(self, model: ChildModel, body: dict[str, Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[int | None] = asyncio.Queue(maxsize=1)
        self._reading = asyncio.ensure_future(self._read(model, body))

    async def _read(self, model: ChildModel, body: dict[str, Any]) -> None:
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("POST", model.url, json=body) as answer,
        ):
            async for line in answer.aiter_lines():
                await self._queue.put(int(line))
        await self._queue.put(None)

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        token = await self._queue.get()
        if token is None:
            raise StopAsyncIteration
        return token

    @property
    def running(self) -> bool:
        return not self._reading.done()

    def cancel(self) -> None:
        self._loop.call_soon_threadsafe(self._reading.cancel)


class ChildBackend:
    def __init__(self) -> None:
        self.models: list[ChildModel] = []
        self.answers: list[ChildTokens] = []
        self.adapters: list[str] = []

    def load(self, folder: ModelFolder) -> ChildModel:
        self.models.append(ChildModel())
        return self.models[-1]

    def unload(self, model: ChildModel) -> None:
        self.models.remove(model)
        model.process.kill()
        model.process.communicate()

    async def start(self, model: ChildModel, request: AnswerRequest) -> ChildTokens:
        if request.adapter:
            self.adapters.append(request.adapter.digest)
        first = 40 if request.adapter else 3
        self.answers.append(ChildTokens(model, {"max_tokens": request.max_tokens, "first": first}))
        return self.answers[-1]

    def health(self) -> BackendHealth:
        return BackendHealth(sum(answer.running for answer in self.answers), ())

    def close(self) -> None:
        for model in list(self.models):
            self.unload(model)


@pytest.fixture
def backend() -> Iterator[ChildBackend]:
    backend = ChildBackend()
    yield backend
    backend.close()


@pytest.fixture
def cache(models: Models) -> ModelCache:
    # So small that a model is unloaded as soon as another one is loaded.
    return ModelCache((models.root,), memory_bytes=1)


@pytest.fixture
def client(models: Models, backend: Any, cache: ModelCache) -> Iterator[ModelServer]:
    settings = ServingSettings(TOKEN, (models.root,))
    services = Services(cache, backend, Chat(settings, cache, backend), Retrieval(cache, backend))
    with running_server(settings, lambda: services) as url:
        yield ModelServer(url, TOKEN)


def body(models: Models, max_tokens: int, **choice: Any) -> ChatBody:
    messages = [{"role": "user", "content": "有給休暇は?"}]
    kosha = {"base_model": models.base, **choice}
    return ChatBody.model_validate({"messages": messages, "kosha": kosha, "max_tokens": max_tokens})


def test_answers_in_openais_form(client: ModelServer, models: Models) -> None:
    answer = client.chat(body(models, 5))
    assert answer["choices"][0]["message"]["content"] == '!"#$%'
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 5


def test_names_an_adapter_by_its_digest(client: ModelServer, models: Models, backend: ChildBackend) -> None:
    answer = client.chat(body(models, 3, adapter=models.red))
    assert backend.adapters == [manifest_sha256(models.red)]
    assert answer["choices"][0]["message"]["content"] == "FGH"


async def test_cancels_an_answer_whose_client_leaves(client: ModelServer, models: Models) -> None:
    async with contextlib.aclosing(client.chat_stream(body(models, 90_000))) as chunks:
        async for chunk in chunks:
            if chunk["choices"][0]["delta"].get("content"):
                break
    deadline = time.monotonic() + 5
    while (await asyncio.to_thread(client.health)).queue:
        assert time.monotonic() < deadline


def test_unloading_a_model_ends_its_process(
    client: ModelServer, models: Models, backend: ChildBackend, cache: ModelCache
) -> None:
    client.chat(body(models, 1))
    (model,) = backend.models
    assert model.process.poll() is None
    cache.lease("indexes", models.index, lambda _: ModelFree(), "x").release()
    assert model.process.poll() is not None


class ModelFree:
    bytes = 1

    def close(self) -> None:
        pass
