"""The HTTP client of the model server: search, embeddings and answers.

The web process uses models only through this module and imports no machine-learning library. Every request
contains the paths of what the server loads for it.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from common.errors import DeclaredError, InvalidRequest, KoshaError, Unavailable
from workers.contract.personal_data import PersonalDataMode
from workers.contract.specs.serving import (
    ChatBody,
    EmbeddingChoice,
    EmbeddingsBody,
    Health,
    SearchAnswer,
    SearchBody,
    SearchHit,
)

# Loading a model may take minutes, and so may generating an answer. The server sends something every few seconds
# meanwhile, so a server that is silent for longer does not work.
TIMEOUT = httpx.Timeout(connect=2.0, read=12.0, write=12.0, pool=10.0)
HEALTH_TIMEOUT = httpx.Timeout(2.0)
UNUSABLE = {"serve.system.artifact_damaged", "serve.system.artifact_missing"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchIndex:
    """The folder of an index, and what the caller may find in it."""

    folder: Path
    groups: tuple[str, ...]
    """The caller's groups: only passages of one of them are found."""
    excluded_document_ids: tuple[str, ...] = ()
    """Documents that were removed since the index was built."""
    sha256: str | None = None
    """Of its manifest; the model server refuses an index that has changed."""
    embedding_model: Path | None = None
    embedding_model_digest: str | None = None
    personal_data: PersonalDataMode = "masked"
    """How the text of its passages is shown to the caller."""
    masked_document_ids: tuple[str, ...] = ()
    """Documents whose passages are masked also where the others are raw."""
    organization: str = ""
    """Whose index it is: on the model server organizations take turns."""


class ModelServerUnavailable(Unavailable):
    """It cannot be reached, is too busy, or interrupted an answer."""


class ModelServerSilent(DeclaredError, ModelServerUnavailable):
    """It accepts connections and sends nothing: its process is stopped or hangs."""

    code = "model_server_silent"
    message = _("The model server has stopped answering. Try again in a moment.")


class ModelServerUnreachable(DeclaredError, ModelServerUnavailable):
    code = "model_server_unavailable"
    message = _("The model server does not answer. Try again in a moment.")


class AnswerInterrupted(DeclaredError, ModelServerUnavailable):
    """The connection ended before the answer, or its content is not valid."""

    code = "model_server_unavailable"
    message = _("The model server interrupted the answer. Try again.")


class ContextTooLong(InvalidRequest):
    """Prompt and answer together, or a text to embed, are longer than the model's context."""


class ModelServerFailed(KoshaError):
    """It answered with an error of its own: a damaged or forbidden folder, or an unexpected failure.

    `code` is the model server's, for example `serve.system.artifact_damaged`.
    """

    status = 500
    type = "server_error"


class ModelServer:
    """One model server. Thread-safe; the asynchronous calls may be used from any event loop."""

    def __init__(self, base_url: str, token: str, *, timeout: httpx.Timeout = TIMEOUT) -> None:
        self._options: dict[str, Any] = {
            "base_url": base_url.rstrip("/"),
            "headers": {"Authorization": f"Bearer {token}"},
            "timeout": timeout,
            # Loading the certificates takes longer than a search, so all clients share them.
            "verify": ssl.create_default_context(),
            # The server belongs to this installation and is never behind a proxy.
            "trust_env": False,
        }
        self._client = httpx.Client(**self._options)

    def health(self) -> Health:
        """Raises ModelServerUnavailable when there is no answer within two seconds."""
        return Health.model_validate(self._call("GET", "/health", timeout=HEALTH_TIMEOUT))

    def search(self, index: SearchIndex, query: str, *, limit: int = 5) -> list[SearchHit]:
        """The passages that match `query` best, in descending order."""
        return _hits(index, self._call("POST", "/v1/search", _search_body(index, query, limit)))

    async def search_async(self, index: SearchIndex, query: str, *, limit: int = 5) -> list[SearchHit]:
        return _hits(index, await self._call_async("POST", "/v1/search", _search_body(index, query, limit)))

    def embed(
        self,
        embedding_model: Path,
        texts: Sequence[str],
        *,
        digest: str | None = None,
        role: str = "passage",
        organization: str = "",
    ) -> tuple[list[list[float]], int]:
        """The unit vectors of `texts` in their order, and the number of their tokens. Organizations take turns."""
        body = _embeddings_body(embedding_model, texts, digest, role, organization)
        return _vectors(self._call("POST", "/v1/embeddings", body))

    async def embed_async(
        self,
        embedding_model: Path,
        texts: Sequence[str],
        *,
        digest: str | None = None,
        role: str = "passage",
        organization: str = "",
    ) -> tuple[list[list[float]], int]:
        """As `embed`; cancelled, it ends the work on the server."""
        body = _embeddings_body(embedding_model, texts, digest, role, organization)
        return _vectors(await self._call_async("POST", "/v1/embeddings", body))

    def chat(self, body: ChatBody) -> dict[str, Any]:
        """OpenAI's `chat.completion`. Raises ContextTooLong, ModelServerFailed, ModelServerUnavailable."""
        return self._call("POST", "/v1/chat/completions", _chat_body(body, stream=False))

    async def chat_async(self, body: ChatBody) -> dict[str, Any]:
        return await self._call_async("POST", "/v1/chat/completions", _chat_body(body, stream=False))

    async def chat_stream(self, body: ChatBody) -> AsyncGenerator[dict[str, Any], None]:
        """OpenAI's `chat.completion.chunk` objects until `[DONE]`.

        An error that occurs early enough is raised before the first chunk. Leaving the loop closes the connection,
        which stops the generation on the server.
        """
        try:
            async with (
                httpx.AsyncClient(**self._options) as client,
                client.stream("POST", "/v1/chat/completions", json=_chat_body(body, stream=True)) as answer,
            ):
                if answer.is_error:
                    await answer.aread()
                    raise _error_of(answer)
                async for chunk in _chunks(answer):
                    yield chunk
        except httpx.TransportError as error:
            raise _connection_error(error) from error

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> dict[str, Any]:
        try:
            answer = self._client.request(
                method, path, json=body, timeout=timeout or httpx.USE_CLIENT_DEFAULT
            )
        except httpx.TransportError as error:
            raise _connection_error(error) from error
        return _checked(answer)

    async def _call_async(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(**self._options) as client:
                answer = await client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise _connection_error(error) from error
        return _checked(answer)


def model_server() -> ModelServer:
    """The server named by the settings `MODEL_SERVER_URL` and `MODEL_SERVER_TOKEN`."""
    return _model_server(settings.MODEL_SERVER_URL, settings.MODEL_SERVER_TOKEN)


@cache
def _model_server(base_url: str, token: str) -> ModelServer:
    return ModelServer(base_url, token)


def _embeddings_body(
    embedding_model: Path, texts: Sequence[str], digest: str | None, role: str, organization: str
) -> dict[str, Any]:
    choice = EmbeddingChoice.model_validate(
        {
            "embedding_model": embedding_model,
            "folder_digest": digest,
            "role": role,
            "organization": organization,
        }
    )
    return EmbeddingsBody(input=tuple(texts), kosha=choice).model_dump(mode="json")


def _vectors(answer: dict[str, Any]) -> tuple[list[list[float]], int]:
    return [item["embedding"] for item in answer["data"]], answer["usage"]["total_tokens"]


def _search_body(index: SearchIndex, query: str, limit: int) -> dict[str, Any]:
    return SearchBody(
        index=index.folder,
        index_sha256=index.sha256,
        query=query,
        limit=limit,
        organization=index.organization,
        groups=index.groups,
        excluded_document_ids=index.excluded_document_ids,
        personal_data=index.personal_data,
        masked_document_ids=index.masked_document_ids,
        embedding_model=index.embedding_model,
        embedding_model_digest=index.embedding_model_digest,
    ).model_dump(mode="json")


def _hits(index: SearchIndex, answer: dict[str, Any]) -> list[SearchHit]:
    """The passages of an answer. Raises ModelServerFailed where it is raw although masked text was asked for."""
    hits = SearchAnswer.model_validate(answer).hits
    masked = [
        hit
        for hit in hits
        if index.personal_data == "masked" or hit.source.document_id in index.masked_document_ids
    ]
    if any(hit.personal_data != "masked" for hit in masked):
        raise ModelServerFailed(
            "model_server_failed", "The model server did not mask the passages, so they are not shown."
        )
    return list(hits)


def _chat_body(body: ChatBody, *, stream: bool) -> dict[str, Any]:
    return {**body.model_dump(mode="json", exclude_none=True), "stream": stream}


async def _chunks(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.aiter_lines():
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        try:
            chunk = json.loads(data)
        except ValueError as error:
            raise AnswerInterrupted from error
        if "error" in chunk:
            raise _error_from(chunk)
        yield chunk
    raise AnswerInterrupted


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise _error_of(answer)
    try:
        value: dict[str, Any] = answer.json()
    except ValueError as error:
        raise AnswerInterrupted from error
    if "error" in value:
        raise _error_from(value)
    return value


def _error_of(answer: httpx.Response) -> KoshaError:
    try:
        return _error_from({**answer.json(), "status": answer.status_code})
    except (ValueError, KeyError, TypeError):
        return ModelServerFailed("model_server_failed", f"The model server answered {answer.status_code}.")


def _error_from(answer: dict[str, Any]) -> KoshaError:
    """The error of an answer. If the answer had begun before it, the status is part of the body."""
    status, error = int(answer.get("status", 500)), answer["error"]
    code, message, param = str(error["code"]), error["message"], error.get("param")
    if code == "context_length_exceeded":
        return ContextTooLong(code, message, param=param)
    if status == 503:
        return ModelServerUnavailable(code, message, param=param)
    if status == 400:
        return InvalidRequest(code, message, param=param)
    if code in UNUSABLE:
        # Only operators can repair a file, and they read the log.
        logger.error("the model server refuses what is on the disk: %s", message)
        message = _unusable(param)
    return ModelServerFailed(code, message, param=param)


def _unusable(param: str | None) -> Promise:
    """The sentence about a missing or damaged folder, with the remedy."""
    match param:
        case "index":
            return _(
                "The index is missing or damaged on the disk and is not used. Build it again in Knowledge, then "
                "make and publish a new release with it."
            )
        case "kosha.adapter":
            return _(
                "The model version is missing or damaged on the disk and is not used. Publish a release with "
                "another version, and have your operator look at the disk."
            )
    return _(
        "A model is missing or damaged on the disk and is not used. Have your operator bring its folder back."
    )


def _connection_error(error: httpx.TransportError) -> ModelServerUnavailable:
    if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        return ModelServerSilent()
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return AnswerInterrupted()
    return ModelServerUnreachable()
