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
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import Router

from accounts.access import while_allowed
from accounts.principal import actor_of, principal_of
from chat.answering import answer, answer_stream, prompt
from chat.bodies import CompletionBody, EmbeddingBody
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
from common.errors import Conflict, DeclaredError, InvalidRequest, KoshaError, NotFound, Unavailable
from common.model_server import ContextTooLong, ModelServerUnavailable, model_server
from common.streaming import event_stream
from common.unsupported import UNSUPPORTED
from common.wire import refuse_unknown, unix, validate
from registry.models import BaseModel, BaseModelKind
from registry.selectors import WrongModelKind, base_model_get, model_version_get, model_version_list
from releases.models import Deployment
from releases.services import model_version_delete
from workers.contract.prompts import PromptMessage
from workers.contract.specs.serving import MAXIMUM_TEXT, ChatBody, StreamOptions

logger = logging.getLogger(__name__)
router = Router(tags=["Chat"])


CHAT = f"""The last message is the user's question. A message holds at most {MAXIMUM_TEXT:,} characters, and prompt and answer
together at most the tokens that `context_length` of the base model says (`GET /v1/base_models`).

What a release answers is checked against the passages of its documents. `message.annotations` are the citations: file, page
or cells, and the quote. `message.kosha` says whether the documents answered: `answered`, and, where they did not or not
wholly, `reason` (`not_found`, `not_stated`, `unsupported`, `no_answer`, `rest_withheld`); `personal_data` says whether text is
`raw` or `masked`. A release's stream comes sentence by sentence, because each is checked before it is sent; `annotations` and
`kosha` are in the delta of the last chunk. A plain model answers without documents: its stream comes token by token, and
`annotations` is empty."""


@router.post("/chat/completions", summary="Answer a conversation", description=CHAT)
async def chat_completion(request: HttpRequest, payload: CompletionBody) -> HttpResponseBase:
    limit = payload.limit
    target = await sync_to_async(target_get)(payload.model, principal_of(request))
    await release_connection_async()
    messages = [message.plain() for message in payload.messages]
    found = await find(target, messages)
    body = _chat_body(payload, target, prompt(target, messages, found), limit)
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


def _chat_body(
    payload: CompletionBody, target: Target, messages: list[PromptMessage], limit: int | None
) -> ChatBody:
    defaults = target.generation
    temperature = defaults.temperature if target.release else 1.0
    stop = tuple(payload.stop) if isinstance(payload.stop, list) else payload.stop
    body: ChatBody = validate(
        ChatBody,
        {
            "model": target.name,
            "messages": messages,
            "kosha": target.weights,
            "max_tokens": limit or defaults.max_tokens,
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
@router.post("/embeddings", summary="Turn texts into vectors")
async def embeddings(request: HttpRequest, payload: EmbeddingBody) -> dict[str, Any]:
    texts = payload.texts()
    base_model = await sync_to_async(_embedding_model)(payload.model)
    if payload.dimensions not in (None, base_model.hidden_size):
        message = _(
            "This model's vectors have %(size)d dimensions, and are not shortened. Leave dimensions out."
        )
        raise InvalidRequest(UNSUPPORTED, message % {"size": base_model.hidden_size}, param="dimensions")
    await release_connection_async()
    try:
        vectors, tokens = await model_server().embed_async(
            Path(base_model.path),
            texts,
            digest=base_model.digest,
            role=payload.input_type,
            organization=principal_of(request).organization_id or "",
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
    """Raises ModelNotFound; WrongModelKind also for a version, which answers and embeds nothing."""
    try:
        return base_model_get(name, kind=BaseModelKind.EMBEDDING)
    except NotFound as error:
        if model_version_list().filter(name=name).exists():
            raise WrongModelKind(BaseModelKind.CAUSAL_LM) from error
        raise ModelNotFound from error


class NoModelVersion(DeclaredError, Conflict):
    code = "not_a_model_version"
    message = gettext_lazy(
        "Only model versions (ft:...) can be deleted. An alias is taken out of service with POST "
        "/v1/deployments/{alias}/withdraw; a base model belongs to the installation: ask its operator."
    )
    param = "model"


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


@router.get("/models", summary="List what may stand in `model`, all of it")
def models(request: HttpRequest) -> dict[str, Any]:
    refuse_unknown(request, ())
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
        if nameable_model(model, principal_of(request)) is not None:
            raise NoModelVersion from error
        raise ModelNotFound from error
    model_version_delete(version=version, actor=actor_of(request))
    return {"id": model, "object": "model", "deleted": True}
