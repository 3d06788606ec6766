"""A real web process on the test's database, and a supervisor that a test watches."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from config.env import Environment
from stack.composition import Stack
from stack.process_watch import ProcessWatch
from stack.processes import free_port, kill_groups, spawn
from tests.stack.watched import Watched


class Web:
    """A web as the supervisor starts it, with further variables in its environment; it is ready once it is made."""

    def __init__(self, repository: Path, folder: Path, environment: dict[str, str]) -> None:
        self.uploads = folder / "uploads"
        self.uploads.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "web.log"
        service = Stack(Environment(var=folder, port=self.port), echo=print).web()
        environment = {
            **(service.environment or {}),
            "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}",
            "KOSHA_SECRET_KEY": settings.SECRET_KEY,
            **environment,
        }
        self.process: subprocess.Popen[bytes] = spawn(
            service.command(), log=self._log, environment=environment, directory=repository
        )
        self.is_ready = service.is_ready
        watch = ProcessWatch(self.is_ready, service.probes())
        deadline = time.monotonic() + 60
        while watch.ready_since is None:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.05)  # between looks at another process, not instead of one
        watch.close()

    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
def start_web(repository: Path, tmp_path: Path, live_world, model_server) -> Iterator[Callable[..., Web]]:
    """Starts a web that serves `live_world`; a refusal is a line in its log, never a trace."""
    started: list[Web] = []

    def start(**environment: str) -> Web:
        started.append(Web(repository, tmp_path, {"KOSHA_MODEL_SERVER_URL": model_server.url, **environment}))
        return started[-1]

    yield start
    kill_groups([web.process for web in started])
    assert all("Traceback" not in web.log() for web in started)


@pytest.fixture
def supervisor(tmp_path) -> Iterator[Watched]:
    supervisor = Watched(tmp_path)
    yield supervisor
    supervisor.stop(list(supervisor.facts()), 2)
