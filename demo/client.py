"""A small client of the public API: plain HTTP, as a pipeline would use it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

POLL_SECONDS = 0.5
ENDED = {"succeeded", "failed", "cancelled"}

Json = dict[str, Any]


class ApiError(Exception):
    """The API refused; carries its stable code and sentence."""

    def __init__(self, status: int, error: Json) -> None:
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.status = status
        self.code = error.get("code")


class JobFailed(Exception):
    """A job ended in another way than by success."""


class Api:
    def __init__(self, base_url: str, key: str) -> None:
        self._http = httpx.Client(
            base_url=f"{base_url}/v1",
            headers={"Authorization": f"Bearer {key}"},
            # A first answer waits for the base model to be read from disk.
            timeout=httpx.Timeout(300, connect=5),
            trust_env=False,
        )

    def get(self, path: str, **query: Any) -> Json:
        return self._answer(self._http.get(path, params=query))

    def post(self, path: str, body: Json | None = None) -> Json:
        return self._answer(self._http.post(path, json=body or {}))

    def upload(self, path: Path) -> Json:
        with open(path, "rb") as file:
            return self._answer(
                self._http.post("/files", data={"purpose": "user_data"}, files={"file": (path.name, file)})
            )

    def every(self, path: str, **query: Any) -> Iterator[Json]:
        """All items of a list, page by page."""
        while True:
            page = self.get(path, limit=100, **query)
            yield from page["data"]
            if not page["has_more"]:
                return
            query["after"] = page["last_id"]

    def wait(self, job_id: str, watch: Callable[[Json], None] = lambda job: None) -> Json:
        """Follow a job to its end; `watch` sees it at every poll. Raises JobFailed."""
        while True:
            job = self.get(f"/jobs/{job_id}")
            watch(job)
            if job["status"] in ENDED:
                break
            time.sleep(POLL_SECONDS)
        if job["status"] != "succeeded":
            error = job["error"] or {"code": job["status"], "message": ""}
            raise JobFailed(f"{job['kind']} {job['status']}: {error['code']}: {error['message']}")
        return job

    def chat(self, model: str, question: str) -> Iterator[Json]:
        """The chunks of a streamed answer."""
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": question}]}
        with self._http.stream("POST", "/chat/completions", json=body) as answer:
            if answer.is_error:
                answer.read()
            self._check(answer)
            for line in answer.iter_lines():
                data = line.removeprefix("data: ")
                if line.startswith("data: ") and data != "[DONE]":
                    chunk = json.loads(data)
                    if "error" in chunk:
                        raise ApiError(500, chunk["error"])
                    yield chunk

    def _answer(self, answer: httpx.Response) -> Json:
        self._check(answer)
        value: Json = answer.json()
        return value

    @staticmethod
    def _check(answer: httpx.Response) -> None:
        if answer.is_error:
            try:
                error = answer.json()["error"]
            except (ValueError, KeyError, TypeError):
                error = {"code": f"http_{answer.status_code}", "message": answer.text[:200]}
            raise ApiError(answer.status_code, error)
