"""Error pages. `config/urls.py` names them as handlers."""

from __future__ import annotations

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import render
from django.template import loader
from django.urls import Resolver404
from django.utils.translation import gettext as _

from common.error_answers import error_response, is_api, known_error
from common.errors import InvalidRequest, KoshaError, NotFound, PermissionDenied, UnknownEndpoint
from common.request_id import current_request_id


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(
        request,
        InvalidRequest("bad_request", _("The request could not be understood. Go back and try again.")),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(request, PermissionDenied())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    is_unknown = is_api(request) and isinstance(exception, Resolver404)
    return error_response(request, UnknownEndpoint() if is_unknown else NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Drawn without context processors, because the database may have failed.

    Django calls this inside the `except` of an error that no view and no middleware caught. A middleware
    reads the principal, so an outage of the database arrives here.
    """
    known = known_error(sys.exc_info()[1])
    if known is not None:
        return error_response(request, known)
    if is_api(request):
        return error_response(
            request,
            _InternalError(
                "internal_error",
                _("An internal error occurred. Try again. If it persists, tell your operator."),
            ),
        )
    page = loader.render_to_string("500.html", {"request_id": current_request_id.get()})
    return HttpResponseServerError(page)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Most often the person signed in in another tab, and the form's token belongs to the previous session."""
    error = KoshaError(
        "stale_form",
        _("This page was opened before you signed in. Go back, reload it and send it again."),
    )
    context: dict[str, Any] = {"error": error}
    return render(request, "error.html", context, status=403)


class _InternalError(KoshaError):
    status = 500
    type = "server_error"
