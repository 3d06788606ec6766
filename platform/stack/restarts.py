"""When a service that died is started again: at once, then ever later, then slowly, but never not at all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Doubling delays up to a limit; beyond a budget of deaths, a slow pace until it holds again."""

    first: float = 0.5
    longest: float = 30.0
    healthy_after: float = 30.0
    """Seconds of answering after which earlier deaths are forgotten."""
    budget: int = 8
    """Deaths within `window` seconds that count as bad luck; one more, and the service is failing."""
    window: float = 900.0
    slow: float = 180.0
    """Between the starts of a failing service: nobody may be there until Monday, so it is never given up."""

    def delay(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th death in a row (1, 2, …)."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 30))


class Deaths:
    """The deaths of one service that are not forgotten, and what follows from them."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._times: list[float] = []
        self.failing = False

    def forget(self) -> None:
        self._times.clear()
        self.failing = False

    def note(self, now: float) -> float:
        """One more death at `now` (any steady clock); the seconds until the next start."""
        self._times = [time for time in self._times if now - time < self._backoff.window] + [now]
        self.failing = self.failing or len(self._times) > self._backoff.budget
        return self._backoff.slow if self.failing else self._backoff.delay(len(self._times))
