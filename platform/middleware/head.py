"""HEAD in the API: the headers of what GET answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from common.error_answers import is_api


class HeadMiddleware:
    """The operations of the API are declared for GET. The server sends no body to a HEAD request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "HEAD" or not is_api(request):
            return self.get_response(request)
        request.method = "GET"
        try:
            response = self.get_response(request)
        finally:
            request.method = "HEAD"
        if isinstance(response, StreamingHttpResponse):
            # A file would be read for nothing, and a stream of events would not end.
            response.streaming_content = _nothing()
        return response


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield
