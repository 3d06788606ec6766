"""The connection to the database: whether it is lost, and its release before slow work."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.db import Error, connection


def release_connection() -> None:
    """Return the connection to the pool; the next query takes another. Does nothing inside a transaction.

    An answer may take a minute and a download an hour. If each held a connection, a few would empty the pool.
    """
    if not connection.in_atomic_block:
        connection.close()


release_connection_async = sync_to_async(release_connection, thread_sensitive=True)


def is_away(error: Exception) -> bool:
    """Whether the connection is lost, so that the rest of this tick fails as well.

    An error caused by the data of one job, such as a character that PostgreSQL cannot store, leaves the
    connection usable and must not stop the work on other jobs.
    """
    return isinstance(error, Error) and not connection.is_usable()
