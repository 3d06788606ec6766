"""A migrated database on the session's PostgreSQL: others are copied from it, which is faster than migrating each."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connection

NAME = "kosha_template"


def template_database() -> str:
    """Its name. The first process of the session that asks makes it; others wait meanwhile.

    Nobody may stay connected to it: PostgreSQL copies only a database that is not in use.
    """
    made = Path(os.environ["KOSHA_TEST_SESSION"]) / "template_database"
    with open(f"{made}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make()
            made.touch()
    return NAME


def _make() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {NAME}")
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = NAME
    try:
        call_command("migrate", verbosity=0)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
