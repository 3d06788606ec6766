"""The server towards clients that wait, leave, or come while it is starting; with no model in it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from common.errors import KoshaError
from common.model_server import ModelServer, ModelServerSilent, ModelServerUnavailable, SearchIndex
from workers.contract.specs.serving import ChatBody, SearchAnswer, SearchBody, TokensAnswer, TokensBody
from workers.engines.serving.app import Services, create_app
from workers.engines.serving.errors import ServeError, too_busy
from workers.engines.serving.settings import ServingSettings

pytestmark = pytest.mark.slow

TOKEN = "secret"
ALIVE = 0.1
SEARCH = 0.5
IMPATIENT = httpx.Timeout(1.0, read=0.4)
"""Several times as long as the server is silent at most."""


class Pieces:
    """A chat that hands out what it is given, as slowly as it is told to."""

    def __init__(self) -> None:
        self.start_seconds = 0.0
        self.seconds = 0.0
        self.refusal: ServeError | None = None
        self.left = threading.Event()
        self.begun = threading.Event()

    def queue(self) -> int:
        return 0

    def adapters(self) -> list[str]:
        return []

    def close(self) -> None:
        pass

    async def start(self, body: ChatBody):
        self.begun.set()
        try:
            await asyncio.sleep(self.start_seconds)
        except asyncio.CancelledError:
            self.left.set()
            raise
        if self.refusal:
            raise self.refusal
        return Answer(self)

    def count_tokens(self, body: TokensBody) -> TokensAnswer:
        time.sleep(self.seconds)
        if self.refusal:
            raise self.refusal
        return TokensAnswer(tokens=3, context_length=9)


class Answer:
    def __init__(self, chat: Pieces) -> None:
        self.chat = chat

    def cancel(self) -> None:
        self.chat.left.set()

    async def happenings(self, alive_seconds: float | None = None):
        from workers.engines.serving.happenings import Delta, Done

        for piece in ("一", "二"):
            ending = time.monotonic() + self.chat.seconds
            while time.monotonic() < ending:
                await asyncio.sleep(alive_seconds or self.chat.seconds)
                if alive_seconds:
                    yield None
            yield Delta(piece)
        yield Done("stop", 1, 2)


class Passages:
    """Searches that end when they are told to; the query `hang` never does before."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def search(self, body: SearchBody) -> SearchAnswer:
        if body.query == "hang":
            self.over.wait(30)
        return SearchAnswer(hits=(), seconds=0.0)


class NoShelf:
    def paths(self) -> dict[str, list[str]]:
        return {}


@pytest.fixture
def chat() -> Pieces:
    return Pieces()


@pytest.fixture
def passages() -> Iterator[Passages]:
    passages = Passages()
    yield passages
    passages.over.set()


@pytest.fixture
def url(chat: Pieces, passages: Passages) -> Iterator[str]:
    settings = ServingSettings(TOKEN, (), alive_seconds=ALIVE, search_seconds=SEARCH)
    app = create_app(settings, lambda: Services(NoShelf(), chat, passages))  # type: ignore[arg-type]
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def client(url: str) -> ModelServer:
    return ModelServer(url, TOKEN, timeout=IMPATIENT)


def body(**fields) -> ChatBody:
    return ChatBody.model_validate(
        {"messages": [{"role": "user", "content": "?"}], "kosha": {"base_model": "/x"}, **fields}
    )


TOKENS = TokensBody.model_validate({"kosha": {"base_model": "/x"}, "text": "a"})


async def streamed(client: ModelServer) -> str:
    return "".join(
        [chunk["choices"][0]["delta"].get("content") or "" async for chunk in client.chat_stream(body())]
    )


async def test_slow_is_not_dead(client: ModelServer, chat: Pieces) -> None:
    chat.start_seconds = chat.seconds = 0.8
    assert await streamed(client) == "一二"
    assert (await client.chat_async(body()))["choices"][0]["message"]["content"] == "一二"
    assert (await asyncio.to_thread(client.count_tokens, TOKENS)).tokens == 3


async def test_a_late_refusal_keeps_its_status_and_code(client: ModelServer, chat: Pieces) -> None:
    chat.start_seconds = chat.seconds = 0.8
    chat.refusal = too_busy()
    for ask in (
        streamed(client),
        client.chat_async(body()),
        asyncio.to_thread(client.count_tokens, TOKENS),
    ):
        with pytest.raises(ModelServerUnavailable) as refused:
            await ask
        assert (refused.value.status, refused.value.code) == (503, "model_server_busy")


async def test_a_soon_refusal_has_its_own_status(url: str, chat: Pieces) -> None:
    chat.refusal = too_busy()
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        for stream in (True, False):
            sent = body(stream=stream).model_dump(mode="json", exclude_none=True)
            answer = await client.post(f"{url}/v1/chat/completions", json=sent)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("while_it", ["starts", "writes"])
async def test_a_client_that_leaves_takes_its_place_with_it(
    url: str, chat: Pieces, stream: bool, while_it: str
) -> None:
    chat.start_seconds, chat.seconds = (30.0, 0.0) if while_it == "starts" else (0.0, 30.0)
    sent = body(stream=stream).model_dump(mode="json", exclude_none=True)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        asking = asyncio.create_task(client.post(f"{url}/v1/chat/completions", json=sent))
        assert await asyncio.to_thread(chat.begun.wait, 5)
        # Long enough that the blanks of a patient answer have begun, too.
        await asyncio.sleep(3 * ALIVE)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await asyncio.to_thread(chat.left.wait, 5)


async def test_a_search_that_hangs_is_given_up_and_holds_up_nobody(
    client: ModelServer, passages: Passages
) -> None:
    """The server says all the while that it lives, so the client alone would wait for ever."""
    index = SearchIndex(Path("/x"))
    # More than there are threads, asked by both kinds of caller.
    hanging = [client.search_async(index, "hang") for _ in range(40)]
    hanging.append(asyncio.to_thread(client.search, index, "hang"))
    for error in await asyncio.gather(*hanging, return_exceptions=True):
        assert isinstance(error, ModelServerUnavailable)
        assert (error.status, error.code) == (503, "search_timed_out")
    assert (await asyncio.to_thread(client.count_tokens, TOKENS)).tokens == 3
    assert await streamed(client) == "一二"
    passages.over.set()
    assert await client.search_async(index, "found") == []


async def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = ModelServer(address, TOKEN, timeout=IMPATIENT)
        began = time.monotonic()
        for ask in (streamed(client), client.chat_async(body())):
            with pytest.raises(ModelServerSilent) as given_up:
                await ask
            assert (given_up.value.status, given_up.value.code) == (503, "model_server_silent")
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("text", [b" " * 9, b'   {"choices', b""])
async def test_an_answer_that_ends_too_soon_is_told_as_broken_off(text: bytes) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + text)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    client = ModelServer(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", TOKEN, timeout=IMPATIENT)
    for ask in (streamed(client), client.chat_async(body())):
        with pytest.raises(KoshaError) as broken:
            await ask
        assert (broken.value.status, broken.value.code) == (503, "model_server_unavailable")
    server.close()


def test_no_request_waits_for_a_library_in_the_event_loop() -> None:
    """Importing torch takes seconds, in which the loop would tell nobody that the server lives."""
    code = (
        "import sys, workers.engines.serving.app; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
