"""The health report's own connection to PostgreSQL, beside the web's pool.

Under load every connection of the pool is at work and requests wait for one. Whoever asks over the
pool then takes a full house for an outage, and a proxy that believes it takes the web out of service.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg import IsolationLevel, pq
from psycopg.conninfo import make_conninfo

from common.database import BoundedConnection

CONNECT_SECONDS = 2
"""As short as libpq takes it."""
ANSWER_SECONDS = 2.0
"""A statement that is not answered by now is not answered at all; the connection is closed."""
STATEMENT_MILLISECONDS = 1500
"""A living server refuses before that, and so shows that it lives."""
SERVER_LIMITS = f"-c statement_timeout={STATEMENT_MILLISECONDS} -c lock_timeout={STATEMENT_MILLISECONDS}"

ADDRESS = ("host", "hostaddr", "port", "service")


class BriefConnection(BoundedConnection):
    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval, ANSWER_SECONDS if timeout is None else timeout)


class BriefWrapper(DatabaseWrapper):
    """Django's wrapper of a connection that belongs to no pool and waits for nothing long."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> BriefConnection:
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return BriefConnection.connect(**conn_params)


@contextmanager
def own_connection() -> Iterator[None]:
    """A new connection for this thread's queries, whatever becomes of the pool; closed at the end."""
    usual, own = connections[DEFAULT_DB_ALIAS], BriefWrapper(_brief_settings(), DEFAULT_DB_ALIAS)
    connections[DEFAULT_DB_ALIAS] = own
    try:
        own.ensure_connection()
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = usual
        own.close()


def _brief_settings() -> dict[str, Any]:
    usual = connection.settings_dict
    options = {name: value for name, value in usual["OPTIONS"].items() if name != "pool"}
    return {
        **usual,
        "OPTIONS": {
            **options,
            "connect_timeout": CONNECT_SECONDS,
            # Of two limits for the same the later counts; what else an operator set stays.
            "options": f"{options.get('options', '')} {SERVER_LIMITS}".strip(),
            "application_name": f"{options.get('application_name', '')} health".strip(),
        },
    }


def server_takes_connections() -> bool:
    """Whether a server answers there, though it may have no place for us."""
    facts = connection.get_connection_params()
    address = {name: facts[name] for name in ADDRESS if name in facts}
    conninfo = make_conninfo(**address, connect_timeout=CONNECT_SECONDS)
    return pq.PGconn.ping(conninfo.encode()) == pq.Ping.OK
