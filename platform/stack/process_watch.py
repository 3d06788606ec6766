"""Watches one process from a thread of its own: whether it has begun to answer, and whether it still does.

A probe may hang up to its own time limit; the supervisor's loop never waits for it. Silence is counted in probes, not in
seconds: a supervisor that slept itself (SIGSTOP, a suspended machine, a clock that jumped) must not restart everything.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stack.service import LivenessProbe

logger = logging.getLogger(__name__)

READY_SECONDS = 0.1
"""Between the looks at a process that is starting."""
START_FACTOR = 5
"""So many times more failures are tolerated before the first answer: the process imports, reads a cold disk, recovers."""


@dataclass
class _Count:
    probe: LivenessProbe
    due: float
    failed: int = 0


class ProcessWatch:
    """The thread ends with `close`. Raises RuntimeError where no thread can be started."""

    def __init__(self, is_ready: Callable[[], bool], probes: Sequence[LivenessProbe]) -> None:
        self.ready_since: float | None = None
        """By the monotonic clock."""
        self._is_ready = is_ready
        self._counts = [_Count(probe, time.monotonic() + probe.every) for probe in probes]
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    @property
    def silence(self) -> float:
        """The largest share of its tolerated failures that a probe has used up; from 1 on the process hangs."""
        share = max((count.failed / count.probe.failures for count in self._counts), default=0.0)
        return share if self.ready_since is not None else share / START_FACTOR

    def _run(self) -> None:
        while not self._closed.is_set():
            if self.ready_since is None and _holds(self._is_ready):
                self.ready_since = time.monotonic()
            for count in self._counts:
                if time.monotonic() >= count.due:
                    count.failed = 0 if _holds(count.probe.check) else count.failed + 1
                    count.due = time.monotonic() + count.probe.every
            next_due = min((count.due for count in self._counts), default=time.monotonic() + 60)
            pause = 0.0 if self.ready_since is None else next_due - time.monotonic()
            self._closed.wait(max(READY_SECONDS, pause))


def _holds(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except Exception:
        logger.exception("a probe failed by itself")
        return False
