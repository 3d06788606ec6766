"""Watches one process from a thread of its own: has it begun to answer, does it still?

A probe may hang for as long as its own time limit; the supervisor's loop never waits for it. Silence
is counted in probes, never in seconds, so that a supervisor that slept (SIGSTOP, a suspended machine,
a clock that jumped) does not take its own sleep for everybody's death.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

READY_SECONDS = 0.1
"""Between the looks at a process that is starting."""


@dataclass(frozen=True)
class Probe:
    """A sign of life."""

    shows_life: Callable[[], bool]
    """Must end by itself, in about ten seconds."""
    every: float = 5.0
    failures: int = 12
    """So many in a row mean that it hangs: more than a short SIGSTOP or a busy machine brings about."""


@dataclass
class _Tally:
    probe: Probe
    due: float = 0.0
    failed: int = 0

    def take(self) -> None:
        self.failed = 0 if _safely(self.probe.shows_life) else self.failed + 1
        self.due = time.monotonic() + self.probe.every


@dataclass
class Watch:
    """The thread ends with `close`, or when its process is replaced by another with its own watch."""

    is_ready: Callable[[], bool]
    probes: Sequence[Probe]
    ready_since: float | None = None
    """By the monotonic clock."""
    _tallies: list[_Tally] = field(init=False)
    _closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._tallies = [_Tally(probe, time.monotonic() + probe.every) for probe in self.probes]
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    @property
    def silence(self) -> float:
        """How much of its patience the most worried probe has used up; from 1 on the process hangs."""
        return max((tally.failed / tally.probe.failures for tally in self._tallies), default=0.0)

    def _run(self) -> None:
        while not self._closed.is_set():
            if self.ready_since is None and _safely(self.is_ready):
                self.ready_since = time.monotonic()
            for tally in self._tallies:
                if time.monotonic() >= tally.due:
                    tally.take()
            self._closed.wait(self._pause())

    def _pause(self) -> float:
        if self.ready_since is None:
            return READY_SECONDS
        next_due = min((tally.due for tally in self._tallies), default=time.monotonic() + 60)
        return max(READY_SECONDS, next_due - time.monotonic())


def _safely(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except Exception:
        logger.exception("a probe failed by itself")
        return False
