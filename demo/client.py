"""A small client of the public API: plain HTTP, as a pipeline uses it. The demo and the tests share it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx

POLL_SECONDS = 0.2
ENDED = ("succeeded", "failed", "cancelled")

Json = dict[str, Any]
T = TypeVar("T")


class ApiError(Exception):
    """The API refused; has the status, the stable code, the message and the seconds to wait."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


class StreamError(ApiError):
    """A streamed answer ended with an error event."""


class StreamTruncated(ApiError):
    """A streamed answer ended without `[DONE]` and without an error event."""

    def __init__(self) -> None:
        super().__init__(200, "stream_truncated", "The answer ended without [DONE].")


class JobFailed(Exception):
    """A job failed or was cancelled."""


@dataclass(frozen=True)
class ApiResponse:
    """The answer to one request."""

    raw: httpx.Response

    @property
    def status(self) -> int:
        return self.raw.status_code

    @property
    def body(self) -> Any:
        return self.raw.json()

    @property
    def content(self) -> bytes:
        return self.raw.content

    @property
    def headers(self) -> httpx.Headers:
        return self.raw.headers

    def check(self) -> None:
        """Raises ApiError unless this is a success."""
        if self.status == 200:
            return
        try:
            error = self.body["error"]
            code, message = str(error["code"]), str(error["message"])
        except (ValueError, KeyError, TypeError):
            code, message = "", self.raw.text[:2000]
        wait = self.headers.get("Retry-After", "")
        raise ApiError(self.status, code, message, int(wait) if wait.isdigit() else None)

    @property
    def ok(self) -> Any:
        """The body of a success. Raises ApiError."""
        self.check()
        return self.body

    @property
    def error(self) -> tuple[int, str, str | None]:
        """Status, code and param of a refusal; each has exactly these fields and a message."""
        error = self.body["error"]
        assert set(error) == {"type", "message", "param", "code"}
        assert error["message"].strip()
        return self.status, error["code"], error["param"]


class ApiClient:
    """One caller, by its key. Paths are those below `/v1/`, with or without a leading slash."""

    def __init__(
        self,
        base_url: str,
        key: str | None,
        *,
        timeout: float = 300,  # a first answer waits until the base model is read from disk
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base_url = base_url
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout, connect=10),
            transport=transport,
            trust_env=False,
        )

    def address(self) -> str:
        return self._base_url

    def _url(self, path: str) -> str:
        return f"{self.address()}/v1/{path.removeprefix('/')}"

    # -- one request --------------------------------------------------------------------------------
    def request(self, method: str, path: str, **options: Any) -> ApiResponse:
        """`options` are those of `httpx.Client.request`. Raises httpx.HTTPError if no server answers."""
        return ApiResponse(self._http.request(method, self._url(path), **options))

    def get(self, path: str, **query: Any) -> ApiResponse:
        return self.request("GET", path, params=query)

    def delete(self, path: str) -> ApiResponse:
        return self.request("DELETE", path)

    def post(self, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> ApiResponse:
        """`body` as JSON; bytes are sent as they are."""
        raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
        return self.request("POST", path, content=raw, headers=headers)

    def send(self, path: str, **parts: Any) -> ApiResponse:
        """A multipart form; bytes become a file that has the name of their part."""
        fields = {
            name: (f"{name}.txt", value)
            if isinstance(value, bytes)
            else value
            if isinstance(value, tuple)
            else (None, str(value))
            for name, value in parts.items()
        }
        return self.request("POST", path, files=fields)

    def upload(self, name: str, content: bytes | IO[bytes], purpose: str = "user_data") -> ApiResponse:
        return self.send("files", file=(name, content), purpose=purpose)

    def upload_file(self, path: Path, purpose: str = "user_data") -> Json:
        with open(path, "rb") as file:
            uploaded: Json = self.upload(path.name, file, purpose).ok
        return uploaded

    # -- several requests ---------------------------------------------------------------------------
    def every(self, path: str, **query: Any) -> Iterator[Json]:
        """All items of a list, page by page."""
        while True:
            page = self.get(path, limit=100, **query).ok
            yield from page["data"]
            if not page["has_more"]:
                return
            query["after"] = page["last_id"]

    def wait_for_job(
        self, job_id: str, watch: Callable[[Json], None] = lambda job: None, seconds: float = float("inf")
    ) -> Json:
        """The job when it has succeeded; `watch` sees it at every poll. Raises JobFailed, TimeoutError."""

        def poll() -> Json:
            job: Json = self.get(f"jobs/{job_id}").ok
            watch(job)
            return job

        job = wait_until(poll, lambda job: job["status"] in ENDED, seconds)
        if job["status"] == "succeeded":
            return job
        error = job["error"] or {"code": job["status"], "message": ""}
        failure = JobFailed(f"{job['kind']} {job['status']}: {error['code']}: {error['message']}")
        for event in self.get(f"jobs/{job_id}/events", limit=5).ok["data"]:
            failure.add_note(event["message"])
        raise failure

    # -- chat ---------------------------------------------------------------------------------------
    def chat(self, model: str, question: str, **options: Any) -> Iterator[Json]:
        """The chunks of a streamed answer."""
        messages = [{"role": "user", "content": question}]
        with self.stream("chat/completions", {"model": model, "messages": messages, **options}) as chunks:
            yield from chunks

    @contextmanager
    def stream(self, path: str, body: Json, timeout: float | None = None) -> Iterator[Iterator[Json]]:
        """The chunks of a streamed answer; leaving the block early closes the connection.

        Raises ApiError where the request is refused; reading the chunks raises StreamError and StreamTruncated.
        """
        options: Json = {} if timeout is None else {"timeout": timeout}
        with self._http.stream("POST", self._url(path), json={**body, "stream": True}, **options) as raw:
            if raw.is_error:
                raw.read()
                ApiResponse(raw).check()
            yield _chunks(raw)


def _chunks(raw: httpx.Response) -> Iterator[Json]:
    for line in raw.iter_lines():
        data = line.removeprefix("data: ")
        if data == line:
            continue
        if data == "[DONE]":
            return
        chunk = json.loads(data)
        if "error" in chunk:
            raise StreamError(raw.status_code, chunk["error"]["code"], chunk["error"]["message"])
        yield chunk
    raise StreamTruncated


def wait_until(look: Callable[[], T], is_done: Callable[[T], bool] = bool, seconds: float = 600) -> T:
    """What `look` returned once it was done. Raises TimeoutError, which names the last look."""
    deadline = time.monotonic() + seconds
    while not is_done(seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still not so after {seconds:g} s: {seen}")
        time.sleep(POLL_SECONDS)  # between two looks, not instead of one
    return seen
