"""One worker at a time for one thing, through PostgreSQL's advisory locks.

They only spare double work: everything done under them is fenced and may happen twice. A worker
that dies loses its connection and with it the lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, connection


@contextmanager
def try_lock(name: str) -> Iterator[bool]:
    """Yields whether the lock is ours; never waits."""
    locked = False
    try:
        locked = _ask("pg_try_advisory_lock", name)
        yield locked
    finally:
        if locked:
            _let_go(name)


def _let_go(name: str) -> None:
    try:
        _ask("pg_advisory_unlock", name)
    except Error:
        # The connection is gone, or a time limit broke in on its last query and left it unusable. The
        # error that did so matters more; the lock goes with the connection.
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
        # A time limit broke in, and nobody knows what was answered.
        connection.close()
        raise
