"""The border of a request to Django: an error becomes an answer in the reader's format."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse

from common.error_answers import error_response, known_error
from common.errors import InvalidCharacters
from common.text import storable


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
