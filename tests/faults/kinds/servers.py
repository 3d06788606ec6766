"""PostgreSQL runs and refuses connections."""

from __future__ import annotations

import random

import psycopg

from tests.faults.kinds.base import FaultContext, Injected, Skipped

REFUSED_SECONDS = 30.0
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'kosha'"


class RefuseConnections:
    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        def heal() -> None:
            context.installation.ask_as_superuser("ALTER DATABASE kosha ALLOW_CONNECTIONS true")

        try:
            context.installation.ask_as_superuser("ALTER DATABASE kosha ALLOW_CONNECTIONS false")
            context.installation.ask_as_superuser(TERMINATE)
        except psycopg.OperationalError as error:
            raise Skipped(f"PostgreSQL was down: {type(error).__name__}") from error
        return Injected(f"PostgreSQL refuses connections for {REFUSED_SECONDS:g} s", REFUSED_SECONDS, heal)
