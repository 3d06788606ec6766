"""Keeps a set of processes alive: starts them, waits until they answer, restarts what dies, stops all.

It knows nothing of Kosha; what it runs is said in `stack.composition`.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stack.processes import kill_groups, signal_group, spawn, wait_all

TICK_SECONDS = 0.1
LOG_BYTES = 10 * 1024**2
LOG_GENERATIONS = 3


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a restart: doubling, up to a limit, forgotten after a healthy while."""

    first: float = 0.5
    longest: float = 30.0
    healthy_after: float = 60.0

    def delay(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th death in a row (1, 2, …)."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 30))


@dataclass(frozen=True)
class Service:
    """A process to keep alive."""

    name: str
    command: Callable[[], Sequence[str]]
    """Asked at each start."""
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] | None = None
    """The whole environment; None: ours."""
    prepare: Callable[[], None] = lambda: None
    """Run before each start."""
    stop_signal: int = signal.SIGTERM
    backoff: Backoff = field(default_factory=Backoff)


class ServiceNotReady(RuntimeError):
    """A service did not answer in time; its log says why."""


class StopRequested(Exception):
    """The stack shall stop while something was being waited for."""


class _Running:
    """A service with the process that serves it at the moment, if any."""

    def __init__(self, service: Service, log: Path, directory: Path) -> None:
        self.service = service
        self.log = log
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self._started_at = 0.0
        self._failures = 0
        self._retry_at = 0.0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        self.service.prepare()
        self.process = spawn(
            self.service.command(),
            log=self.log,
            environment=self.service.environment,
            directory=self.directory,
        )
        self._started_at = time.monotonic()

    def tend(self) -> str | None:
        """Notice a death, or restart when its delay is over; a sentence when something happened."""
        now = time.monotonic()
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return None
            return self._buried(code, now)
        if now < self._retry_at:
            return None
        self.restarts += 1
        try:
            self.start()
        except (OSError, RuntimeError) as error:  # a full disk, a program being upgraded
            return self._wait(f"could not be started: {error}", now)
        return f"{self.service.name} restarted"

    def _buried(self, code: int, now: float) -> str:
        assert self.process is not None
        # Its children may have outlived it and hold its port.
        kill_groups([self.process])
        self.process = None
        if now - self._started_at > self.service.backoff.healthy_after:
            self._failures = 0
        return self._wait(f"ended with {code}", now)

    def _wait(self, what: str, now: float) -> str:
        self._failures += 1
        delay = self.service.backoff.delay(self._failures)
        self._retry_at = now + delay
        return f"{self.service.name} {what}; next start in {delay:g} s; its log: {self.log}"


class Supervisor:
    """Runs services in the order they are started and stops them in the order they are named.

    `changed` is called after every start, death, restart and stop; `say` gets sentences for people.
    Must be used from the main thread (children die with the thread that started them).
    """

    def __init__(
        self,
        logs: Path,
        directory: Path,
        *,
        say: Callable[[str], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._logs = logs
        self._directory = directory
        self._say = say
        self._changed = changed
        self._running: dict[str, _Running] = {}
        self._stop = threading.Event()

    # -- what others may ask --------------------------------------------------------------------
    def request_stop(self, *_: object) -> None:
        """For signal handlers: whatever waits, ends with StopRequested."""
        self._stop.set()

    def facts(self) -> dict[str, dict[str, object]]:
        """Per service: `pid` (None while it waits for a restart), `restarts`, `log`."""
        return {
            name: {
                "pid": running.process.pid if running.alive and running.process else None,
                "restarts": running.restarts,
                "log": str(running.log),
            }
            for name, running in self._running.items()
        }

    # -- running ----------------------------------------------------------------------------------
    def start(self, service: Service) -> None:
        running = _Running(service, self._logs / f"{service.name}.log", self._directory)
        self._running[service.name] = running
        running.start()
        self._changed()

    def wait_ready(self, name: str, seconds: float) -> None:
        """Until the service answers. Raises ServiceNotReady, or StopRequested when asked to stop."""
        service = self._running[name].service
        deadline = time.monotonic() + seconds
        while not (self._running[name].alive and service.is_ready()):
            if time.monotonic() > deadline:
                raise ServiceNotReady(
                    f"{name} did not answer within {seconds:g} s; see {self._running[name].log}"
                )
            self.tick()

    def run_once(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run a command to its end while keeping the services alive.

        Raises ServiceNotReady when it fails and StopRequested when asked to stop.
        """
        log = self._logs / f"{name}.log"
        process = spawn(command, log=log, environment=environment, directory=self._directory)
        try:
            while process.poll() is None:
                self.tick()
        finally:
            kill_groups([process])
        if process.returncode != 0:
            raise ServiceNotReady(f"{name} failed with {process.returncode}; see {log}")

    def run_until_stopped(self) -> None:
        try:
            while True:
                self.tick()
        except StopRequested:
            return

    def tick(self) -> None:
        """One round: tend to every service, then wait a moment."""
        if self._stop.is_set():
            raise StopRequested
        for running in self._running.values():
            happened = running.tend()
            if happened:
                self._say(happened)
                self._changed()
            rotate(running.log)
        self._stop.wait(TICK_SECONDS)

    # -- stopping ---------------------------------------------------------------------------------
    def stop(self, names: Sequence[str], seconds: float) -> None:
        """End these services together: ask, wait up to `seconds`, then kill what is left of their groups."""
        stopping = [self._running.pop(name) for name in names if name in self._running]
        processes = []
        for running in stopping:
            if running.process is not None:
                signal_group(running.process, running.service.stop_signal)
                processes.append(running.process)
        for process in wait_all(processes, seconds):
            self._say(f"{process.args!r} did not stop in time and is killed")  # type: ignore[str-bytes-safe]
        kill_groups(processes)
        self._changed()

    def stop_all(self, seconds: float) -> None:
        self.stop(list(self._running), seconds)


def rotate(log: Path, limit: int = LOG_BYTES, generations: int = LOG_GENERATIONS) -> None:
    """Keep `log` below about `limit` bytes: copy it aside, then truncate the file its writer appends to."""
    if not log.exists() or log.stat().st_size <= limit:
        return
    for number in range(generations - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    with open(log, "r+b") as file:
        file.truncate(0)
