"""A lock is released however its holder ends."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection

from common.locks import try_lock

pytestmark = pytest.mark.django_db(transaction=True)


def is_free() -> bool:
    """As seen by another worker, with a connection of its own."""

    def look() -> bool:
        try:
            with try_lock("job job_1") as locked:
                return locked
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        return other.submit(look).result()


@contextmanager
def time_limit_at(function: str, *, after: bool) -> Iterator[None]:
    """The soft limit comes just before or just after the server has done what is asked."""

    def interrupt(execute, sql, *arguments):
        if not sql.startswith(f"SELECT {function}("):
            return execute(sql, *arguments)
        if after:
            execute(sql, *arguments)
        raise SoftTimeLimitExceeded

    with connection.execute_wrapper(interrupt):
        yield


def test_one_holder_at_a_time():
    with try_lock("job job_1") as locked:
        assert locked
        assert not is_free()
    assert is_free()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("function", ["pg_try_advisory_lock", "pg_advisory_unlock"])
def test_a_time_limit_leaves_no_lock_behind(function, after):
    with pytest.raises(SoftTimeLimitExceeded), time_limit_at(function, after=after), try_lock("job job_1"):
        pass
    assert is_free()


@pytest.mark.slow
def test_a_time_limit_during_a_query_leaves_no_lock_behind():
    def interrupt(*_):
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with (
            pytest.raises(SoftTimeLimitExceeded),
            try_lock("job job_1") as locked,
            connection.cursor() as cursor,
        ):
            assert locked
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            cursor.execute("SELECT pg_sleep(1)")
    finally:
        signal.signal(signal.SIGALRM, before)
    # The server notices the closed connection once the query has ended.
    deadline = time.monotonic() + 30
    while not is_free():
        assert time.monotonic() < deadline
