"""The platform as the demo uses it from outside: `manage.py up`, and what an operator sets up once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180
STOP_SECONDS = 30


class PlatformFailed(RuntimeError):
    """The platform did not start, or a command of it failed."""


class Platform:
    """Starts `manage.py up`, or uses the one that already runs on this `var`."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.process: subprocess.Popen[bytes] | None = None
        self.base_url = ""

    def start(self) -> None:
        running = self._answering()
        if running is None:
            # A session of its own, so that Ctrl-C reaches this program first and the stop is in order.
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"], cwd=ROOT, start_new_session=True
            )
            running = self._wait()
        self.base_url = running

    def _wait(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        assert self.process is not None
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise PlatformFailed("manage.py up ended before it was ready; its words are above")
            running = self._answering()
            if running is not None:
                return running
            time.sleep(0.25)
        raise PlatformFailed(f"the platform was not ready after {START_SECONDS} s; see {self.var / 'logs'}")

    def _answering(self) -> str | None:
        """The base URL, once the web and the model server answer there."""
        try:
            state = json.loads((self.var / "stack.json").read_text())
            for url in (f"{state['base_url']}/readyz", f"{state['model_server_url']}/health"):
                httpx.get(url, timeout=5, trust_env=False).raise_for_status()
        except (OSError, ValueError, KeyError, httpx.HTTPError):
            return None
        base_url: str = state["base_url"]
        return base_url

    def manage(self, *arguments: str) -> Any:
        """Run a management command that answers in JSON."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise PlatformFailed(f"manage.py {arguments[0]} failed: {done.stderr.strip().splitlines()[-1:]}")
        return json.loads(done.stdout)

    def stop(self) -> None:
        """Stop what `start` started; a platform that ran before goes on."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
