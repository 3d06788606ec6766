"""Give the database connection back before something slow that does not need it."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.db import connection


def release_connection() -> None:
    """The next query takes a new one from the pool. Does nothing inside a transaction.

    An answer may take a minute and a download an hour; held that long, the pool would be empty
    after as many of them as it has connections.
    """
    if not connection.in_atomic_block:
        connection.close()


release_connection_async = sync_to_async(release_connection, thread_sensitive=True)
