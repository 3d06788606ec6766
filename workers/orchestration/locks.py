"""One worker at a time for one thing, through PostgreSQL's advisory locks.

They only avoid double work: everything done under them is fenced and may happen twice. A worker that dies
loses its connection and with it the lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, connection


@contextmanager
def try_lock(name: str) -> Iterator[bool]:
    """Yields whether the lock was free and is now held; never waits."""
    locked = False
    try:
        locked = _ask("pg_try_advisory_lock", name)
        yield locked
    finally:
        if locked:
            _unlock(name)


def _unlock(name: str) -> None:
    try:
        _ask("pg_advisory_unlock", name)
    except Error:
        # The connection is gone, or a time limit interrupted its last query and left it unusable. That first
        # error matters more than this one; the lock ends with the connection.
        connection.close()


def _ask(function: str, name: str) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
            (answer,) = cursor.fetchone()
            return bool(answer)
    except Error:
        raise
    except BaseException:
        # A time limit interrupted the call, so whether the lock is held is unknown.
        connection.close()
        raise
