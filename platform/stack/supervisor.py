"""Keeps a set of processes alive: starts them, waits until they answer, restarts what dies or hangs, stops all.

It knows nothing of Kosha; what it runs is said in `stack.composition`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stack.logs import rotate
from stack.processes import kill_groups, spawn, wait_all
from stack.service import Running, Service, State

TICK_SECONDS = 0.1
SAY_SECONDS = 60.0
"""How often somebody who waits is told for what."""


class ServiceNotReady(RuntimeError):
    """A command that the services need failed; its log says why."""


class StopRequested(Exception):
    """The stack shall stop while something was being waited for."""


class Supervisor:
    """Runs services in the order they are started and stops them in the order they are named.

    `changed` is called after every start, death, restart and stop, and again until it raises no OSError;
    `say` gets sentences for people.
    Must be used from the main thread (children die with the thread that started them). Nothing in it
    waits for a service: probes run in threads, and a process that ignores its end is seen to later.
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
        self._is_told = True
        self._running: dict[str, Running] = {}
        # No Event: a signal handler that sets one would wait for the lock that the very same thread may hold.
        self._is_stop_requested = False

    # -- what others may ask --------------------------------------------------------------------
    def request_stop(self, *_: object) -> None:
        """For signal handlers: whatever waits, ends with StopRequested within a tick."""
        self._is_stop_requested = True

    def facts(self) -> dict[str, dict[str, object]]:
        """Per service what `Running.facts` says."""
        return {name: running.facts() for name, running in self._running.items()}

    def tell(self) -> None:
        """Call `changed`. A full disk must not end the one who keeps everything alive; it is told later."""
        try:
            self._changed()
            self._is_told = True
        except OSError:
            self._is_told = False

    # -- running ----------------------------------------------------------------------------------
    def start(self, service: Service) -> None:
        running = Running(service, self._logs / f"{service.name}.log", self._directory)
        self._running[service.name] = running
        running.start()
        self.tell()

    def wait_ready(self, name: str, say_every: float = SAY_SECONDS) -> None:
        """Until the service answers, however long that takes. Raises StopRequested when asked to stop."""
        self._wait(name, {State.RUNNING}, say_every)

    def wait_settled(self, name: str, say_every: float = SAY_SECONDS) -> None:
        """Until the service answers or has died too often to hold the others up."""
        self._wait(name, {State.RUNNING, State.FAILING}, say_every)

    def _wait(self, name: str, states: set[State], say_every: float) -> None:
        running = self._running[name]
        say_at = time.monotonic() + say_every
        while running.state not in states:
            self.tick()
            if time.monotonic() >= say_at:
                self._say(f"still waiting for {name}; its log: {running.log}")
                say_at = time.monotonic() + say_every

    def run_once(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run a command to its end while keeping the services alive.

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
        """Let time pass while keeping the services alive."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tick()

    def run_until_stopped(self) -> None:
        try:
            while True:
                self.tick()
        except StopRequested:
            return

    def tick(self) -> None:
        """One round: tend to every service, then wait a moment."""
        if self._is_stop_requested:
            raise StopRequested
        for running in self._running.values():
            happened = running.tend()
            if happened:
                self._say(happened)
            if running.has_changed():
                self._is_told = False
            rotate(running.log)
        if not self._is_told:
            self.tell()
        time.sleep(TICK_SECONDS)

    # -- stopping ---------------------------------------------------------------------------------
    def ask(self, names: Sequence[str]) -> None:
        """Ask these services to end, and start none of them again."""
        for name in names:
            if name in self._running:
                self._running[name].ask()
        self.tell()

    def stop(self, names: Sequence[str], seconds: float) -> None:
        """End these services together: ask, wait up to `seconds`, then kill what is left of their groups."""
        self.ask(names)
        stopping = [self._running.pop(name) for name in names if name in self._running]
        processes = {running.process: running for running in stopping if running.process is not None}
        for process in wait_all(processes, seconds):
            self._say(f"{processes[process].service.name} did not stop in time and is killed")
        kill_groups(processes)
        self.tell()

    def stop_all(self, seconds: float) -> None:
        self.stop(list(self._running), seconds)
