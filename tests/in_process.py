"""The API without a server: the client of `demo/client.py` on Django's test client."""

from __future__ import annotations

import httpx
from django.test import Client

from demo.client import ApiClient

OF_THE_CONNECTION = {"accept-encoding", "connection", "content-length", "content-type", "host"}


class DjangoTransport(httpx.BaseTransport):
    """Answers requests in this process, inside the test's transaction."""

    def __init__(self) -> None:
        # A crash becomes a 500 as in the real web: tests look for exactly that.
        self._client = Client(raise_request_exception=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name not in OF_THE_CONNECTION}
        answer = self._client.generic(
            request.method,
            request.url.raw_path.decode("ascii"),
            request.read(),
            content_type=request.headers.get("content-type", "application/octet-stream"),
            headers=headers,
        )
        content = b"".join(answer) if answer.streaming else answer.content
        return httpx.Response(answer.status_code, headers=list(answer.items()), content=content)


def api_of(key: str | None) -> ApiClient:
    """One caller, by its key."""
    return ApiClient("http://testserver", key, transport=DjangoTransport())
