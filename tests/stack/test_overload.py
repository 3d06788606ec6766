"""The web process with an empty pool: it refuses in time, says when to return, and recovers by itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from django.conf import settings
from django.db import connection, transaction

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]

POOL = 2
WAITING = 20 * POOL
IN_TIME = 25
"""Seconds: five for the pool, five for a lock, and as much again for a machine that has other work."""


@pytest.fixture
def small_web(start_web) -> str:
    """The address of a web with two connections to its database."""
    return start_web(KOSHA_DATABASE_POOL_SIZE=str(POOL)).url


@pytest.fixture
def headers(live_world) -> dict[str, str]:
    return {"Authorization": f"Bearer {live_world.key()}"}


@contextmanager
def locked(*tables: str) -> Iterator[None]:
    """Every look at these tables waits."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        yield


async def ask(base_url: str, path: str, times: int, **more) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=times)
    async with httpx.AsyncClient(base_url=base_url, limits=limits, timeout=IN_TIME, trust_env=False) as http:
        return list(await asyncio.gather(*(http.get(path, **more) for _ in range(times))))


def test_exhausted_pool_is_refused_in_time(headers, small_web):
    """Keys and sessions are looked up in a middleware, so that is where the pool is found empty."""
    cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={'a' * 32}"}
    times = POOL + WAITING + 20

    async def ask_all() -> list[list[httpx.Response]]:
        return await asyncio.gather(
            ask(small_web, "/v1/files", times, headers=headers),
            ask(small_web, "/documents", POOL + 2, headers=cookie),
            ask(small_web, "/healthz", 1),
        )

    with locked("accounts_apikey", "django_session"):
        answers, pages, probes = asyncio.run(ask_all())
    assert probes[0].status_code == 200
    assert Counter(answer.status_code for answer in answers) == {503: times}
    assert {answer.json()["error"]["code"] for answer in answers} == {"temporarily_unavailable"}
    assert Counter(page.status_code for page in pages) == {503: POOL + 2}
    assert all(answer.headers["Retry-After"].isdigit() for answer in (*answers, *pages))
    # The lock is gone: nothing of it is left in the pool.
    again = asyncio.run(ask(small_web, "/v1/files", 4 * POOL, headers=headers))
    assert Counter(answer.status_code for answer in again) == {200: 4 * POOL}


def test_clients_that_disconnect_free_their_connections(headers, small_web):
    """As many as the pool has, and more, left in the middle: not one connection is lost."""

    async def leave(times: int) -> None:
        async with httpx.AsyncClient(base_url=small_web, trust_env=False) as http:
            for number in range(times):
                with pytest.raises(httpx.ReadTimeout):
                    await http.get(
                        "/v1/jobs", headers=headers, timeout=httpx.Timeout(10, read=0.001 * (number % 4 + 1))
                    )

    with locked("jobs_job"):
        asyncio.run(leave(3 * POOL))
    answers = asyncio.run(ask(small_web, "/v1/jobs", 4 * POOL, headers=headers))
    assert Counter(answer.status_code for answer in answers) == {200: 4 * POOL}


def test_exhausted_pool_is_no_outage_of_the_database(headers, small_web):
    """Otherwise a proxy would take every busy web out of service."""

    async def ask_under_load() -> httpx.Response:
        crowd = asyncio.create_task(ask(small_web, "/v1/files", POOL + WAITING + 20, headers=headers))
        while not await asyncio.to_thread(_all_are_taken):
            await asyncio.sleep(0.05)
        (ready,) = await ask(small_web, "/readyz", 1)
        crowd.cancel()
        return ready

    with locked("accounts_apikey"):
        ready = asyncio.run(ask_under_load())
    assert ready.status_code == 200
    assert ready.json()["components"]["database"]["status"] == "ok"


def _all_are_taken() -> bool:
    """By requests that wait for the lock. Over a connection of this thread's, which is closed again."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = 'kosha web' AND wait_event_type = 'Lock'"
            )
            return cursor.fetchone()[0] == POOL
    finally:
        connection.close()
