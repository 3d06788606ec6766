"""The server, without a model, with clients that wait, leave, or connect while it is starting."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from common.errors import KoshaError
from common.model_server import ModelServer, ModelServerSilent, ModelServerUnavailable, SearchIndex
from tests.engines.serving.conftest import TOKEN, running_server
from workers.contract.specs.serving import ChatBody, EmbeddingsBody, SearchAnswer, SearchBody
from workers.engines.serving.app import Services
from workers.engines.serving.backends.protocol import Embeddings
from workers.engines.serving.errors import ServeError, too_busy
from workers.engines.serving.settings import ServingSettings
from workers.engines.serving.stream_events import Delta, Done

pytestmark = pytest.mark.slow

ALIVE = 0.1
SEARCH = 0.5
SHORT_TIMEOUT = httpx.Timeout(1.0, read=0.4)
"""Several times as long as the server is silent at most."""


class SlowChat:
    """A chat that answers 一二 after a configured delay."""

    def __init__(self) -> None:
        self.start_seconds = 0.0
        self.seconds = 0.0
        self.error: ServeError | None = None
        self.left = threading.Event()
        self.begun = threading.Event()

    async def start(self, body: ChatBody) -> SlowAnswer:
        self.begun.set()
        try:
            await asyncio.sleep(self.start_seconds)
        except asyncio.CancelledError:
            self.left.set()
            raise
        if self.error:
            raise self.error
        return SlowAnswer(self)


class SlowAnswer:
    def __init__(self, chat: SlowChat) -> None:
        self.chat = chat

    def cancel(self) -> None:
        self.chat.left.set()

    async def events(self, alive_seconds: float | None = None):
        for piece in ("一", "二"):
            ending = time.monotonic() + self.chat.seconds
            while time.monotonic() < ending:
                await asyncio.sleep(alive_seconds or self.chat.seconds)
                if alive_seconds:
                    yield None
            yield Delta(piece)
        yield Done("stop", 1, 2)


class SlowRetrieval:
    """Embeddings after a configured delay, and searches; the query `hang` waits until it is released."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.begun, self.left = threading.Event(), threading.Event()
        self.seconds = 0.0
        self.error: ServeError | None = None

    def search(self, body: SearchBody) -> SearchAnswer:
        if body.query == "hang":
            self.over.wait(30)
        return SearchAnswer(hits=(), seconds=0.0)

    def embed(self, body: EmbeddingsBody, has_left: Callable[[], bool]) -> Embeddings:
        if body.input == ("until left",):
            self.begun.set()
            while not has_left():
                time.sleep(0.01)
            self.left.set()
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        return Embeddings(np.ones((1, 2), np.float32), 3)


class IdleBackend:
    def close(self) -> None:
        pass


@pytest.fixture
def chat() -> SlowChat:
    return SlowChat()


@pytest.fixture
def retrieval() -> Iterator[SlowRetrieval]:
    retrieval = SlowRetrieval()
    yield retrieval
    retrieval.over.set()


@pytest.fixture
def url(chat: SlowChat, retrieval: SlowRetrieval) -> Iterator[str]:
    settings = ServingSettings(TOKEN, (), alive_seconds=ALIVE, search_seconds=SEARCH)
    services = Services(None, IdleBackend(), chat, retrieval)  # type: ignore[arg-type]
    with running_server(settings, lambda: services) as url:
        yield url


@pytest.fixture
def client(url: str) -> ModelServer:
    return ModelServer(url, TOKEN, timeout=SHORT_TIMEOUT)


def body(**fields) -> ChatBody:
    return ChatBody.model_validate(
        {"messages": [{"role": "user", "content": "?"}], "kosha": {"base_model": "/x"}, **fields}
    )


def embed(client: ModelServer) -> int:
    """How many tokens it took."""
    return client.embed(Path("/x"), ["a"])[1]


async def streamed(client: ModelServer) -> str:
    return "".join(
        [chunk["choices"][0]["delta"].get("content") or "" async for chunk in client.chat_stream(body())]
    )


async def test_waits_for_a_slow_answer(client: ModelServer, chat: SlowChat, retrieval: SlowRetrieval) -> None:
    chat.start_seconds = chat.seconds = retrieval.seconds = 0.8
    assert await streamed(client) == "一二"
    assert (await client.chat_async(body()))["choices"][0]["message"]["content"] == "一二"
    assert await asyncio.to_thread(embed, client) == 3


async def test_a_late_error_keeps_its_status_and_code(
    client: ModelServer, chat: SlowChat, retrieval: SlowRetrieval
) -> None:
    chat.start_seconds = chat.seconds = retrieval.seconds = 0.8
    chat.error = retrieval.error = too_busy()
    for ask in (
        streamed(client),
        client.chat_async(body()),
        asyncio.to_thread(embed, client),
    ):
        with pytest.raises(ModelServerUnavailable) as refused:
            await ask
        assert (refused.value.status, refused.value.code) == (503, "model_server_busy")


async def test_an_early_error_has_its_own_status(url: str, chat: SlowChat) -> None:
    chat.error = too_busy()
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        for stream in (True, False):
            sent = body(stream=stream).model_dump(mode="json", exclude_none=True)
            answer = await client.post(f"{url}/v1/chat/completions", json=sent)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("while_it", ["starts", "writes"])
async def test_stops_an_answer_whose_client_leaves(
    url: str, chat: SlowChat, stream: bool, while_it: str
) -> None:
    chat.start_seconds, chat.seconds = (30.0, 0.0) if while_it == "starts" else (0.0, 30.0)
    sent = body(stream=stream).model_dump(mode="json", exclude_none=True)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        asking = asyncio.create_task(client.post(f"{url}/v1/chat/completions", json=sent))
        assert await asyncio.to_thread(chat.begun.wait, 5)
        # Long enough that the blanks before a slow answer have begun, too.
        await asyncio.sleep(3 * ALIVE)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await asyncio.to_thread(chat.left.wait, 5)


async def test_embeddings_end_when_their_client_leaves(client: ModelServer, retrieval: SlowRetrieval) -> None:
    asking = asyncio.create_task(client.embed_async(Path("/x"), ["until left"]))
    assert await asyncio.to_thread(retrieval.begun.wait, 5)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert await asyncio.to_thread(retrieval.left.wait, 5)


async def test_a_hanging_search_times_out_and_delays_nothing_else(url: str, retrieval: SlowRetrieval) -> None:
    """The server sends blanks meanwhile, so the client alone would wait without end."""
    # 41 requests at once on a busy machine may keep the server silent for longer than the others do.
    client = ModelServer(url, TOKEN, timeout=httpx.Timeout(10.0))
    index = SearchIndex(Path("/x"), ("everyone",))
    # More than there are threads, asked by both kinds of caller.
    hanging = [client.search_async(index, "hang") for _ in range(40)]
    hanging.append(asyncio.to_thread(client.search, index, "hang"))
    for error in await asyncio.gather(*hanging, return_exceptions=True):
        assert isinstance(error, ModelServerUnavailable)
        assert (error.status, error.code) == (503, "search_timed_out")
    assert await asyncio.to_thread(embed, client) == 3
    assert await streamed(client) == "一二"
    retrieval.over.set()
    assert await client.search_async(index, "found") == []


async def test_gives_up_on_a_silent_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = ModelServer(address, TOKEN, timeout=SHORT_TIMEOUT)
        began = time.monotonic()
        for ask in (streamed(client), client.chat_async(body())):
            with pytest.raises(ModelServerSilent) as silence:
                await ask
            assert (silence.value.status, silence.value.code) == (503, "model_server_silent")
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("text", [b" " * 9, b'   {"choices', b""])
async def test_reports_an_answer_that_ends_too_soon(text: bytes) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + text)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    client = ModelServer(
        f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", TOKEN, timeout=SHORT_TIMEOUT
    )
    for ask in (streamed(client), client.chat_async(body())):
        with pytest.raises(KoshaError) as broken:
            await ask
        assert (broken.value.status, broken.value.code) == (503, "model_server_unavailable")
    server.close()


def test_the_event_loop_imports_no_machine_learning_library() -> None:
    """Importing torch takes seconds, in which the event loop would send nothing to anyone."""
    code = (
        "import sys, workers.engines.serving.app; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
