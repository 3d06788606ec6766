"""Clients of the API and of the console that count every answer they get."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from typing import Any, NoReturn

import httpx

from demo.client import ApiClient, ApiError, ApiResponse, Json, StreamError, StreamTruncated
from demo.installation import Installation
from tests.load.counters import Counters, Outcome

LONGEST_RETRY_SECONDS = 10
NOBODY = "http://127.0.0.1:9"
"""An address without a server, for an installation that has none yet."""


class NotAnswered(Exception):
    """A request that was not answered with a success, and is counted as what it was."""

    def __init__(self, outcome: Outcome, retry_after: float = 0.0) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.retry_after = retry_after
        """Seconds; 0 where the answer names none."""


def count_error(counters: Counters, route: str, error: ApiError, expected: Collection[int] = ()) -> NoReturn:
    """Count a refusal. Raises NotAnswered."""
    outcome, retry_after = Outcome.FAILED, 0
    if error.status in expected:
        outcome = Outcome.EXPECTED
    elif error.status in (429, 503) and error.code and error.retry_after is not None:
        outcome, retry_after = Outcome.REFUSED, min(error.retry_after, LONGEST_RETRY_SECONDS)
    counters.add(route, outcome, detail=f"{error.status} {error.code or error.message[:200]}")
    raise NotAnswered(outcome, retry_after) from error


def count_silence(counters: Counters, route: str, error: httpx.HTTPError) -> NoReturn:
    """Count a request to which no answer came. Raises NotAnswered."""
    counters.add(route, Outcome.FAILED, detail=type(error).__name__)
    raise NotAnswered(Outcome.FAILED) from error


class CountingClient(ApiClient):
    """A caller of an installation that may move to another port, and may be down."""

    def __init__(self, installation: Installation, key: str, counters: Counters, timeout: float) -> None:
        # Loopback has no TLS: reading certificates for each of hundreds of clients would take seconds.
        transport = httpx.HTTPTransport(verify=False)
        super().__init__("", key, timeout=timeout, transport=transport)
        self.counters = counters
        self._installation = installation

    def address(self) -> str:
        return self._installation.state.get("base_url", NOBODY)

    def send_counted(
        self,
        method: str,
        path: str,
        *,
        route: str = "",
        expected: Collection[int] = (),
        leaves: bool = False,
        **options: Any,
    ) -> Any:
        """The body of a success. Raises NotAnswered.

        `expected` are statuses that are no failure; a client that `leaves` has a short timeout on purpose.
        """
        route, began = route or f"{method} /{path.removeprefix('/').partition('/')[0]}", time.monotonic()
        try:
            body = self.request(method, path, **options).ok
        except httpx.ReadTimeout as error:
            if leaves:
                self.counters.add(route, Outcome.CANCELLED)
                raise NotAnswered(Outcome.CANCELLED) from error
            count_silence(self.counters, route, error)
        except httpx.HTTPError as error:
            count_silence(self.counters, route, error)
        except ApiError as error:
            count_error(self.counters, route, error, expected)
        self.counters.add(route, Outcome.ANSWERED, time.monotonic() - began)
        return body

    def try_counted(self, method: str, path: str, **options: Any) -> Any:
        """As `send_counted`, but None for anything but a success."""
        try:
            return self.send_counted(method, path, **options)
        except NotAnswered:
            return None

    def stream_counted(
        self, body: Json, *, leave_after: int | None = None, timeout: float | None = None
    ) -> None:
        """Read a streamed chat answer to its end, or leave it after some chunks. Raises NotAnswered."""
        route, began, chunks = "POST /chat/completions (stream)", time.monotonic(), 0
        try:
            with self.stream("chat/completions", body, timeout) as answer:
                for chunks, _chunk in enumerate(answer, start=1):
                    if chunks == 1:
                        self.counters.add(f"{route}, first chunk", Outcome.ANSWERED, time.monotonic() - began)
                    if chunks == leave_after:
                        self.counters.add(route, Outcome.CANCELLED)
                        return
        except httpx.HTTPError as error:
            count_silence(self.counters, route, error)
        except (StreamError, StreamTruncated) as error:
            self.counters.add(route, Outcome.FAILED, detail=error.code)
            raise NotAnswered(Outcome.FAILED) from error
        except ApiError as error:
            count_error(self.counters, route, error)
        self.counters.add(route, Outcome.ANSWERED, time.monotonic() - began)


class ConsoleVisitor:
    """Somebody at the console: a session of their own, one page after the other."""

    def __init__(
        self, installation: Installation, email: str, password: str, counters: Counters, timeout: float
    ) -> None:
        self._installation = installation
        self._account = {"username": email, "password": password}
        self._counters = counters
        self._browser = httpx.Client(
            transport=httpx.HTTPTransport(verify=False), timeout=timeout, trust_env=False
        )
        self.signed_in = False

    def open(self, path: str) -> str:
        """The page's HTML. Raises NotAnswered."""
        return self._send("GET", path, 200).text

    def sign_in(self) -> None:
        """Raises NotAnswered."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.open("/sign-in"))
        assert token is not None, "the sign-in page has no form"
        # A refused form is a page (200); a right one leads on.
        self._send("POST", "/sign-in", 302, data={**self._account, "csrfmiddlewaretoken": token[1]})
        self.signed_in = True

    def _send(self, method: str, path: str, right: int, **options: Any) -> httpx.Response:
        route, began = f"console {method} {path}", time.monotonic()
        try:
            url = self._installation.state.get("base_url", NOBODY) + path
            response = self._browser.request(method, url, **options)
        except httpx.HTTPError as error:
            count_silence(self._counters, route, error)
        if response.status_code == right:
            self._counters.add(route, Outcome.ANSWERED, time.monotonic() - began)
            return response
        if response.is_success or response.is_redirect:
            self.signed_in = False
            self._counters.add(route, Outcome.FAILED, detail=f"{response.status_code} instead of {right}")
            raise NotAnswered(Outcome.FAILED)
        count_error(self._counters, route, page_error(response))


def page_error(response: httpx.Response) -> ApiError:
    """A page that refuses, as the API's refusals are; its stable code stands in its footer."""
    try:
        ApiResponse(response).check()
    except ApiError as error:
        if error.code:
            return error
        found = re.search(r"<code>([a-z_]+)</code>", response.text)
        return ApiError(error.status, found[1] if found else "", "", error.retry_after)
    raise AssertionError("not a refusal")
