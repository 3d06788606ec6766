"""A `var/` of its own with a real `manage.py up` on it, as tests start and stop it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from stack.state import read_json
from tests.stack.ready_database import put_ready_database

COMMAND_SECONDS = 120
CALL_EACH = """
import io, json, sys
from django.core.management import call_command
answers = []
for command in json.load(sys.stdin):
    call_command(*command, stdout=(said := io.StringIO()))
    answers.append(json.loads(said.getvalue()))
print(json.dumps(answers))
"""
START_SECONDS = 180
# For tests that share the machine's cores with others: threads that wait for one another at each matrix
# product come to a crawl where the cores are busy (six steps of SmolLM2: 88 s on two threads, 8 s on one).
ONE_CORE = {"KOSHA_JOB_CORES": "1", "KOSHA_THREADS": "1"}


class Installation:
    """A `var/` of its own and the `up` that runs on it; a fresh one begins without a database."""

    def __init__(self, repository: Path, var: Path, *, is_fresh: bool = False, **environment: str) -> None:
        self.var = var
        self._repository = repository
        self._is_fresh = is_fresh
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
            command,
            cwd=self._repository,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )

    def ask_each(self, *commands: Sequence[str]) -> list[Any]:
        """As `ask`, one after the other in one process: most of each is the start of Django."""
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", CALL_EACH, "--verbosity=0"]
        done = subprocess.run(
            command, cwd=self._repository, input=json.dumps(commands), text=True, capture_output=True,
            env=self._environment, timeout=COMMAND_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    def ask(self, *arguments: str) -> Any:
        """The answer of a management command that prints JSON."""
        done = self.manage(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def up(self) -> None:
        """Start it and wait until it runs; what an earlier `up` wrote about itself does not count."""
        self._prepare()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=self._repository,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A terminal and a service manager signal the whole group, and it shall not be ours.
            start_new_session=True,
        )
        pid = self.process.pid
        self.wait(lambda: (self.state.get("state"), self.state.get("pid")) == ("running", pid), START_SECONDS)

    def _prepare(self) -> None:
        if not self._is_fresh and "DATABASE_URL" not in self._environment:
            put_ready_database(self._repository, self.var)

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
        """Tell the whole group to end, as a terminal and a service manager do; what `up` said."""
        assert self.process is not None
        os.killpg(self.process.pid, number)
        return self.process.communicate(timeout=20)[0]

    def end(self) -> None:
        """Leave nothing, however a test ended; after `stop` there is nothing left to do."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
