"""Kosha through the stock `openai` client: its own methods, and plain requests where OpenAI has none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import openai

# A line for each look would bury what a failure says.
logging.getLogger("httpx2").setLevel(logging.WARNING)

Json = dict[str, Any]
T = TypeVar("T")

LOOK_SECONDS = 0.2
JOB_SECONDS = 600
ENDED = ("succeeded", "failed", "cancelled")


def connect(base_url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{base_url}/v1", api_key=key, max_retries=0, timeout=180)


def get(client: openai.OpenAI, path: str, **query: Any) -> Any:
    return client.get(path, cast_to=object, options={"params": query})


def post(client: openai.OpenAI, path: str, body: Json | None = None) -> Any:
    return client.post(path, cast_to=object, body=body or {})


def every(client: openai.OpenAI, path: str, **query: Any) -> Iterator[Json]:
    """All items of one of Kosha's own lists, page by page."""
    while True:
        page = get(client, path, limit=100, **query)
        yield from page["data"]
        if not page["has_more"]:
            return
        query["after"] = page["last_id"]


def until(look: Callable[[], T], done: Callable[[T], bool], seconds: float = JOB_SECONDS) -> T:
    """What `look` saw when it was `done`; AssertionError with the last look when the time is over."""
    deadline = time.monotonic() + seconds
    while not done(seen := look()):
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {seen}"
        time.sleep(LOOK_SECONDS)  # between looks, not instead of one
    return seen


def follow(client: openai.OpenAI, job_id: str) -> Json:
    """A job at its end; AssertionError with its last events unless it succeeded."""
    job: Json = until(lambda: get(client, f"/jobs/{job_id}"), lambda job: job["status"] in ENDED)
    if job["status"] != "succeeded":
        events = get(client, f"/jobs/{job_id}/events", limit=5)["data"]
        raise AssertionError((job, [event["message"] for event in events]))
    return job
