"""What became of every request: counted by route, and as a Markdown table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

ANSWERED, RULE, REFUSED, CANCELLED, FAILED = "answered", "rule", "refused", "cancelled", "failed"
"""A 2xx · a 4xx that the request's own rules call for · a deliberate 503 or 429 · given up by the client
on purpose · everything else: another 5xx, a refusal that does not say when to come back, a time-out."""


@dataclass
class Route:
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """Of the answered ones."""


class Tally:
    def __init__(self) -> None:
        self.routes: dict[str, Route] = defaultdict(Route)
        self.failures: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()

    def note(self, route: str, outcome: str, seconds: float = 0.0, why: str = "") -> None:
        kept = self.routes[route]
        kept.outcomes[outcome] += 1
        if outcome == ANSWERED:
            kept.seconds.append(seconds)
        elif outcome == FAILED:
            self.failures[f"{route}: {why}"] += 1
        elif outcome == REFUSED:
            self.refusals[why] += 1

    def total(self, outcome: str) -> int:
        return sum(route.outcomes[outcome] for route in self.routes.values())

    def table(self) -> str:
        rows = [
            (
                f"`{name}`",
                *(str(route.outcomes[outcome]) for outcome in (ANSWERED, RULE, REFUSED, CANCELLED, FAILED)),
                *(_milliseconds(route.seconds, share) for share in (0.5, 0.95)),
            )
            for name, route in sorted(self.routes.items())
        ]
        total = [str(self.total(outcome)) for outcome in (ANSWERED, RULE, REFUSED, CANCELLED, FAILED)]
        head = ("route", "answered", "4xx by rule", "refused", "cancelled", "failed", "p50 ms", "p95 ms")
        return markdown(head, [*rows, ("**all**", *total, "", "")])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def _milliseconds(seconds: Sequence[float], share: float) -> str:
    return f"{percentile(seconds, share) * 1000:,.0f}" if seconds else ""


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
