"""The error that an exception means for the caller, and its answer in the caller's format."""

from __future__ import annotations

import logging

from django.core.exceptions import RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from common.disk import is_disk_full, is_storage_away
from common.errors import (
    Busy,
    InsufficientStorage,
    KoshaError,
    OutOfRange,
    RequestTooLarge,
    StorageUnavailable,
    Unavailable,
)

logger = logging.getLogger(__name__)


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/v1/")


def known_error(error: BaseException | None) -> KoshaError | None:
    """The error that an exception means for the caller; None for an internal failure."""
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
        # Without the file's name, which contains ids of organizations and documents.
        logger.error("the storage cannot be used: %s", error.strerror)
        return StorageUnavailable()
    return None


def error_response(request: HttpRequest, error: KoshaError) -> HttpResponse:
    """As JSON for the API, as a page for the console."""
    if is_api(request):
        return error_json(error)
    if isinstance(error, Busy):
        # The context of the other pages queries the database, which has just failed.
        facts = {"error": error, "theme": request.COOKIES.get("theme", "")}
        response = HttpResponse(render_to_string("error.html", facts), status=error.status)
    else:
        response = render(request, "error.html", {"error": error}, status=error.status)
    return _with_retry_after(response, error)


def error_json(error: KoshaError) -> HttpResponse:
    return _with_retry_after(JsonResponse(error.body(), status=error.status), error)


def _with_retry_after(response: HttpResponse, error: KoshaError) -> HttpResponse:
    if isinstance(error, Unavailable):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response
