"""The model server's routes (ASGI). It answers /health before the libraries are imported.

Machine-learning modules are reached only through `Services`, which is made in a thread.

A client cannot tell a slow server from a dead one, so whatever takes longer says every few seconds
that it lives: a stream by comments, every other answer by blanks before its JSON. An error that
comes after such a beginning stands in the body, with its `status` beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from workers.contract.specs.base import Spec
from workers.contract.specs.serving import ChatBody, EmbeddingsBody, Health, LoadBody, SearchBody, TokensBody
from workers.engines.serving.errors import ServeError, search_too_long, unauthorized, unexpected
from workers.engines.serving.happenings import Delta
from workers.engines.serving.settings import ServingSettings
from workers.engines.serving.wire import ALIVE, Completion, embeddings, event

if TYPE_CHECKING:
    from workers.engines.serving.chat import Chat, RunningAnswer
    from workers.engines.serving.retrieval import Retrieval
    from workers.engines.serving.shelf import Shelf

log = logging.getLogger(__name__)
BodyT = TypeVar("BodyT", bound=Spec)
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Services:
    shelf: Shelf
    chat: Chat
    retrieval: Retrieval


def create_app(settings: ServingSettings, make_services: Callable[[], Services]) -> Starlette:
    server = ModelServer(settings, make_services)
    routes = [
        Route("/health", server.health),
        Route("/v1/chat/completions", server.guarded(server.chat), methods=["POST"]),
        Route("/v1/embeddings", server.guarded(server.embeddings), methods=["POST"]),
        Route("/v1/search", server.guarded(server.search), methods=["POST"]),
        Route("/v1/tokens", server.guarded(server.tokens), methods=["POST"]),
        Route("/v1/load", server.guarded(server.load), methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=server.lifespan)


class ModelServer:
    def __init__(self, settings: ServingSettings, make_services: Callable[[], Services]) -> None:
        self._settings = settings
        self._make_services = make_services
        self._services: asyncio.Future[Services]
        # Of their own: searches that hang keep their threads, and everything else needs some, too.
        self._searchers = ThreadPoolExecutor(thread_name_prefix="search")

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._services = asyncio.ensure_future(asyncio.to_thread(self._make_services))
        self._services.add_done_callback(_die_if_failed)
        yield
        # Libraries that are still being imported hold nothing that would be worth the wait.
        if self._services.done():
            await asyncio.to_thread(self._services.result().chat.close)

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """`endpoint` behind the token; every failure answered in OpenAI's form; given up with its client."""

        async def run(request: Request) -> Response:
            if not self._authorized(request):
                return _refusal(unauthorized())
            # Before anybody watches for the client's leaving, which reads from the same channel.
            await request.body()
            answering = asyncio.ensure_future(_settled(endpoint, request))
            return await _patiently(request, answering, self._settings.alive_seconds)

        return run

    async def health(self, request: Request) -> Response:
        """Open to everyone; what is loaded is told to the token's holder only."""
        if not self._services.done():
            return JSONResponse(Health(status="starting").model_dump())
        services = self._services.result()
        loaded = {}
        if self._authorized(request):
            loaded = {**services.shelf.paths(), "adapters": services.chat.adapters()}
        return JSONResponse(Health(status="ok", loaded=loaded, queue=services.chat.queue()).model_dump())

    async def chat(self, request: Request) -> Response:
        body = await _body(request, ChatBody)
        completion = Completion(body)
        request.state.streams = body.stream
        alive = self._settings.alive_seconds
        starting = asyncio.ensure_future(self._start(body))
        if not body.stream:
            return JSONResponse(completion.whole(*await _collected(starting)))
        try:
            # What is refused soon is refused with its own status.
            await asyncio.wait({starting}, timeout=alive / 2)
            if starting.done():
                starting.result()
        except BaseException:
            starting.cancel()
            raise
        return StreamingResponse(_streamed(starting, completion, alive), media_type="text/event-stream")

    async def _start(self, body: ChatBody) -> RunningAnswer:
        services = await self._ready()
        return await services.chat.start(body)

    async def embeddings(self, request: Request) -> Response:
        body = await _body(request, EmbeddingsBody)
        services = await self._ready()
        vectors, tokens = await asyncio.to_thread(services.retrieval.embed, body)
        return JSONResponse(embeddings(body, vectors, tokens))

    async def search(self, request: Request) -> Response:
        body = await _body(request, SearchBody)
        services = await self._ready()
        loop, seconds = asyncio.get_running_loop(), self._settings.search_seconds
        try:
            async with asyncio.timeout(seconds):
                return _json(await loop.run_in_executor(self._searchers, services.retrieval.search, body))
        except TimeoutError:
            log.error("a search in %s took longer than %g s", body.index.name, seconds)
            raise search_too_long(seconds) from None

    async def tokens(self, request: Request) -> Response:
        body = await _body(request, TokensBody)
        services = await self._ready()
        return _json(await asyncio.to_thread(services.chat.count_tokens, body))

    async def load(self, request: Request) -> Response:
        body = await _body(request, LoadBody)
        services = await self._ready()
        for choice in body.models:
            await asyncio.to_thread(services.chat.load, choice)
        for folder in body.embedding_models:
            await asyncio.to_thread(services.retrieval.load_embedder, folder)
        for folder in body.indexes:
            await asyncio.to_thread(services.retrieval.load_index, folder)
        return JSONResponse({"loaded": True})

    async def _ready(self) -> Services:
        # Shielded: a client that gives up must not stop the start for everyone.
        return await asyncio.shield(self._services)

    def _authorized(self, request: Request) -> bool:
        sent = request.headers.get("Authorization", "").encode()
        return hmac.compare_digest(sent, f"Bearer {self._settings.token}".encode())


async def _body(request: Request, kind: type[BodyT]) -> BodyT:
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"]) or None
        raise ServeError(400, "invalid_value", first["msg"], param=param) from error


async def _settled(endpoint: Endpoint, request: Request) -> Response:
    try:
        return await endpoint(request)
    except ServeError as error:
        return _refusal(error)
    except Exception:
        log.exception("%s %s", request.method, request.url.path)
        return _refusal(unexpected())


async def _patiently(request: Request, answering: asyncio.Future[Response], alive: float) -> Response:
    """The answer if it comes soon, else one that begins with blanks; dropped when the client leaves."""
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({answering, gone}, timeout=alive, return_when=asyncio.FIRST_COMPLETED)
        if answering.done() or getattr(request.state, "streams", False):
            # A stream tells by itself that it lives, as soon as it is there.
            return await answering
        if not gone.done():
            return StreamingResponse(_blanks_then(answering, alive), media_type="application/json")
    except BaseException:
        answering.cancel()
        raise
    finally:
        gone.cancel()
    answering.cancel()
    return Response(status_code=499)


async def _blanks_then(answering: asyncio.Future[Response], alive: float) -> AsyncIterator[bytes]:
    try:
        while not answering.done():
            yield b" "
            await asyncio.wait({answering}, timeout=alive)
        answer = answering.result()
        if answer.status_code < 400:
            yield bytes(answer.body)
        else:
            yield json.dumps({**json.loads(bytes(answer.body)), "status": answer.status_code}).encode()
    finally:
        # Reached as well when the client has gone away.
        answering.cancel()


async def _streamed(
    starting: asyncio.Future[RunningAnswer], completion: Completion, alive: float
) -> AsyncIterator[str]:
    answer: RunningAnswer | None = None
    try:
        while not starting.done():
            yield ALIVE
            await asyncio.wait({starting}, timeout=alive)
        answer = starting.result()
        yield completion.opening()
        async for happening in answer.happenings(alive):
            if happening is None:
                yield ALIVE
            elif isinstance(happening, Delta):
                yield completion.delta(happening.text)
            else:
                yield completion.closing(happening)
    except ServeError as error:
        yield event({**error.body(), "status": error.status})
    except Exception:
        log.exception("an answer broke off")
        yield event({**unexpected().body(), "status": 500})
    finally:
        # Reached as well when the client has gone away; after the end it changes nothing.
        starting.cancel()
        if answer is not None:
            answer.cancel()


async def _collected(starting: asyncio.Future[RunningAnswer]) -> tuple[str, Any]:
    answer: RunningAnswer | None = None
    try:
        answer = await starting
        text = ""
        async for happening in answer.happenings():
            if not isinstance(happening, Delta):
                return text, happening
            text += happening.text
        raise unexpected()
    finally:
        starting.cancel()
        if answer is not None:
            answer.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(value: Spec) -> Response:
    return Response(value.model_dump_json(), media_type="application/json")


def _refusal(error: ServeError) -> Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


def _die_if_failed(services: asyncio.Future[Services]) -> None:
    """Without its libraries the server is of no use; whoever supervises it starts it again."""
    if not services.cancelled() and (error := services.exception()):
        log.critical("The model server cannot start", exc_info=error)
        os._exit(3)
