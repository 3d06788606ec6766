"""PostgreSQL is there and lets nobody in."""

from __future__ import annotations

import random

import psycopg

from tests.faults.faults.base import Injected, Skipped, Storm

REFUSED_SECONDS = 30.0
THROW_OUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'kosha'"


class RefusedConnections:
    def inject(self, storm: Storm, draw: random.Random) -> Injected:
        def heal() -> None:
            storm.installation.ask_as_superuser("ALTER DATABASE kosha ALLOW_CONNECTIONS true")

        try:
            storm.installation.ask_as_superuser("ALTER DATABASE kosha ALLOW_CONNECTIONS false")
            storm.installation.ask_as_superuser(THROW_OUT)
        except psycopg.OperationalError as error:
            raise Skipped(f"PostgreSQL was away: {type(error).__name__}") from error
        return Injected(f"PostgreSQL refuses connections for {REFUSED_SECONDS:g} s", REFUSED_SECONDS, heal)
