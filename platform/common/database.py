"""The web's connections to PostgreSQL: whatever becomes of the server, a query ends.

A server that is stopped, or cut off by a network that says nothing, keeps its sockets open: no
timeout of the operating system ever ends such a wait. So it is bounded here, on our side, beyond
the limits that a living server keeps by itself (`statement_timeout`, `lock_timeout`).
"""

from __future__ import annotations

from typing import Any

import psycopg

STATEMENT_SECONDS = 10
"""A living server ends a statement of the web after so long."""
LOCK_SECONDS = 5
ANSWER_SECONDS = 12.0
"""A server that has not answered by now is not alive."""

SERVER_LIMITS = f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout={LOCK_SECONDS}s"
"""libpq's `options`."""


class ServerSilent(psycopg.OperationalError):
    """The server did not answer in time; the connection is closed."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection on which no wait lasts longer than `ANSWER_SECONDS`."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        limit = ANSWER_SECONDS if timeout is None else timeout
        try:
            return super().wait(gen, interval=interval, timeout=limit)
        except psycopg.errors._WaitTimeout as error:
            # What it was about to say would be taken for the answer to the next question; and a
            # rollback on it would wait as long again.
            self.pgconn.finish()
            raise ServerSilent("the server did not answer in time") from error
