"""The web's connections to PostgreSQL, on which every query ends in bounded time.

A server that is stopped or cut off by the network leaves its sockets open, and no timeout of the operating
system ends the wait. So the client limits it, in addition to the limits that the server enforces
(`statement_timeout`, `lock_timeout`).
"""

from __future__ import annotations

from typing import Any

import psycopg

STATEMENT_SECONDS = 10
"""The server ends a statement of the web after this time."""
LOCK_SECONDS = 5
SERVER_LIMITS = f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout={LOCK_SECONDS}s"
"""libpq's `options`."""


class ServerSilent(psycopg.OperationalError):
    """The server did not answer in time; the connection is closed."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection on which no wait lasts longer than `answer_seconds`."""

    answer_seconds = 12.0
    """A server that has not answered after this time does not work."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        limit = self.answer_seconds if timeout is None else timeout
        try:
            return super().wait(gen, interval=interval, timeout=limit)
        except psycopg.errors._WaitTimeout as error:
            # A late answer would be read as the answer to the next query, and a rollback would wait as long again.
            self.pgconn.finish()
            raise ServerSilent("the server did not answer in time") from error
