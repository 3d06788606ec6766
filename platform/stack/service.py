"""What a service of the stack is: its command, how it shows that it is alive, and when it is started again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    RUNNING = "running"
    STARTING = "starting"
    """A process is there and does not answer yet."""
    WAITING = "waiting"
    """It ended; the next start is due soon."""
    FAILING = "failing"
    """It ends again and again; it is started at a slow pace, and an operator should look at its log."""
    UNRESPONSIVE = "unresponsive"
    """It is alive, does not answer any more, and is being replaced."""


class Trouble(StrEnum):
    """What happened to the last process."""

    ENDED = "ended"
    SILENT = "silent"
    NOT_STARTED = "not_started"


@dataclass(frozen=True)
class LivenessProbe:
    """A check that shows whether a process responds."""

    check: Callable[[], bool]
    """Must end by itself, in about ten seconds."""
    every: float = 5.0
    failures: int = 12
    """So many failures in a row mean that it hangs: more than a short SIGSTOP or a busy machine causes."""


@dataclass(frozen=True)
class Backoff:
    """Doubling delays up to a limit; beyond a budget of ends, a slow pace until the service runs stably again."""

    first: float = 0.5
    longest: float = 30.0
    healthy_after: float = 30.0
    """Seconds of answering after which earlier ends are forgotten."""
    budget: int = 8
    """Ends within `window` seconds that are tolerated; with one more the service is failing."""
    window: float = 900.0
    slow: float = 180.0
    """Between the starts of a failing service. It is never given up."""

    def delay(self, ends: int) -> float:
        """Seconds to wait after so many ends in a row (1, 2, …)."""
        return min(self.longest, self.first * 2.0 ** min(ends - 1, 30))


@dataclass(frozen=True)
class Service:
    """A process to keep running."""

    name: str
    command: Callable[[], Sequence[str]]
    """Called at each start."""
    is_ready: Callable[[], bool]
    """Called in a thread until it is true."""
    environment: Mapping[str, str] | None = None
    """The whole environment; None: ours."""
    prepare: Callable[[], None] = lambda: None
    """Called before each start, in a thread."""
    probes: Callable[[], Sequence[LivenessProbe]] = tuple
    """Called at each start: the signs of life to watch."""
    stop_signal: int = signal.SIGTERM
    backoff: Backoff = field(default_factory=Backoff)
    end_seconds: float = 10.0
    """From asking a process that hangs to end to killing it."""
