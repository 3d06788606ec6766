"""`manage.py up` starts everything, restarts what ends, refuses a second start, and stops cleanly."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.installation import IsolatedInstallation, temporary_folder
from tests.stack.watched import gone

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def var() -> Iterator[Path]:
    """One for all: the first `up` meets nothing there, the others what the one before has left."""
    with temporary_folder("up") as folder:
        yield folder / "var"


@pytest.fixture
def install(var: Path) -> Iterator[Callable[..., IsolatedInstallation]]:
    made: list[IsolatedInstallation] = []

    def make(**environment: str) -> IsolatedInstallation:
        made.append(IsolatedInstallation(var, begins_empty=True, **environment))
        return made[-1]

    yield make
    for installation in made:
        installation.end()


def assert_static_files_are_packed(kosha: IsolatedInstallation) -> None:
    page = httpx.get(f"{kosha.base_url}/sign-in").text
    links = re.findall(r'(?:href|src)="(/static/[^"#]+)', page)
    assert links
    for link in links:
        answer = httpx.get(f"{kosha.base_url}{link}", headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"], link
        assert answer.headers.get("Content-Encoding") == "gzip" or len(answer.content) < 1000, link


def test_starts_restarts_and_stops_the_embedded_stack(install):
    kosha = install()
    assert kosha.manage("status").returncode == 1
    kosha.up()
    assert kosha.is_ready()
    assert set(kosha.state["services"]) == {
        "postgres",
        "valkey",
        "worker",
        "beat",
        "fork-server",
        "model-server",
        "web",
    }
    assert "running" in kosha.manage("status").stdout
    assert_static_files_are_packed(kosha)

    second = kosha.manage("up")
    assert second.returncode == 1
    assert "already running" in second.stderr

    for service in ("worker", "postgres"):
        killed = kosha.pid(service)
        os.kill(killed, signal.SIGKILL)
        kosha.wait(lambda name=service, pid=killed: kosha.pid(name) not in (pid, None), 30)
    kosha.wait(kosha.is_ready, 30)

    began = time.monotonic()
    kosha.stop()
    assert time.monotonic() - began < 15
    assert kosha.output().endswith("stopped\n")
    assert kosha.processes() == []
    assert kosha.manage("status").returncode == 1


def shared_memory_of(pid: int) -> set[Path]:
    """The segments that a PostgreSQL keeps in /dev/shm; those of other tests are left out."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {Path(line.split(maxsplit=5)[5]) for line in lines if "/dev/shm/" in line}


def test_starts_after_a_killed_up(install):
    """The kernel signals its children, but a stopped one does not react."""
    kosha = install(KOSHA_MODEL_SERVER_URL="http://127.0.0.1:9")
    kosha.up()
    old = {name: kosha.pid(name) for name in kosha.state["services"]}
    segments = shared_memory_of(old["postgres"])
    assert segments
    for name in ("web", "postgres", "valkey"):
        os.kill(old[name], signal.SIGSTOP)
    (kosha.var / "uploads" / "half").touch()
    (kosha.var / "stack.json.tmp").touch()
    url = kosha.state["base_url"]
    kosha.process.kill()
    kosha.process.wait()

    kosha.up()
    kosha.wait(kosha.is_ready, 30)
    assert kosha.state["base_url"] == url
    assert all(gone(pid) for pid in old.values())
    assert not list((kosha.var / "uploads").iterdir())
    assert not (kosha.var / "stack.json.tmp").exists()

    segments |= shared_memory_of(kosha.pid("postgres"))

    # A second Ctrl-C, and one more, neither hurry it nor break it off.
    began = time.monotonic()
    for _ in range(3):
        kosha.process.send_signal(signal.SIGINT)
        time.sleep(0.2)  # between two presses of a key
    kosha.process.wait(timeout=20)
    assert kosha.output().endswith("stopped\n")
    assert time.monotonic() - began < 15
    assert kosha.process.returncode == 0
    assert kosha.processes() == []
    assert not [path for path in segments if path.exists()]


def test_refuses_a_taken_port_and_starts_nothing(install):
    with socket.create_server(("127.0.0.1", 0)) as other:
        kosha = install(KOSHA_PORT=str(other.getsockname()[1]))
        refused = kosha.manage("up")
    assert refused.returncode == 1
    assert "Another program listens on" in refused.stderr
    assert kosha.processes() == []
