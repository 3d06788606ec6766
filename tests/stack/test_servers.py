"""The embedded servers, started apart from the session's own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
import pytest
import redis

from stack.processes import free_port, kill_groups, signal_group, spawn, wait_all
from stack.servers import EmbeddedPostgres, EmbeddedServer, EmbeddedValkey

pytestmark = pytest.mark.services


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


def test_postgres_keeps_its_rows_and_its_password_over_a_restart(folder, run):
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


def test_postgres_asks_for_a_password_and_listens_to_this_machine_alone(folder, run):
    server = EmbeddedPostgres(folder / "postgres", free_port())
    process = run(server)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(without_password(server.url))
    assert listening_addresses(process.pid) == {"127.0.0.1"}
    with psycopg.connect(server.url) as connection:
        role = connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert role.fetchone() == (False, False)


def test_an_interrupted_initialization_is_begun_anew(folder, run):
    server = EmbeddedPostgres(folder / "postgres", free_port())
    partial = server.directory / "data.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    run(server)
    assert not partial.exists()


def test_valkey_asks_for_a_password_that_no_process_list_shows(folder, run):
    server = EmbeddedValkey(folder / "valkey", free_port())
    process = run(server)
    with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    password = urlsplit(server.url).password
    assert password and password not in " ".join(psutil.Process(process.pid).cmdline())
    assert listening_addresses(process.pid) == {"127.0.0.1"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
def test_root_starts_servers_as_somebody_without_rights(folder, run, kind):
    process = psutil.Process(run(kind(folder / "server", free_port())).pid)
    assert 0 not in process.uids()
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_a_folder_closed_to_others_is_no_obstacle(folder, run):
    folder.chmod(0o700)
    server = EmbeddedPostgres(folder / "postgres", free_port())
    process = run(server)
    assert 0 not in psutil.Process(process.pid).uids()
