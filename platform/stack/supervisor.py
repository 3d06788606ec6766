"""Keeps a set of processes running: starts them, waits until they answer, restarts what ends or hangs, stops all.

It does not know Kosha; `stack.composition` names what it runs.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from stack.processes import kill_groups, spawn, wait_all
from stack.running import Running
from stack.service import Service, State

TICK_SECONDS = 0.1
REMIND_SECONDS = 60.0
"""Between two messages about a wait."""
SETTLED = (State.RUNNING, State.FAILING)
"""It answers, or has ended so often that the others start without it."""
LOG_BYTES = 10 * 1024**2
LOG_GENERATIONS = 3


class ServiceNotReady(RuntimeError):
    """A command that the services need failed; its log says why."""


class StopRequested(Exception):
    """A stop was requested during a wait."""


class Supervisor:
    """Runs services in the order they are started and stops them in the order they are named.

    `on_change` is called after every start, end, restart and stop, and again until it raises no OSError; `echo` gets
    sentences for people.
    Must be used from the main thread (children die with the thread that started them). The loop waits for no service:
    probes run in threads, and a process that ignores its end is killed in a later round.
    """

    def __init__(
        self,
        logs: Path,
        directory: Path,
        *,
        echo: Callable[[str], None],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._logs = logs
        self._directory = directory
        self._echo = echo
        self._on_change = on_change
        self._is_change_noted = True
        self._running: dict[str, Running] = {}
        # No Event: a signal handler that sets one would wait for the lock that the very same thread may hold.
        self._is_stop_requested = False

    def request_stop(self, *_: object) -> None:
        """For signal handlers: every wait ends with StopRequested within a tick."""
        self._is_stop_requested = True

    def facts(self) -> dict[str, dict[str, object]]:
        """`Running.facts` of each service."""
        return {name: running.facts() for name, running in self._running.items()}

    def note_change(self) -> None:
        """Call `on_change`. On a full disk it fails, which must not end the supervisor; it is called again later."""
        try:
            self._on_change()
            self._is_change_noted = True
        except OSError:
            self._is_change_noted = False

    # -- running ----------------------------------------------------------------------------------
    def start(self, service: Service) -> None:
        running = Running(service, self._logs / f"{service.name}.log", self._directory)
        self._running[service.name] = running
        running.start()
        self.note_change()

    def wait(
        self, name: str, states: Collection[State] = (State.RUNNING,), remind_seconds: float = REMIND_SECONDS
    ) -> None:
        """Until the service is in one of `states`, however long that takes. Raises StopRequested when asked to stop."""
        running = self._running[name]
        remind_at = time.monotonic() + remind_seconds
        while running.state not in states:
            self.tick()
            if time.monotonic() >= remind_at:
                self._echo(f"still waiting for {name}; its log: {running.log}")
                remind_at = time.monotonic() + remind_seconds

    def run_once(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run a command to its end while keeping the services running.

        Raises ServiceNotReady when it fails and StopRequested when asked to stop.
        """
        log = self._logs / f"{name}.log"
        try:
            process = spawn(command, log=log, environment=environment, directory=self._directory)
        except OSError as error:
            raise ServiceNotReady(f"{name} could not be started: {error.strerror or error}") from error
        try:
            while process.poll() is None:
                self.tick()
        finally:
            kill_groups([process])
        if process.returncode != 0:
            raise ServiceNotReady(f"{name} failed with {process.returncode}; see {log}")

    def pause(self, seconds: float) -> None:
        """Let time pass while keeping the services running."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tick()

    def tick(self) -> None:
        """One round: tend to every service, then wait a moment."""
        if self._is_stop_requested:
            raise StopRequested
        for running in self._running.values():
            happened = running.tend()
            if happened:
                self._echo(happened)
            if running.has_changed():
                self._is_change_noted = False
            rotate(running.log)
        if not self._is_change_noted:
            self.note_change()
        time.sleep(TICK_SECONDS)

    # -- stopping ---------------------------------------------------------------------------------
    def request_end(self, names: Sequence[str]) -> None:
        """Ask these services to end, and start none of them again."""
        for name in names:
            if name in self._running:
                self._running[name].request_end()
        self.note_change()

    def stop(self, names: Sequence[str], seconds: float) -> None:
        """End these services together: ask, wait up to `seconds`, then kill what is left of their groups."""
        self.request_end(names)
        stopping = [self._running.pop(name) for name in names if name in self._running]
        processes = {running.process: running for running in stopping if running.process is not None}
        for process in wait_all(processes, seconds):
            self._echo(f"{processes[process].service.name} did not stop in time and is killed")
        kill_groups(processes)
        self.note_change()


def rotate(log: Path, limit: int = LOG_BYTES, generations: int = LOG_GENERATIONS) -> None:
    """Keep `log` below about `limit` bytes: copy it aside, then truncate the file that its writer appends to.

    On a disk without space for the copy the log is truncated all the same, which makes space.
    """
    with suppress(OSError):
        if log.stat().st_size <= limit:
            return
        for number in range(generations - 1, 0, -1):
            older = log.with_name(f"{log.name}.{number}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number + 1}"))
        copy = log.with_name(f"{log.name}.1")
        try:
            shutil.copyfile(log, copy)
        except OSError:
            copy.unlink(missing_ok=True)
        os.truncate(log, 0)
