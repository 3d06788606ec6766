"""The outermost border of a request: a KoshaError becomes an answer in the reader's format."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from django.core.exceptions import RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from common.disk import is_disk_full, is_storage_away
from common.errors import (
    Busy,
    InsufficientStorage,
    InvalidCharacters,
    KoshaError,
    OutOfRange,
    RequestTooLarge,
    StorageUnavailable,
    Unavailable,
)
from common.text import storable

logger = logging.getLogger(__name__)


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/v1/")


def error_json(error: KoshaError) -> HttpResponse:
    return _dated(JsonResponse(error.body(), status=error.status), error)


def error_response(request: HttpRequest, error: KoshaError) -> HttpResponse:
    response: HttpResponse
    if is_api(request):
        return error_json(error)
    if isinstance(error, Busy):
        # Without what every page asks the database for: it is what failed.
        facts = {"error": error, "theme": request.COOKIES.get("theme", "")}
        response = HttpResponse(render_to_string("error.html", facts), status=error.status)
    else:
        response = render(request, "error.html", {"error": error}, status=error.status)
    return _dated(response, error)


def _dated(response: HttpResponse, error: KoshaError) -> HttpResponse:
    """With when to come again, where that may help."""
    if isinstance(error, Unavailable):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def known_error(error: BaseException | None) -> KoshaError | None:
    """What an exception means to the caller; None for a failure of our own."""
    if isinstance(error, KoshaError):
        return error
    if isinstance(error, RequestDataTooBig):
        return RequestTooLarge()
    if isinstance(error, DataError):
        return OutOfRange()
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("the database did not serve a request: %s", error)
        return Busy()
    if is_disk_full(error):
        logger.error("the disk is full")
        return InsufficientStorage()
    if isinstance(error, OSError) and is_storage_away(error):
        # Without the file's name, in which organizations and documents stand.
        logger.error("the storage cannot be used: %s", error.strerror)
        return StorageUnavailable()
    return None


class ErrorMiddleware:
    """Also refuses addresses that hold what PostgreSQL cannot store, before any view sees them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not all(map(storable, (request.path, *_query_texts(request)))):
            return error_response(request, InvalidCharacters())
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        known = known_error(error)
        return error_response(request, known) if known else None


def _query_texts(request: HttpRequest) -> Iterator[str]:
    for name, values in request.GET.lists():
        yield name
        yield from values
