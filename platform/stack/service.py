"""One service of the stack and the process that serves it: its states, its restarts, its end."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from stack.processes import kill_groups, signal_group, spawn, stop_group
from stack.restarts import Backoff, Deaths
from stack.watch import Probe, Watch

WAKE_AT = 0.25
"""Of a probe's patience: a stopped process is continued early, since that loses nothing."""
START_PATIENCE = 5
"""So many times a probe's patience is granted to a process that has not answered yet: it imports,
reads a cold disk, recovers."""
QUICK_SECONDS = 0.05
"""A preparation that takes no longer is waited for; one that does, a cluster's making, is looked after."""
END_SECONDS = 10.0
"""From asking a process that hangs to killing it."""


class State(StrEnum):
    RUNNING = "running"
    STARTING = "starting"
    """A process is there and does not answer yet."""
    WAITING = "waiting"
    """It died; the next start is due soon."""
    FAILING = "failing"
    """It dies again and again; it is tried at a slow pace, and somebody should look."""
    UNRESPONSIVE = "unresponsive"
    """It is alive, answers no longer, and is being replaced."""


class Trouble(StrEnum):
    """What happened to the last process, for whoever words it in another language."""

    ENDED = "ended"
    SILENT = "silent"
    NOT_STARTED = "not_started"


@dataclass(frozen=True)
class Service:
    """A process to keep alive."""

    name: str
    command: Callable[[], Sequence[str]]
    """Asked at each start."""
    is_ready: Callable[[], bool]
    """Asked in a thread until it says yes."""
    environment: Mapping[str, str] | None = None
    """The whole environment; None: ours."""
    prepare: Callable[[], None] = lambda: None
    """Run before each start, in a thread."""
    probes: Callable[[], Sequence[Probe]] = tuple
    """Asked at each start: the signs of life to watch."""
    stop_signal: int = signal.SIGTERM
    backoff: Backoff = field(default_factory=Backoff)
    end_seconds: float = END_SECONDS


class Running:
    """A service with the process that serves it at the moment, if any."""

    def __init__(self, service: Service, log: Path, directory: Path) -> None:
        self.service = service
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self._directory = directory
        self._deaths = Deaths(service.backoff)
        self._preparation: futures.Future[None] | None = None
        self._watch: Watch | None = None
        self._retry_at: float | None = None
        self._next_start: float | None = None
        self._kill_at: float | None = None
        self._is_woken = False
        self._is_stopping = False
        self._last_exit: int | None = None
        self._trouble: Trouble | None = None
        self._reason = ""
        self._reported: tuple[State, int | None] | None = None
        self._since = time.time()

    # -- what is known ------------------------------------------------------------------------------
    @property
    def state(self) -> State:
        if self.process is None and self._preparation is None:
            return State.FAILING if self._deaths.failing else State.WAITING
        if self._kill_at is not None:
            return State.UNRESPONSIVE
        if self._watch is not None and self._watch.ready_since is not None:
            return State.RUNNING
        return State.FAILING if self._deaths.failing else State.STARTING

    def has_changed(self) -> bool:
        """Whether state or process differ from the last time this was asked."""
        now = (self.state, self.process.pid if self.process else None)
        if now == self._reported:
            return False
        if self._reported is None or now[0] != self._reported[0]:
            self._since = time.time()
        self._reported = now
        return True

    def facts(self) -> dict[str, object]:
        """`since` and `next_start` are Unix seconds; `last_exit` is negative after a signal."""
        return {
            "state": str(self.state),
            "pid": self.process.pid if self.process else None,
            "restarts": self.restarts,
            "last_exit": self._last_exit,
            "trouble": self._trouble and str(self._trouble),
            "reason": self._reason,
            "next_start": self._next_start,
            "since": self._since,
            "log": str(self.log),
        }

    # -- starting -----------------------------------------------------------------------------------
    def start(self) -> str | None:
        """Begin a start; a sentence where not even a process came of it (a full disk, no thread to be had).

        Raises RuntimeError, here or in `tend`, when a server's own tool refuses the first start.
        """
        self._watch = self._retry_at = self._next_start = None
        try:
            self._preparation = _in_background(self.service.prepare)
        except RuntimeError as error:
            # As many threads and processes as the machine allows: some will end.
            return self._not_started(str(error))
        futures.wait([self._preparation], QUICK_SECONDS)
        return self._spawn_when_prepared(self._preparation)

    def _spawn_when_prepared(self, preparation: futures.Future[None]) -> str | None:
        if not preparation.done():
            return None
        self._preparation = None
        try:
            preparation.result()
            self.process = spawn(
                self.service.command(),
                log=self.log,
                environment=self.service.environment,
                directory=self._directory,
            )
        except OSError as error:
            return self._not_started(error.strerror or str(error))
        except RuntimeError as error:
            if self.restarts == 0:
                raise
            # The next try may find it mended.
            return self._not_started(str(error))
        self._kill_at = None
        self._is_woken = False
        return self._watch_over(self.process)

    def _watch_over(self, process: subprocess.Popen[bytes]) -> str | None:
        try:
            self._watch = Watch(self.service.is_ready, self.service.probes())
        except RuntimeError as error:
            # No thread to be had. A process whose silence nobody would notice is none to keep.
            kill_groups([process])
            self.process = None
            return self._not_started(str(error))
        return f"{self.service.name} restarted" if self.restarts else None

    # -- tending ------------------------------------------------------------------------------------
    def tend(self) -> str | None:
        """Notice a death, a silence, or that a restart is due; a sentence when something happened."""
        if self._is_stopping:
            return None
        if self._preparation is not None:
            return self._spawn_when_prepared(self._preparation)
        if self.process is None:
            return self._start_when_due()
        code = self.process.poll()
        return self._look_after(self.process) if code is None else self._buried(self.process, code)

    def _start_when_due(self) -> str | None:
        if self._retry_at is not None and time.monotonic() < self._retry_at:
            return None
        self.restarts += 1
        return self.start()

    def _look_after(self, process: subprocess.Popen[bytes]) -> str | None:
        if self._kill_at is not None:
            if time.monotonic() >= self._kill_at:
                signal_group(process, signal.SIGKILL)
            return None
        silence = self._silence()
        if silence >= 1:
            self._kill_at = time.monotonic() + self.service.end_seconds
            stop_group(process, self.service.stop_signal)
            self._trouble, self._reason = Trouble.SILENT, "did not answer"
            return f"{self.service.name} does not answer any more and is restarted; its log: {self.log}"
        if silence < WAKE_AT:
            self._is_woken = False
        elif not self._is_woken:
            self._is_woken = True
            signal_group(process, signal.SIGCONT)
        return None

    def _silence(self) -> float:
        if self._watch is None:
            return 0.0
        patience = 1 if self._watch.ready_since is not None else START_PATIENCE
        return self._watch.silence / patience

    def _buried(self, process: subprocess.Popen[bytes], code: int) -> str:
        # Its children may have outlived it and hold its port.
        kill_groups([process])
        self.process = None
        self._last_exit = code
        hung, self._kill_at = self._kill_at is not None, None
        if self._watch is not None:
            self._watch.close()
            ready_since = self._watch.ready_since
            if (
                ready_since is not None
                and time.monotonic() - ready_since >= self.service.backoff.healthy_after
            ):
                self._deaths.forget()
        if hung:
            return self._try_later(Trouble.SILENT, f"did not answer and ended with {code}")
        return self._try_later(Trouble.ENDED, f"ended with {code}")

    def _not_started(self, why: str) -> str:
        return self._try_later(Trouble.NOT_STARTED, f"could not be started: {why}")

    def _try_later(self, trouble: Trouble, what: str) -> str:
        delay = self._deaths.note(time.monotonic())
        self._retry_at = time.monotonic() + delay
        self._next_start = time.time() + delay
        self._trouble, self._reason = trouble, what
        failing = " (it keeps failing)" if self._deaths.failing else ""
        return f"{self.service.name} {what}{failing}; next start in {delay:g} s; its log: {self.log}"

    # -- ending -------------------------------------------------------------------------------------
    def ask(self) -> None:
        """Ask the process to end; it is not started again."""
        if self._is_stopping:
            return
        self._is_stopping = True
        if self._watch is not None:
            self._watch.close()
        if self.process is not None:
            stop_group(self.process, self.service.stop_signal)


def _in_background(work: Callable[[], None]) -> futures.Future[None]:
    """In a thread that holds nobody up, not even our own end; an executor's would."""
    done: futures.Future[None] = futures.Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # told to whoever asks for the result
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, name="prepare", daemon=True).start()
    return done
