"""An installation as its operator uses it: `manage.py up` on a `var` folder, and commands that answer in JSON."""

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

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180
STOP_SECONDS = 30
COMMAND_SECONDS = 120
POLL_SECONDS = 0.05
CALL_EACH = """
import io, json, sys
from django.core.management import call_command
answers = []
for command in json.load(sys.stdin):
    call_command(*command, stdout=(output := io.StringIO()))
    answers.append(json.loads(output.getvalue()))
print(json.dumps(answers))
"""


class InstallationError(RuntimeError):
    """The installation did not start, or one of its commands failed."""


class Installation:
    """A `var` folder, and the `up` that this object started on it."""

    may_die = False
    """Whether `up` may end while something is awaited."""

    def __init__(self, var: Path, *, log: Path | None = None, **environment: str) -> None:
        """`up` writes into `log`; without one, to the terminal."""
        self.var = var
        self.log = log
        self.environment = {**os.environ, "KOSHA_VAR": str(var), **environment}
        self.process: subprocess.Popen[bytes] | None = None

    # -- commands -----------------------------------------------------------------------------------
    def manage(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, input=stdin,
            capture_output=True, text=True, timeout=COMMAND_SECONDS,
        )  # fmt: skip

    def ask(self, *arguments: str, stdin: str | None = None) -> Any:
        """The answer of a command that prints JSON. Raises InstallationError."""
        done = self.manage(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise InstallationError(f"manage.py {arguments[0]} failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def ask_each(self, *commands: Sequence[str]) -> list[Any]:
        """As `ask`, in one process for all: the start of Django takes most of the time of each."""
        call = ("shell", "--no-imports", "--verbosity=0", "-c", CALL_EACH)
        return list(self.ask(*call, stdin=json.dumps(commands)))

    # -- up and down --------------------------------------------------------------------------------
    def up(self) -> None:
        """Start it and wait until it runs."""
        self.spawn()
        self.wait(self.is_running, START_SECONDS)

    def up_or_join(self) -> None:
        """Start it, unless an `up` that was started elsewhere on this `var` already answers."""
        if not self.answers():
            self.up()
            self.wait(self.answers, START_SECONDS)

    def spawn(self) -> None:
        """Start it without waiting."""
        with contextlib.ExitStack() as stack:
            output = None if self.log is None else stack.enter_context(open(self.log, "ab"))
            # A session of its own: Ctrl-C then reaches only the program that started it, which stops it in order.
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"], cwd=ROOT, env=self.environment, stdout=output,
                stderr=None if output is None else subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Signal the whole group, as a terminal and a service manager do, and wait until `up` has ended."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, number)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise InstallationError(f"not stopped within {STOP_SECONDS} s\n{self.logs()}") from None

    # -- its state ------------------------------------------------------------------------------------
    @property
    def state(self) -> dict[str, Any]:
        """`stack.json`; empty where there is none."""
        try:
            return dict(json.loads((self.var / "stack.json").read_text()))
        except (OSError, ValueError):
            return {}

    @property
    def base_url(self) -> str:
        return str(self.state["base_url"])

    def pid(self, service: str) -> int | None:
        return self.state.get("services", {}).get(service, {}).get("pid")

    def is_running(self) -> bool:
        """Whether the `up` that this object started is running; the state of an earlier one does not count."""
        state = self.state
        return self.process is not None and (state.get("state"), state.get("pid")) == (
            "running",
            self.process.pid,
        )

    def is_ready(self) -> bool:
        """Whether the web reports that it is ready."""
        return self._is_success("base_url", "/readyz")

    def answers(self) -> bool:
        """Whether the web and the model server answer."""
        return self.is_ready() and self._is_success("model_server_url", "/health")

    def _is_success(self, server: str, path: str) -> bool:
        try:
            return httpx.get(self.state[server] + path, timeout=10, trust_env=False).is_success
        except (KeyError, httpx.HTTPError):
            return False

    def wait(self, condition: Callable[[], bool], seconds: float) -> None:
        """Raises InstallationError with the logs if `up` ends or the time is over before the condition is true."""
        deadline = time.monotonic() + seconds
        while not condition():
            if not self.may_die and self.process is not None and self.process.poll() is not None:
                raise InstallationError(f"`manage.py up` ended before its time\n{self.logs()}")
            if time.monotonic() > deadline:
                raise InstallationError(f"still not so after {seconds:g} s\n{self.logs()}")
            time.sleep(POLL_SECONDS)  # between two looks at other processes, not instead of one

    def output(self) -> str:
        """What every `up` on this `var` has printed."""
        return self.log.read_text() if self.log is not None and self.log.exists() else ""

    def logs(self) -> str:
        logs = sorted((self.var / "logs").glob("*.log"))
        texts = [f"== {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in logs]
        return "\n".join([self.output()[-4000:], *texts])
