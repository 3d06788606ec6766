"""`manage.py up` as an operator meets it: everything answers, restarts, refuses a second one, stops clean."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from django.conf import settings

from stack.state import read_json

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


class Installation:
    """A `var/` of its own and the `up` that runs on it."""

    def __init__(self, repository: Path, var: Path, **environment: str) -> None:
        self.var = var
        self._repository = repository
        withheld = ("DATABASE_URL", "REDIS_URL", "KOSHA_SECRET_KEY", "KOSHA_TEST_SESSION")
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in withheld},
            "KOSHA_VAR": str(var),
            "KOSHA_PORT": "0",
            **environment,
        }
        self.process: subprocess.Popen[str] | None = None

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=self._repository, env=self._environment, capture_output=True, text=True, timeout=60
        )

    def up(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=self._repository,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.wait(lambda: self.state.get("state") == "running", 180)

    @property
    def state(self) -> dict:
        return read_json(self.var / "stack.json")

    def pid(self, service: str) -> int | None:
        return self.state["services"][service]["pid"]

    def wait(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(self.process.communicate()[0] + self.logs())
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)  # between looks at another process, not instead of one

    def is_ready(self) -> bool:
        try:
            return httpx.get(self.state["base_url"] + "/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def logs(self) -> str:
        logs = sorted((self.var / "logs").glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-2000:]}" for log in logs)

    def processes(self) -> list[psutil.Process]:
        """Everything alive that was told this `var/` or lives in it."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return str(self.var) in " ".join(process.cmdline()) or process.environ().get("KOSHA_VAR") == str(
                self.var
            )
        except psutil.Error:
            return False

    def stop(self, number: int = signal.SIGTERM) -> str:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.communicate(timeout=20)[0]

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


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
