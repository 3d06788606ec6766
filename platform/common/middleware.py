"""The outermost border of a request: a KoshaError becomes an answer in the reader's format."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from common.errors import KoshaError, Unavailable


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/v1/")


def error_response(request: HttpRequest, error: KoshaError) -> HttpResponse:
    response: HttpResponse
    if is_api(request):
        response = JsonResponse(error.body(), status=error.status)
    else:
        response = render(request, "error.html", {"error": error}, status=error.status)
    if isinstance(error, Unavailable):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


class ErrorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return error_response(request, error) if isinstance(error, KoshaError) else None
