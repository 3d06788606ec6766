"""The model server's HTTP routes (ASGI). It answers /health before the libraries are imported.

Machine-learning modules are reached only through `Services`, which is made in a thread.

A client cannot distinguish a slow server from one that hangs. A request that takes longer therefore receives
something every few seconds: a stream receives comments, every other answer blanks before its JSON. An
error that comes after such a beginning is in the body, with its `status` beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from workers.contract.spec import Spec
from workers.contract.specs.serving import ChatBody, EmbeddingsBody, Health, SearchBody
from workers.engines.serving.errors import ServeError, search_too_long, unexpected
from workers.engines.serving.places import Places
from workers.engines.serving.settings import ServingSettings
from workers.engines.serving.stream_events import Delta, Done
from workers.engines.serving.wire import KEEP_ALIVE, Completion, embeddings, event

if TYPE_CHECKING:
    from workers.engines.serving.answers import Chat, RunningAnswer
    from workers.engines.serving.backends.protocol import ServingBackend
    from workers.engines.serving.model_cache import ModelCache
    from workers.engines.serving.retrieval import Retrieval

log = logging.getLogger(__name__)
BodyT = TypeVar("BodyT", bound=Spec)
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Services:
    cache: ModelCache
    backend: ServingBackend
    chat: Chat
    retrieval: Retrieval


def create_app(settings: ServingSettings, make_services: Callable[[], Services]) -> Starlette:
    server = ModelServerRoutes(settings, make_services)
    routes = [
        Route("/health", server.health),
        Route("/v1/chat/completions", server.protected(server.chat), methods=["POST"]),
        Route("/v1/embeddings", server.protected(server.embeddings), methods=["POST"]),
        Route("/v1/search", server.protected(server.search), methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=server.lifespan)


class ModelServerRoutes:
    def __init__(self, settings: ServingSettings, make_services: Callable[[], Services]) -> None:
        self._settings = settings
        self._make_services = make_services
        # Awaited through `asyncio.shield`: a client that leaves must not stop the start for everyone.
        self._services: asyncio.Future[Services]
        # Apart, and not asyncio's own threads: a search that hangs, and embeddings, occupy theirs for long.
        self._searches, self._embeddings = Places("search"), Places("embed")

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._services = asyncio.ensure_future(asyncio.to_thread(self._make_services))
        self._services.add_done_callback(_exit_if_failed)
        yield
        # While libraries are still being imported there is nothing to close.
        if self._services.done():
            await asyncio.to_thread(self._services.result().backend.close)

    def protected(self, endpoint: Endpoint) -> Endpoint:
        """`endpoint` for the token's holder; every failure in OpenAI's form; ended when its client leaves."""

        async def run(request: Request) -> Response:
            if not self._authorized(request):
                message = "The model server's token is missing or wrong."
                return _error_response(ServeError(401, "invalid_api_key", message))
            # First, since watching for the client's leaving reads from the same channel.
            await request.body()
            answering = asyncio.ensure_future(_answered(endpoint, request))
            return await _with_keep_alive(request, answering, self._settings.alive_seconds)

        return run

    async def health(self, request: Request) -> Response:
        """Open to everyone; what is loaded is shown to the token's holder only."""
        if not self._services.done():
            return JSONResponse(Health(status="starting").model_dump())
        services = self._services.result()
        backend = services.backend.health()
        loaded = {}
        if self._authorized(request):
            loaded = {**services.cache.paths(), "adapters": [str(path) for path in backend.adapters]}
        return JSONResponse(Health(status="ok", loaded=loaded, queue=backend.queue).model_dump())

    async def chat(self, request: Request) -> Response:
        body = await _body(request, ChatBody)
        completion = Completion(body)
        request.state.streams = body.stream
        alive = self._settings.alive_seconds
        starting = asyncio.ensure_future(self._start(body))
        if not body.stream:
            return JSONResponse(completion.whole(*await _collected(starting)))
        try:
            # An error that comes soon is answered with its own status.
            await asyncio.wait({starting}, timeout=alive / 2)
            if starting.done():
                starting.result()
        except BaseException:
            _cancel(starting)
            raise
        return StreamingResponse(_streamed(starting, completion, alive), media_type="text/event-stream")

    async def _start(self, body: ChatBody) -> RunningAnswer:
        services = await asyncio.shield(self._services)
        return await services.chat.start(body)

    async def embeddings(self, request: Request) -> Response:
        body = await _body(request, EmbeddingsBody)
        services = await asyncio.shield(self._services)
        left = threading.Event()
        work = partial(services.retrieval.embed, body, left.is_set)
        try:
            found = await self._embeddings.run(body.kosha.organization, work)
        except asyncio.CancelledError:
            left.set()
            raise
        return JSONResponse(embeddings(body, found.vectors, found.tokens))

    async def search(self, request: Request) -> Response:
        body = await _body(request, SearchBody)
        services = await asyncio.shield(self._services)
        seconds = self._settings.search_seconds
        try:
            async with asyncio.timeout(seconds):
                work = partial(services.retrieval.search, body)
                answer = await self._searches.run(body.organization, work)
        except TimeoutError:
            log.error("a search in %s took longer than %g s", body.index.name, seconds)
            raise search_too_long(seconds) from None
        return Response(answer.model_dump_json(), media_type="application/json")

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


async def _answered(endpoint: Endpoint, request: Request) -> Response:
    try:
        return await endpoint(request)
    except ServeError as error:
        return _error_response(error)
    except Exception:
        log.exception("%s %s", request.method, request.url.path)
        return _error_response(unexpected())


async def _with_keep_alive(request: Request, answering: asyncio.Future[Response], alive: float) -> Response:
    """The answer if it comes soon, else one that begins with blanks; cancelled when the client leaves."""
    left = asyncio.ensure_future(_disconnected(request))
    try:
        either: set[asyncio.Future[Any]] = {answering, left}
        await asyncio.wait(either, timeout=alive, return_when=asyncio.FIRST_COMPLETED)
        if answering.done() or getattr(request.state, "streams", False):
            # A stream sends comments of its own as soon as it has begun.
            return await answering
        if not left.done():
            return StreamingResponse(_blanks_then(answering, alive), media_type="application/json")
    except BaseException:
        answering.cancel()
        raise
    finally:
        left.cancel()
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
        # Reached also when the client has left.
        answering.cancel()


async def _streamed(
    starting: asyncio.Future[RunningAnswer], completion: Completion, alive: float
) -> AsyncIterator[str]:
    try:
        while not starting.done():
            yield KEEP_ALIVE
            await asyncio.wait({starting}, timeout=alive)
        answer = starting.result()
        yield completion.chunk(role="assistant", content="")
        async for piece in answer.events(alive):
            if piece is None:
                yield KEEP_ALIVE
            elif isinstance(piece, Delta):
                yield completion.chunk(content=piece.text)
            else:
                yield completion.closing(piece)
    except ServeError as error:
        yield event({**error.body, "status": error.status})
    except Exception:
        log.exception("an answer failed while it was streamed")
        yield event({**unexpected().body, "status": 500})
    finally:
        # Reached also when the client has left; after the end it changes nothing.
        _cancel(starting)


async def _collected(starting: asyncio.Future[RunningAnswer]) -> tuple[str, Done]:
    try:
        answer, text = await starting, ""
        async for piece in answer.events():
            if isinstance(piece, Done):
                return text, piece
            if piece is not None:
                text += piece.text
        raise unexpected()
    finally:
        _cancel(starting)


def _cancel(starting: asyncio.Future[RunningAnswer]) -> None:
    """Cancel the answer, whether it has begun or not."""
    if not starting.done():
        starting.cancel()
    elif not starting.cancelled() and starting.exception() is None:
        starting.result().cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _error_response(error: ServeError) -> Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
    return JSONResponse(error.body, status_code=error.status, headers=headers)


def _exit_if_failed(services: asyncio.Future[Services]) -> None:
    """Without its libraries the server is of no use; its supervisor restarts it."""
    if not services.cancelled() and (error := services.exception()):
        log.critical("The model server cannot start", exc_info=error)
        os._exit(3)
