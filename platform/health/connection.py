"""The health report's own connection to PostgreSQL, beside the web's pool.

Under load every connection of the pool is in use and requests wait for one. A report over the pool would then take
a busy web for an outage of the database, and a proxy that believes it would take the web out of service.
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
"""The shortest that libpq allows."""
SERVER_LIMITS = "-c statement_timeout=1500 -c lock_timeout=1500"
"""Milliseconds. A server that works refuses the statement before that, and so shows that it works."""


class BriefConnection(BoundedConnection):
    answer_seconds = 2.0


class BriefWrapper(DatabaseWrapper):
    """Django's wrapper of a connection that belongs to no pool and waits only briefly."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> BriefConnection:
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return BriefConnection.connect(**conn_params)


@contextmanager
def own_connection() -> Iterator[None]:
    """A new connection for the queries of this thread; closed at the end."""
    usual = connections[DEFAULT_DB_ALIAS]
    options = {name: value for name, value in usual.settings_dict["OPTIONS"].items() if name != "pool"}
    options |= {
        "connect_timeout": CONNECT_SECONDS,
        # Of two limits for the same the later one counts; an operator's other options stay.
        "options": f"{options.get('options', '')} {SERVER_LIMITS}".strip(),
        "application_name": f"{options.get('application_name', '')} health".strip(),
    }
    own = BriefWrapper({**usual.settings_dict, "OPTIONS": options}, DEFAULT_DB_ALIAS)
    connections[DEFAULT_DB_ALIAS] = own
    try:
        own.ensure_connection()
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = usual
        own.close()


def server_takes_connections() -> bool:
    """Whether a server answers at the address, even if it lets no more clients in."""
    facts = connection.get_connection_params()
    address = {name: facts[name] for name in ("host", "hostaddr", "port", "service") if name in facts}
    conninfo = make_conninfo(**address, connect_timeout=CONNECT_SECONDS)
    return pq.PGconn.ping(conninfo.encode()) == pq.Ping.OK
