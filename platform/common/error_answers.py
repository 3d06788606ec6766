"""The error that an exception means for the caller, and its answer in the caller's format."""

from __future__ import annotations

import logging

from django.core.exceptions import RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from common.disk import is_disk_full, is_storage_away
from common.errors import (
    Busy,
    InsufficientStorage,
    KoshaError,
    OutOfRange,
    RequestTooLarge,
    StorageUnavailable,
)

logger = logging.getLogger(__name__)


def is_api_path(path: str) -> bool:
    return path == "/v1" or path.startswith("/v1/")


def is_api(request: HttpRequest) -> bool:
    return is_api_path(request.path)


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


def error_response(request: HttpRequest, error: KoshaError, *, as_json: bool = False) -> HttpResponse:
    """JSON for the API and, with `as_json`, for scripts of the console; otherwise a page."""
    headers = error.headers()
    if as_json or is_api(request):
        return JsonResponse(error.body(), status=error.status, headers=headers)
    if isinstance(error, Busy):
        # The context of the other pages queries the database, which has just failed.
        facts = {"error": error, "theme": request.COOKIES.get("theme", "")}
        page = render_to_string("error.html", facts)
    else:
        page = render_to_string("error.html", {"error": error}, request)
    return HttpResponse(page, status=error.status, headers=headers)
