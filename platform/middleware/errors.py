"""Errors of views as answers in the caller's format."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from common.error_answers import error_response, is_api, known_error
from common.errors import InvalidCharacters, UnsupportedEncoding
from common.text import storable


class ErrorMiddleware:
    """Before any view runs, it also refuses addresses with characters that PostgreSQL cannot store, and compressed
    bodies, which no view would understand.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        values = [value for _name, values in request.GET.lists() for value in values]
        if not all(map(storable, (request.path, *request.GET, *values))):
            return error_response(request, InvalidCharacters())
        if is_api(request) and request.headers.get("Content-Encoding", "identity").lower() not in (
            "",
            "identity",
        ):
            return error_response(request, UnsupportedEncoding())
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        known = known_error(error)
        return error_response(request, known) if known else None
