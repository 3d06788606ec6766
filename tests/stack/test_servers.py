"""The embedded servers, started apart from the session's own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
import pytest
import redis

from stack.probes import postgres_answers, valkey_answers
from stack.processes import free_port, kill_groups, signal_group, spawn, wait_all
from stack.servers import EmbeddedPostgres, EmbeddedServer, EmbeddedValkey
from tests.stack.test_supervisor import gone

pytestmark = pytest.mark.services

NO_RESERVE = {"superuser_reserved_connections": "0", "max_wal_senders": "0"}


@pytest.fixture
def folder():
    """A folder that the servers' unprivileged account can reach; pytest's own are closed to it."""
    with tempfile.TemporaryDirectory(prefix="kosha-servers-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def run():
    """Starts a server and returns its process once it answers; everything is stopped at the end."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(server: EmbeddedServer) -> subprocess.Popen[bytes]:
        server.prepare()
        process = spawn(server.command(), log=server.directory / "log", directory=Path("/"))
        processes.append(process)
        deadline = time.monotonic() + 30
        while not server.is_ready():
            assert process.poll() is None and time.monotonic() < deadline, (
                server.directory / "log"
            ).read_text()
        server.after_start()
        return process

    yield start
    kill_groups(processes)


def stop(process: subprocess.Popen[bytes]) -> None:
    signal_group(process, signal.SIGINT)
    assert wait_all([process], 10) == []


def without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}@{parts.hostname}:{parts.port}"))


def listening_addresses(pid: int) -> set[str]:
    process = psutil.Process(pid)
    return {entry.laddr.ip for entry in process.net_connections("inet") if entry.status == psutil.CONN_LISTEN}


def test_postgres_keeps_rows_and_password_over_a_restart(folder, run):
    server = EmbeddedPostgres(folder / "postgres", free_port())
    process = run(server)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('日本語')")
    stop(process)
    again = EmbeddedPostgres(folder / "postgres", free_port())
    run(again)
    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("日本語",)


def test_postgres_asks_for_a_password_and_listens_locally(folder, run):
    server = EmbeddedPostgres(folder / "postgres", free_port())
    process = run(server)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(without_password(server.url))
    assert listening_addresses(process.pid) == {"127.0.0.1"}
    with psycopg.connect(server.url) as connection:
        role = connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert role.fetchone() == (False, False)


def test_starts_an_interrupted_initialization_again(folder, run):
    server = EmbeddedPostgres(folder / "postgres", free_port())
    partial = server.directory / "data.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    run(server)
    assert not partial.exists()


def test_valkey_asks_for_a_password_that_is_in_no_process_list(folder, run):
    server = EmbeddedValkey(folder / "valkey", free_port())
    process = run(server)
    with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    password = urlsplit(server.url).password
    assert password and password not in " ".join(psutil.Process(process.pid).cmdline())
    assert listening_addresses(process.pid) == {"127.0.0.1"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
def test_root_starts_servers_without_rights(folder, run, kind):
    process = psutil.Process(run(kind(folder / "server", free_port())).pid)
    assert 0 not in process.uids()
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_starts_below_a_closed_folder(folder, run):
    folder.chmod(0o700)
    server = EmbeddedPostgres(folder / "postgres", free_port())
    process = run(server)
    assert 0 not in psutil.Process(process.pid).uids()


def test_full_postgres_is_alive_and_a_stopped_one_is_not(folder, run):
    server = EmbeddedPostgres(folder / "postgres", free_port(), {"max_connections": "4", **NO_RESERVE})
    process = run(server)
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


def test_postgres_stopped_during_its_start_delays_no_supervisor(folder, run, monkeypatch):
    server = EmbeddedPostgres(folder / "postgres", free_port())
    run(server)
    with server._connect() as connection:
        monkeypatch.setattr("common.database.ANSWER_SECONDS", 0.5)
        os.kill(connection.info.backend_pid, signal.SIGSTOP)
        with pytest.raises(psycopg.OperationalError, match="did not answer in time"):
            connection.execute("SELECT 1")


def test_ends_a_session_that_outlived_its_server(folder, run):
    """Stopped, it does not see its server die, and holds the shared memory against the next one."""
    server = EmbeddedPostgres(folder / "postgres", free_port())
    process = run(server)
    with psycopg.connect(server.url) as connection:
        session = connection.info.backend_pid
        os.kill(session, signal.SIGSTOP)
        kill_groups([process])
        assert not gone(session)
        run(server)
        assert gone(session)
        connection.close()


def test_starts_despite_a_pid_file_of_another_process(folder, run):
    server = EmbeddedPostgres(folder / "postgres", free_port())
    stop(run(server))
    pid_file = server.data / "postmaster.pid"
    with subprocess.Popen(["sleep", "600"], user=server.account.uid if server.account else None) as somebody:
        pid_file.write_text(f"{somebody.pid}\n{server.data}\n")
        if server.account is not None:
            server.account.own(server.data)
        try:
            run(server)
        finally:
            somebody.kill()


def test_refusing_valkey_is_alive(folder, run):
    server = EmbeddedValkey(folder / "valkey", free_port())
    run(server)
    assert valkey_answers(server.url)
    assert valkey_answers(without_password(server.url))
    assert not valkey_answers(f"redis://127.0.0.1:{free_port()}/0")
