"""Every answer of a server, counted by route and outcome; as a Markdown table."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    ANSWERED = "answered"
    """A success."""
    EXPECTED = "expected refusal"
    """A 4xx that the request's own rules call for."""
    REFUSED = "refused"
    """A deliberate 429 or 503 with `Retry-After`."""
    CANCELLED = "cancelled"
    """The client left on purpose."""
    FAILED = "failed"
    """Anything else: another 5xx, a refusal without `Retry-After`, no answer."""


@dataclass
class RouteCounter:
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """Of the successes."""


class Counters:
    """Many threads add to it."""

    def __init__(self) -> None:
        self.routes: dict[str, RouteCounter] = defaultdict(RouteCounter)
        self.details: dict[Outcome, Counter[str]] = {outcome: Counter() for outcome in Outcome}
        """Route, status and code of what was not a success."""
        self._lock = threading.Lock()

    def add(self, route: str, outcome: Outcome, seconds: float = 0.0, detail: str = "") -> None:
        with self._lock:
            counter = self.routes[route]
            counter.outcomes[outcome] += 1
            if outcome is Outcome.ANSWERED:
                counter.seconds.append(seconds)
            else:
                self.details[outcome][f"{route} {detail}".strip()] += 1

    def total(self, outcome: Outcome) -> int:
        return sum(counter.outcomes[outcome] for counter in self.routes.values())

    def table(self) -> str:
        rows = [
            (
                f"`{route}`",
                *(str(counter.outcomes[outcome]) for outcome in Outcome),
                *(_milliseconds(counter.seconds, share) for share in (0.5, 0.95)),
            )
            for route, counter in sorted(self.routes.items())
        ]
        total = [str(self.total(outcome)) for outcome in Outcome]
        return markdown(("route", *Outcome, "p50 ms", "p95 ms"), [*rows, ("**all**", *total, "", "")])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def _milliseconds(seconds: Sequence[float], share: float) -> str:
    return f"{percentile(seconds, share) * 1000:,.0f}" if seconds else ""


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
