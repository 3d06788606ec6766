"""`manage.py up` as an operator meets it: everything answers, restarts, refuses a second one, stops clean."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.stack.installation import Installation

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


@pytest.fixture
def install(repository) -> Iterator[Callable[..., Installation]]:
    with tempfile.TemporaryDirectory(prefix="kosha-up-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        made: list[Installation] = []

        def make(**environment: str) -> Installation:
            made.append(Installation(repository, Path(name) / "var", **environment))
            return made[-1]

        yield make
        for installation in made:
            installation.end()


def test_the_embedded_stack_lives_and_ends(install):
    kosha = install()
    assert kosha.manage("status").returncode == 1
    kosha.up()
    assert kosha.is_ready()
    assert set(kosha.state["services"]) == {"postgres", "valkey", "worker", "beat", "model-server", "web"}
    assert "running" in kosha.manage("status").stdout

    second = kosha.manage("up")
    assert second.returncode == 1
    assert "already running" in second.stderr

    for service in ("worker", "postgres"):
        killed = kosha.pid(service)
        os.kill(killed, signal.SIGKILL)
        kosha.wait(lambda name=service, pid=killed: kosha.pid(name) not in (pid, None), 30)
    kosha.wait(kosha.is_ready, 30)

    began = time.monotonic()
    said = kosha.stop()
    assert time.monotonic() - began < 15
    assert said.endswith("stopped\n")
    assert kosha.processes() == []
    assert kosha.manage("status").returncode == 1


def test_servers_run_elsewhere_are_used_as_they_are(install):
    """The session's servers were started apart; nothing but the processes is started beside them."""
    url = settings.DATABASES["default"]
    database = f"postgresql://{url['USER']}:{url['PASSWORD']}@{url['HOST']}:{url['PORT']}/kosha"
    kosha = install(
        DATABASE_URL=database, REDIS_URL=settings.REDIS_URL, KOSHA_MODEL_SERVER_URL="http://127.0.0.1:9"
    )
    kosha.up()
    assert set(kosha.state["services"]) == {"worker", "beat", "web"}
    assert kosha.is_ready()
    kosha.stop(signal.SIGINT)
    assert kosha.processes() == []
