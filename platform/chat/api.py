"""/v1/chat/completions, /v1/embeddings and /v1/models, compatible with OpenAI's clients."""

from __future__ import annotations

import base64
import json
import logging
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _
from ninja import Router
from ninja.schema import DjangoGetter
from pydantic import Field, model_validator

from accounts.access import while_allowed
from accounts.principal import actor_of, principal_of
from chat.answering import answer, answer_stream, prompt
from chat.finding import find
from chat.selectors import (
    ModelNotFound,
    Named,
    Target,
    nameable_model,
    nameable_models,
    require_answering,
    target_get,
)
from common.connections import release_connection_async
from common.error_answers import known_error
from common.errors import InvalidRequest, KoshaError, NotFound, Unavailable
from common.model_server import ContextTooLong, ModelServerUnavailable, model_server
from common.streaming import event_stream
from common.wire import Body, Metadata, known_fields, refuse_unsupported, unix, validate
from registry.models import BaseModel, BaseModelKind
from registry.selectors import base_model_get, model_version_get
from releases.models import Deployment
from releases.services import model_version_delete
from workers.contract.prompts import PromptMessage
from workers.contract.specs.serving import ChatBody, StopString, StreamOptions

logger = logging.getLogger(__name__)
router = Router(tags=["Chat"])


class TextPart(Body):
    type: Literal["text"]
    text: str


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None
    refusal: str | None = None
    audio: Any = None
    tool_calls: list[Any] | None = None
    function_call: Any = None

    @model_validator(mode="before")
    @classmethod
    def _of_answer(cls, given: Any) -> Any:
        """An assistant's message is an answer that is sent back, with its citations."""
        plain = given._obj if isinstance(given, DjangoGetter) else given
        is_answer = isinstance(plain, dict) and plain.get("role") == "assistant"
        return known_fields(cls, plain) if is_answer else given

    def plain(self) -> PromptMessage:
        text = (
            self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)
        )
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class ResponseFormat(Body):
    type: Literal["text"]


class StreamOptionsBody(Body):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class CompletionBody(Body):
    model: str
    """An alias such as `production` or a release's id (with retrieval), or a plain model (without)."""
    messages: list[ChatMessage] = Field(min_length=1, max_length=10_000)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    stop: StopString | Annotated[list[StopString], Field(max_length=4)] | None = None
    """At most 4 strings of 200 characters."""
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stream: bool | None = None
    stream_options: StreamOptionsBody | None = None
    n: int | None = None
    response_format: ResponseFormat | None = None
    user: str | None = None
    metadata: Metadata | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, Any] | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    functions: list[Any] | None = None
    function_call: Any = None
    modalities: list[str] | None = None
    audio: Any = None
    prediction: Any = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    web_search_options: Any = None


def _refuse(payload: CompletionBody) -> None:
    """Refuse what is asked for and not done. `user` and `prompt_cache_key` ask for nothing."""
    for position, message in enumerate(payload.messages):
        others = message.model_dump(include={"name", "refusal", "audio", "tool_calls", "function_call"})
        refuse_unsupported(
            {name: value or None for name, value in others.items()}, at=f"messages.{position}."
        )
    options = payload.stream_options
    refuse_unsupported(
        {"include_obfuscation": (options and options.include_obfuscation) or None}, at="stream_options."
    )
    refuse_unsupported(
        {
            "n": None if payload.n in (None, 1) else payload.n,
            "logprobs": payload.logprobs or None,
            "top_logprobs": payload.top_logprobs or None,
            "logit_bias": payload.logit_bias or None,
            "tools": payload.tools or None,
            "tool_choice": None if payload.tool_choice in (None, "none", "auto") else payload.tool_choice,
            "functions": payload.functions or None,
            "function_call": None
            if payload.function_call in (None, "none", "auto")
            else payload.function_call,
            "modalities": None if payload.modalities in (None, ["text"]) else payload.modalities,
            "audio": payload.audio,
            "store": payload.store or None,
            "metadata": payload.metadata or None,
            "service_tier": None
            if payload.service_tier in (None, "auto", "default")
            else payload.service_tier,
            "prediction": payload.prediction,
            "reasoning_effort": payload.reasoning_effort,
            "verbosity": payload.verbosity,
            "web_search_options": payload.web_search_options,
        }
    )


@router.post("/chat/completions", summary="Answer a conversation")
async def chat_completion(request: HttpRequest, payload: CompletionBody) -> HttpResponseBase:
    _refuse(payload)
    target = await sync_to_async(target_get)(payload.model, principal_of(request))
    await release_connection_async()
    messages = [message.plain() for message in payload.messages]
    found = await find(target, messages)
    body = _chat_body(payload, target, prompt(target, messages, found))
    if not payload.stream:
        return JsonResponse(await answer(target, body, found))
    still = partial(require_answering, target.name, principal_of(request))
    chunks = while_allowed(principal_of(request), answer_stream(target, body, found), still)
    # The first chunk is awaited here, so that a refusal still has its own status.
    first = await anext(chunks, None)
    if first is None:
        raise ModelServerUnavailable(
            "model_server_unavailable", _("The model server interrupted the answer. Try again.")
        )
    return event_stream(_lines(first, chunks))


def _chat_body(payload: CompletionBody, target: Target, messages: list[PromptMessage]) -> ChatBody:
    defaults = target.generation
    limit = payload.max_completion_tokens or payload.max_tokens or defaults.max_tokens
    temperature = defaults.temperature if target.release else 1.0
    stop = tuple(payload.stop) if isinstance(payload.stop, list) else payload.stop
    body: ChatBody = validate(
        ChatBody,
        {
            "model": target.name,
            "messages": messages,
            "kosha": target.weights,
            "max_tokens": limit,
            "temperature": temperature if payload.temperature is None else payload.temperature,
            "top_p": defaults.top_p if payload.top_p is None else payload.top_p,
            "presence_penalty": payload.presence_penalty or 0.0,
            "frequency_penalty": payload.frequency_penalty or 0.0,
            "stop": stop,
            "seed": payload.seed,
            "stream_options": StreamOptions(
                include_usage=bool(payload.stream_options and payload.stream_options.include_usage)
            ),
        },
    )
    return body


async def _lines(first: dict[str, Any], chunks: AsyncGenerator[dict[str, Any], None]) -> AsyncIterator[str]:
    """Server-sent events. A stream that is interrupted ends with an error event."""
    try:
        async with aclosing(chunks):
            yield _event(first)
            async for chunk in chunks:
                yield _event(chunk)
    except KoshaError as error:
        yield _event(error.body())
        return
    except Exception as error:
        # Every error becomes an event: a client would take a stream that ends without one for a short answer.
        logger.exception("a stream of %s was interrupted", first.get("model"))
        interrupted = Unavailable("internal_error", _("The answer was interrupted. Ask again."))
        yield _event((known_error(error) or interrupted).body())
        return
    yield "data: [DONE]\n\n"


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


# -- embeddings -------------------------------------------------------------------------------
class EmbeddingBody(Body):
    input: str | list[str]
    model: str
    """An embedding model's name."""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None
    input_type: Literal["query", "passage"] = "passage"
    """Kosha's: questions and the passages that answer them are embedded differently by e5 models."""


@router.post("/embeddings", summary="Turn texts into vectors")
async def embeddings(request: HttpRequest, payload: EmbeddingBody) -> dict[str, Any]:
    refuse_unsupported({"dimensions": payload.dimensions})
    texts = [payload.input] if isinstance(payload.input, str) else payload.input
    if not 1 <= len(texts) <= 2048 or not all(texts):
        raise InvalidRequest(
            "invalid_value", _("input must be 1 to 2048 texts, none of them empty."), param="input"
        )
    base_model = await sync_to_async(_embedding_model)(payload.model)
    await release_connection_async()
    try:
        vectors, tokens = await model_server().embed_async(
            Path(base_model.path), texts, digest=base_model.digest, role=payload.input_type
        )
    except ContextTooLong as error:
        # The model server names the place in the list that it was sent.
        error.param = "input" if isinstance(payload.input, str) else error.param
        raise
    data: list[dict[str, Any]] = []
    for index, vector in enumerate(vectors):
        embedding: list[float] | str = vector
        if payload.encoding_format == "base64":
            # Of little-endian float32, as OpenAI's client asks for by default.
            embedding = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": embedding})
    return {
        "object": "list",
        "model": base_model.name,
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _embedding_model(name: str) -> BaseModel:
    try:
        return base_model_get(name, kind=BaseModelKind.EMBEDDING)
    except NotFound as error:
        raise ModelNotFound from error


# -- models -------------------------------------------------------------------------------------
def model_body(model: Named) -> dict[str, Any]:
    if isinstance(model, Deployment):
        name, owner, kind = model.alias, model.organization_id, "deployment"
    elif isinstance(model, BaseModel):
        name, owner, kind = model.name, "kosha", "base_model"
    else:
        name, owner, kind = model.name, model.organization_id, "model_version"
    return {
        "id": name,
        "object": "model",
        "created": unix(model.created_at),
        "owned_by": owner,
        "kind": kind,
    }


@router.get("/models", summary="List what may stand in `model`")
def models(request: HttpRequest) -> dict[str, Any]:
    return {"object": "list", "data": [model_body(model) for model in nameable_models(principal_of(request))]}


@router.get("/models/{model}", summary="Retrieve a model")
def model_retrieve(request: HttpRequest, model: str) -> dict[str, Any]:
    found = nameable_model(model, principal_of(request))
    if found is None:
        raise ModelNotFound
    return model_body(found)


@router.delete("/models/{model}", summary="Delete a model version")
def model_delete(request: HttpRequest, model: str) -> dict[str, Any]:
    try:
        version = model_version_get(model)
    except NotFound as error:
        raise ModelNotFound from error
    model_version_delete(version=version, actor=actor_of(request))
    return {"id": model, "object": "model", "deleted": True}
