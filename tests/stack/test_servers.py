"""The embedded servers, started apart from the session's own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
import pytest
import redis

from stack.probes import postgres_answers, valkey_answers
from stack.processes import free_port, kill_groups, signal_group, spawn, wait_all
from stack.servers import EmbeddedPostgres, EmbeddedServer, EmbeddedValkey
from tests.stack.watched import gone

pytestmark = pytest.mark.services

ServerT = TypeVar("ServerT", bound=EmbeddedServer)
NO_RESERVE = {"superuser_reserved_connections": "0", "max_wal_senders": "0"}


@pytest.fixture
def folder():
    """A folder that the servers' unprivileged account can reach; pytest's own are closed to it."""
    with tempfile.TemporaryDirectory(prefix="kosha-servers-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def run(folder):
    """Starts a server of this kind in `folder` and returns it with its process once it answers; all are stopped at
    the end. A second one of a kind has the folder of the first."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(kind: type[ServerT], *settings: dict[str, str]) -> tuple[ServerT, subprocess.Popen[bytes]]:
        server = kind(folder / kind.name, free_port(), *settings)
        server.prepare()
        log = server.directory / "log"
        process = spawn(server.command(), log=log, directory=Path("/"))
        processes.append(process)
        deadline = time.monotonic() + 30
        while not server.is_ready():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        server.after_start()
        return server, process

    yield start
    kill_groups(processes)


def stop(process: subprocess.Popen[bytes]) -> None:
    signal_group(process, signal.SIGINT)
    assert wait_all([process], 10) == []


def without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}@{parts.hostname}:{parts.port}"))


def test_postgres_keeps_rows_and_password_over_a_restart(run):
    server, process = run(EmbeddedPostgres)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('日本語')")
    stop(process)
    again, _ = run(EmbeddedPostgres)
    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("日本語",)


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
@pytest.mark.parametrize("is_closed", [False, True], ids=["open folder", "closed folder"])
def test_asks_for_a_password_listens_locally_and_has_no_rights(run, folder, kind, is_closed):
    folder.chmod(0o700 if is_closed else 0o755)
    server, process = run(kind)
    address = without_password(server.url)
    with pytest.raises((psycopg.OperationalError, redis.AuthenticationError), match=r"(?i)password|auth"):
        psycopg.connect(address) if kind is EmbeddedPostgres else redis.Redis.from_url(address).ping()
    facts = psutil.Process(process.pid)
    listening = [entry for entry in facts.net_connections("inet") if entry.status == psutil.CONN_LISTEN]
    assert {entry.laddr.ip for entry in listening} == {"127.0.0.1"}
    password = urlsplit(server.url).password
    assert password and password not in " ".join(facts.cmdline())
    if os.geteuid() == 0:
        assert 0 not in facts.uids()
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        # Below a closed folder the server keeps the single right to pass it.
        assert ("CapEff:\t0000000000000000" in status) is not is_closed
    if kind is EmbeddedPostgres:
        with psycopg.connect(server.url) as connection:
            role = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
            assert connection.execute(role).fetchone() == (False, False)


def interrupted_initialization(run, folder) -> Iterator[None]:
    partial = folder / "postgres" / "data.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    yield
    assert not partial.exists()


def session_that_outlived_its_server(run, folder) -> Iterator[None]:
    """Stopped, it does not see its server die, and holds the shared memory against the next one."""
    server, process = run(EmbeddedPostgres)
    connection = psycopg.connect(server.url)
    session = connection.info.backend_pid
    os.kill(session, signal.SIGSTOP)
    kill_groups([process])
    assert not gone(session)
    yield
    assert gone(session)
    connection.close()


def pid_file_of_another_process(run, folder) -> Iterator[None]:
    server, process = run(EmbeddedPostgres)
    stop(process)
    with subprocess.Popen(["sleep", "600"], user=server.account.uid if server.account else None) as another:
        (server.data / "postmaster.pid").write_text(f"{another.pid}\n{server.data}\n")
        if server.account is not None:
            server.account.own(server.data)
        try:
            yield
        finally:
            another.kill()


@pytest.mark.parametrize(
    "left", [interrupted_initialization, session_that_outlived_its_server, pid_file_of_another_process]
)
def test_postgres_starts_whatever_an_earlier_one_has_left(run, folder, left):
    with contextmanager(left)(run, folder):
        run(EmbeddedPostgres)


TEXT = "社外秘の契約書"
FAILING_STATEMENTS = {
    "a key that exists": f"INSERT INTO pages VALUES ('{TEXT}', 1)",
    "a row that fails a check": f"INSERT INTO pages VALUES ('{TEXT} 2', -1)",
    "a number that is none": f"SELECT '{TEXT}'::int",
    "JSON that is none": f"SELECT '{TEXT}'::jsonb",
    "a query of the search that is none": f"SELECT to_tsquery('simple', '{TEXT} & & ')",
    "no such column": f'SELECT "{TEXT}" FROM pages',
    "no SQL": f"SELEKT '{TEXT}'",
    "too slow": f"SET statement_timeout = 10; SELECT pg_sleep(5), '{TEXT}'",
    "an exception": f"DO $$ BEGIN RAISE EXCEPTION 'refused: {TEXT}'; END $$",
}


def test_postgres_logs_nothing_that_customers_have_written(run):
    server, process = run(EmbeddedPostgres)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE pages (text text PRIMARY KEY, number int CHECK (number > 0))")
        connection.execute("INSERT INTO pages VALUES (%s, 1)", [TEXT])
        for statement in FAILING_STATEMENTS.values():
            with pytest.raises(psycopg.Error):
                connection.execute(statement)
        connection.execute(f"DO $$ BEGIN RAISE WARNING 'odd: {TEXT}'; END $$")
    stop(process)
    log = (server.directory / "log").read_text()
    assert "ready to accept connections" in log
    assert TEXT not in log


def test_full_postgres_is_alive_and_a_stopped_one_is_not(run):
    server, process = run(EmbeddedPostgres, {"max_connections": "4", **NO_RESERVE})
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(psycopg.connect(server.url))
        with pytest.raises(psycopg.OperationalError, match=r"too many|remaining connection slots"):
            psycopg.connect(server.url)
        assert postgres_answers("127.0.0.1", server.port, 2)
    os.kill(process.pid, signal.SIGSTOP)
    assert not postgres_answers("127.0.0.1", server.port, 2)
    os.kill(process.pid, signal.SIGCONT)
    assert postgres_answers("127.0.0.1", server.port, 2)


def test_refusing_valkey_is_alive(run):
    server, _ = run(EmbeddedValkey)
    assert valkey_answers(server.url)
    assert valkey_answers(without_password(server.url))
    assert not valkey_answers(f"redis://127.0.0.1:{free_port()}/0")


def test_postgres_stopped_during_its_start_delays_no_supervisor(run, monkeypatch):
    server, _ = run(EmbeddedPostgres)
    with server._connect() as connection:
        monkeypatch.setattr("common.database.BoundedConnection.answer_seconds", 0.5)
        os.kill(connection.info.backend_pid, signal.SIGSTOP)
        with pytest.raises(psycopg.OperationalError, match="did not answer in time"):
            connection.execute("SELECT 1")
