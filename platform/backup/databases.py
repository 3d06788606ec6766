"""Connect to the installation's PostgreSQL, running or not, and move its content with PostgreSQL's own tools."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from psycopg import sql

from backup.errors import BackupError
from config.env import Environment, database_settings
from stack.processes import guarded, kill_groups, signal_group, spawn, wait_all
from stack.servers import EmbeddedPostgres, ServerMissing, postgres_program
from stack.state import is_running, lock, port_for

START_SECONDS = 60.0
STOP_SECONDS = 20.0
SSL = ("sslmode", "sslrootcert", "sslcert", "sslkey")
OWN_FUNCTIONS = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
      AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
"""
"""Without those of extensions."""


# -- the server ---------------------------------------------------------------------------------
@contextmanager
def installed_database(env: Environment) -> Iterator[None]:
    """Connect Django to this installation's database; an embedded one that is down is started for it."""
    if env.database_url or is_running(env.var):
        # The settings name it already: from the environment, or from `stack.json`.
        _connect()
        yield
    elif EmbeddedPostgres(env.var / "postgres", 0).data.exists():
        with lock(env.var), embedded_database(env):
            yield
    else:
        raise BackupError(
            "backup_nothing_here",
            f"There is no installation in {env.var}. Set KOSHA_VAR to the one to back up.",
        )


@contextmanager
def embedded_database(env: Environment) -> Iterator[None]:
    """Run the embedded PostgreSQL alone, and connect Django to it. The caller holds the stack's lock."""
    server = EmbeddedPostgres(env.var / "postgres", port_for(env.var, "postgres"))
    server.prepare()
    log = env.var / "logs" / "postgres.log"
    process = spawn(server.command(), log=log, directory=Path("/"))
    deadline = time.monotonic() + START_SECONDS
    try:
        while not server.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BackupError("database_not_started", f"PostgreSQL did not start; its log is {log}.")
            time.sleep(0.05)
        server.after_start()
        settings = database_settings(server.url)
        connection.close()
        options = connection.settings_dict["OPTIONS"] | settings.pop("OPTIONS")
        connection.settings_dict.update({**settings, "OPTIONS": options})
        _connect()
        yield
    finally:
        connection.close()
        signal_group(process, signal.SIGINT)
        kill_groups(wait_all([process], STOP_SECONDS))


def _connect() -> None:
    try:
        connection.ensure_connection()
    except Exception as error:
        raise BackupError(
            "database_unreachable",
            "The database does not answer. Start it, or correct DATABASE_URL, and repeat the command.",
        ) from error


@contextmanager
def connection_loss_refused() -> Iterator[None]:
    """Turns the loss of the connection into a reason that an operator understands."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise BackupError(
            "database_lost",
            "The connection to the database was lost. Check that the database runs, and repeat the command; it "
            "continues where it was interrupted.",
        ) from error


def server_major() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.server_version) // 10000


def tables() -> list[str]:
    return _column("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")


def database_bytes() -> int:
    return int(_column("SELECT pg_database_size(current_database())")[0])


def applied_migrations() -> list[str]:
    return _column("SELECT app || '.' || name FROM django_migrations ORDER BY 1")


def _column(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]


# -- PostgreSQL's own tools -----------------------------------------------------------------------
def dump(target: Path, snapshot: str) -> None:
    """Write what `snapshot` (exported by an open transaction) sees, compressed."""
    options = ["--format=custom", "--no-owner", "--no-privileges", "--lock-wait-timeout=60s"]
    _run("pg_dump", [*options, f"--snapshot={snapshot}", f"--file={target}"], "backup_dump_failed")
    target.chmod(0o600)


def clear() -> None:
    """Drop every table and function: what an interrupted restore has left, perhaps already migrated."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in tables():
            cursor.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier("public", table)))
        for function in _column(OWN_FUNCTIONS):
            cursor.execute(f"DROP FUNCTION {function} CASCADE")


def load(source: Path) -> None:
    """Bring a dump into the empty database: all of it or nothing."""
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    database = str(connection.settings_dict["NAME"])
    _run("pg_restore", [*options, f"--dbname={database}", str(source)], "restore_load_failed")


def _run(tool: str, arguments: list[str], code: str) -> None:
    # Guarded: a dump that nobody waits for would hold its locks to its end.
    command = guarded([find_tool(tool, server_major()), *arguments])
    done = subprocess.run(command, env=tool_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        # The tool names tables and reasons, never a row's content or a password.
        reason = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise BackupError(code, f"{tool} ended with {done.returncode}: {reason}")


def tool_environment() -> dict[str, str]:
    """How libpq's tools reach the database of Django; a password on a command line would be visible."""
    facts: Mapping[str, Any] = connection.settings_dict
    named = {
        "PGHOST": facts["HOST"],
        "PGPORT": facts["PORT"],
        "PGUSER": facts["USER"],
        "PGPASSWORD": facts["PASSWORD"],
        "PGDATABASE": facts["NAME"],
        **{f"PG{option.upper()}": facts["OPTIONS"].get(option) for option in SSL},
    }
    given = {name: str(value) for name, value in named.items() if value}
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **given}


def find_tool(name: str, major: int) -> Path:
    """The oldest of the programs found that is not older than the server (an older one refuses it)."""
    found = [shutil.which(name)]
    with suppress(ServerMissing):
        found.append(str(postgres_program(name)))
    programs = [Path(path) for path in found if path and Path(path).exists()]
    versions = {version: path for path in programs if (version := major_of(path))}
    fitting = [version for version in versions if version >= major]
    if not fitting:
        seen = f" (found: {', '.join(map(str, sorted(versions)))})" if versions else ""
        raise BackupError(
            "postgres_tools_missing",
            f"{name} of PostgreSQL {major} or newer is needed{seen}. Install postgresql-client-{major}.",
        )
    return versions[min(fitting)]


def major_of(program: Path) -> int | None:
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"(\d+)\.\d+", output)
    return int(match.group(1)) if match else None
