"""Injects the planned faults at their times, and heals each when it has lasted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

import psutil
import psycopg
import redis

from tests.faults.kinds import KINDS, Impossible, Skipped
from tests.faults.kinds.base import VICTIM_SECONDS, FaultContext, Injected
from tests.faults.plan import PlannedFault
from tests.faults.report import FaultLog

LAST_SECONDS = 120.0
LAST_SHARE = 0.5
"""After the plan, faults without a victim are tried again for so long, or for this share of the plan's time:
a fault of a training or a finished model needs one that got so far."""
HEAL_SECONDS = 60.0
VICTIM_IS_DOWN = (psutil.Error, psycopg.Error, redis.RedisError, OSError, KeyError)
"""What a fault meets whose victim is down because of another fault."""


class Injector:
    def __init__(self, context: FaultContext, log: FaultLog, say: Callable[[str], None]) -> None:
        self._context = context
        self._log = log
        self._say = say
        self._began = time.monotonic()
        self._healing: list[threading.Timer] = []

    def run(self, plan: Sequence[PlannedFault]) -> None:
        """Returns when everything is healed.

        A fault that finds no victim is tried again after each later fault, and for a while at the end.
        """
        waiting: list[PlannedFault] = []
        try:
            for planned in plan:
                time.sleep(max(0.0, self._began + planned.at - time.monotonic()))
                is_done = self._inject(planned, VICTIM_SECONDS)
                waiting = [earlier for earlier in waiting if not self._inject(earlier, 0.0, is_retry=True)]
                waiting += [] if is_done else [planned]
            last = max((planned.at for planned in plan), default=0.0)
            deadline = time.monotonic() + max(LAST_SECONDS, LAST_SHARE * last)
            while waiting and time.monotonic() < deadline:
                waiting = [planned for planned in waiting if not self._inject(planned, 1.0, is_retry=True)]
        finally:
            for timer in self._healing:
                timer.join()

    def _inject(self, planned: PlannedFault, timeout: float, *, is_retry: bool = False) -> bool:
        """False where another try may succeed; `timeout` is for finding a victim."""
        self._context.timeout = timeout
        try:
            injected = KINDS[planned.kind].inject(self._context, random.Random(planned.seed))
        except (Skipped, *VICTIM_IS_DOWN) as error:
            reason = str(error) if isinstance(error, Skipped) else type(error).__name__
            is_impossible = isinstance(error, Impossible)
            if not is_retry:
                self._log.skip(planned.kind, reason, is_impossible=is_impossible)
                self._say_at(f"{planned.kind}: skipped, {reason}")
            return is_impossible
        self._log.happened.append((self._seconds, planned.kind, injected.what))
        self._say_at(injected.what)
        self._healing.append(threading.Timer(injected.hold, _heal, [injected]))
        self._healing[-1].start()
        return True

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _say_at(self, what: str) -> None:
        self._say(f"{self._seconds:6.1f} s  {what}")


def _heal(injected: Injected) -> None:
    """PostgreSQL itself may be down when it has to accept connections again."""
    deadline = time.monotonic() + HEAL_SECONDS
    while True:
        try:
            injected.heal()
            return
        except (psycopg.OperationalError, FileNotFoundError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)  # between tries
