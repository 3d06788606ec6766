"""One service with the process that serves it: its states, its restarts, its end."""

from __future__ import annotations

import signal
import subprocess
import time
from concurrent import futures
from pathlib import Path

from common.threads import in_background
from stack.process_watch import ProcessWatch
from stack.processes import kill_groups, signal_group, spawn
from stack.service import Service, State, Trouble

CONTINUE_AT = 0.25
"""Share of the tolerated silence after which a process is sent SIGCONT: it may only have been stopped."""
QUICK_SECONDS = 0.05
"""A preparation that takes no longer is waited for; a longer one (`initdb`) goes on in its thread."""


class Running:
    """A service with its process of the moment, if any."""

    def __init__(self, service: Service, log: Path, directory: Path) -> None:
        self.service = service
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._directory = directory
        self._preparation: futures.Future[None] | None = None
        self._watch: ProcessWatch | None = None
        self._ends: list[float] = []
        """When its processes ended, within the window of the backoff; by the monotonic clock."""
        self._is_failing = False
        self._retry_at: float | None = None
        self._kill_at: float | None = None
        self._was_continued = False
        self._is_stopping = False
        self._reported: tuple[State, int | None] | None = None
        self._restarts = 0
        self._last_exit: int | None = None
        self._trouble: Trouble | None = None
        self._reason = ""
        self._next_start: float | None = None
        self._since = time.time()

    # -- what is known ------------------------------------------------------------------------------
    @property
    def state(self) -> State:
        if self.process is None and self._preparation is None:
            return State.FAILING if self._is_failing else State.WAITING
        if self._kill_at is not None:
            return State.UNRESPONSIVE
        if self._watch is not None and self._watch.ready_since is not None:
            return State.RUNNING
        return State.FAILING if self._is_failing else State.STARTING

    def has_changed(self) -> bool:
        """Whether state or process differ from the last call."""
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
            "restarts": self._restarts,
            "last_exit": self._last_exit,
            "trouble": self._trouble and str(self._trouble),
            "reason": self._reason,
            "next_start": self._next_start,
            "since": self._since,
            "log": str(self.log),
        }

    # -- starting -----------------------------------------------------------------------------------
    def start(self) -> str | None:
        """Begin a start; a sentence where no process came of it (a full disk, no thread available).

        Raises RuntimeError, here or in `tend`, when a server's own tool refuses the first start.
        """
        self._watch = self._retry_at = self._next_start = None
        try:
            self._preparation = in_background(self.service.prepare, "prepare")
        except RuntimeError as error:
            return self._try_later(Trouble.NOT_STARTED, f"could not be started: {error}")
        futures.wait([self._preparation], QUICK_SECONDS)
        return self._spawn_when_prepared(self._preparation)

    def _spawn_when_prepared(self, preparation: futures.Future[None]) -> str | None:
        if not preparation.done():
            return None
        self._preparation = None
        service = self.service
        try:
            preparation.result()
            command, environment = service.command(), service.environment
            self.process = spawn(command, log=self.log, environment=environment, directory=self._directory)
            self._watch = ProcessWatch(service.is_ready, service.probes())
        except (OSError, RuntimeError) as error:
            if self.process is not None:
                # No thread to watch it: its silence would not be noticed, so it is ended.
                kill_groups([self.process])
                self.process = None
            elif isinstance(error, RuntimeError) and not self._restarts:
                raise
            reason = getattr(error, "strerror", None) or error
            return self._try_later(Trouble.NOT_STARTED, f"could not be started: {reason}")
        self._kill_at = None
        self._was_continued = False
        return f"{service.name} restarted" if self._restarts else None

    # -- tending ------------------------------------------------------------------------------------
    def tend(self) -> str | None:
        """Notice an end, a silence, or that a restart is due; a sentence when something happened."""
        if self._is_stopping:
            return None
        if self._preparation is not None:
            return self._spawn_when_prepared(self._preparation)
        if self.process is None:
            if self._retry_at is not None and time.monotonic() < self._retry_at:
                return None
            self._restarts += 1
            return self.start()
        code = self.process.poll()
        return self._check_silence(self.process) if code is None else self._on_exit(self.process, code)

    def _check_silence(self, process: subprocess.Popen[bytes]) -> str | None:
        if self._kill_at is not None:
            if time.monotonic() >= self._kill_at:
                signal_group(process, signal.SIGKILL)
            return None
        silence = self._watch.silence if self._watch is not None else 0.0
        if silence >= 1:
            self._kill_at = time.monotonic() + self.service.end_seconds
            signal_group(process, self.service.stop_signal, signal.SIGCONT)
            self._trouble, self._reason = Trouble.SILENT, "did not answer"
            return f"{self.service.name} does not answer any more and is restarted; its log: {self.log}"
        if silence < CONTINUE_AT:
            self._was_continued = False
        elif not self._was_continued:
            self._was_continued = True
            signal_group(process, signal.SIGCONT)
        return None

    def _on_exit(self, process: subprocess.Popen[bytes], code: int) -> str:
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
                self._ends.clear()
                self._is_failing = False
        if hung:
            return self._try_later(Trouble.SILENT, f"did not answer and ended with {code}")
        return self._try_later(Trouble.ENDED, f"ended with {code}")

    def _try_later(self, trouble: Trouble, reason: str) -> str:
        now, backoff = time.monotonic(), self.service.backoff
        self._ends = [moment for moment in self._ends if now - moment < backoff.window] + [now]
        self._is_failing = self._is_failing or len(self._ends) > backoff.budget
        delay = backoff.slow if self._is_failing else backoff.delay(len(self._ends))
        self._retry_at, self._next_start = now + delay, time.time() + delay
        self._trouble, self._reason = trouble, reason
        failing = " (it keeps failing)" if self._is_failing else ""
        return f"{self.service.name} {reason}{failing}; next start in {delay:g} s; its log: {self.log}"

    # -- ending -------------------------------------------------------------------------------------
    def request_end(self) -> None:
        """Ask the process to end; it is not started again."""
        if self._is_stopping:
            return
        self._is_stopping = True
        if self._watch is not None:
            self._watch.close()
        if self.process is not None:
            signal_group(self.process, self.service.stop_signal, signal.SIGCONT)
