"""The connection to the database: whether it is gone, and giving it back before something slow."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.db import Error, connection


def release_connection() -> None:
    """The next query takes a new one from the pool. Does nothing inside a transaction.

    An answer may take a minute and a download an hour; held that long, the pool would be empty
    after as many of them as it has connections.
    """
    if not connection.in_atomic_block:
        connection.close()


release_connection_async = sync_to_async(release_connection, thread_sensitive=True)


def is_away(error: Exception) -> bool:
    """Whether the database itself is gone, so that nothing else of this tick can succeed either.

    An error that only one job's data cause (a character that PostgreSQL cannot keep, say) leaves the
    connection usable and must not stand in the way of all the others.
    """
    return isinstance(error, Error) and not connection.is_usable()
