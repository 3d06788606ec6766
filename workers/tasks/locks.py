"""One worker at a time for one thing, through PostgreSQL's advisory locks.

They only spare double work: everything done under them is fenced and may happen twice. A worker
that dies loses its connection and with it the lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import Error, connection


@contextmanager
def try_lock(name: str) -> Iterator[bool]:
    """Yields whether the lock is ours; never waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        (locked,) = cursor.fetchone()
    try:
        yield locked
    finally:
        if locked:
            # Without the connection the lock is gone already, and the error that broke it matters more.
            with suppress(Error), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
