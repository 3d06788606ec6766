"""The body of a request is read only when its caller is known.

Django spools a whole body to the disk before any of its middlewares runs. So the caller is identified here, by the
headers alone. Django identifies the caller again after the body: a key may be revoked while a file arrives.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import translation

from common.connections import release_connection
from common.error_answers import error_response, is_api, known_error
from common.language import API_LANGUAGE
from common.permissions import Access
from middleware.authorization import caller_of, not_authenticated
from middleware.early_answers import (
    BODY_LIMIT,
    CLOSE,
    Application,
    Receive,
    Send,
    announced_bytes,
    headers_of,
    send_whole,
)
from middleware.route_rules import rule_of

STRANGERS_BYTES = 64 * 1024
"""The longest body of a form that needs no sign-in. The server reads as much at once in any case."""


class Identification:
    """ASGI middleware."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(headers_of(scope)):
            await self.application(scope, receive, send)
            return
        request = ASGIRequest(scope, BytesIO())
        if _is_public(request):
            await self.application({**scope, BODY_LIMIT: STRANGERS_BYTES}, receive, send)
            return
        refusal = await sync_to_async(_refusal, thread_sensitive=False)(request)
        if refusal is None:
            await self.application(scope, receive, send)
        else:
            await _send_unread(send, refusal, headers_of(scope))


def _has_body(headers: dict[bytes, bytes]) -> bool:
    return announced_bytes(headers) > 0 or b"transfer-encoding" in headers


def _is_public(request: HttpRequest) -> bool:
    try:
        route = resolve(request.path_info).route
    except Resolver404:
        return False
    return rule_of(request.method or "", route) in (Access.OPEN, Access.PUBLIC)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """The answer to an unknown caller; None for a known one."""
    request.principal = None  # type: ignore[attr-defined]
    SessionMiddleware(_no_view).process_request(request)
    AuthenticationMiddleware(_no_view).process_request(request)
    language = API_LANGUAGE if is_api(request) else translation.get_language_from_request(request)
    try:
        with translation.override(language):
            return not_authenticated(request) if caller_of(request) is None else None
    except Exception as error:
        known = known_error(error)
        if known is None:
            raise
        with translation.override(language):
            return error_response(request, known)
    finally:
        release_connection()


def _no_view(request: HttpRequest) -> HttpResponse:
    """Django's middlewares are made with a view; here only their `process_request` is called."""
    raise AssertionError("a caller is identified without a view")


async def _send_unread(send: Send, answer: HttpResponse, headers: dict[bytes, bytes]) -> None:
    own = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.items()]
    if not 0 < announced_bytes(headers) <= STRANGERS_BYTES:
        own.append(CLOSE)
    others = [each for each in own if each[0] not in (b"content-type", b"content-length")]
    await send_whole(send, answer.status_code, answer["Content-Type"].encode(), answer.content, others)
