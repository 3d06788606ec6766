"""A lock that is given in turn to the organizations that wait, to what is urgent first."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

URGENT_IN_A_ROW = 3
"""After so many urgent turns one is given without regard to urgency, so that nothing waits for ever."""
OWNERS_REMEMBERED = 4096


@dataclass(frozen=True)
class Claim:
    """Who asks for a turn."""

    owner: str = ""
    """Of several owners the one goes first whose last turn is longest ago."""
    urgent: bool = False
    """Someone waits for a short piece of work."""


class Turns:
    """One thread at a time. `threading.Lock` may be taken by the thread that has just released it, so one with many
    pieces of work would keep the others out."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        # By the number of their arrival, so the earliest first.
        self._waiting: dict[int, Claim] = {}
        # The number of each owner's last turn, the one longest ago first.
        self._last_turns: OrderedDict[str, int] = OrderedDict()
        self._urgent_in_a_row = 0
        self._is_taken = False

    @contextmanager
    def take(self, claim: Claim = Claim()) -> Iterator[None]:
        with self._changed:
            number = next(self._numbers)
            self._waiting[number] = claim
            self._changed.wait_for(lambda: not self._is_taken and self._next() == number)
            self._begin(number)
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()

    def _next(self) -> int:
        """The number of the claim that goes first."""
        by_urgency = self._urgent_in_a_row < URGENT_IN_A_ROW
        return min(
            self._waiting,
            key=lambda number: (
                by_urgency and not self._waiting[number].urgent,
                self._last_turns.get(self._waiting[number].owner, 0),
                number,
            ),
        )

    def _begin(self, number: int) -> None:
        claim = self._waiting.pop(number)
        self._is_taken = True
        passed_over = claim.urgent and any(not other.urgent for other in self._waiting.values())
        self._urgent_in_a_row = self._urgent_in_a_row + 1 if passed_over else 0
        self._last_turns[claim.owner] = next(self._numbers)
        self._last_turns.move_to_end(claim.owner)
        if len(self._last_turns) > OWNERS_REMEMBERED:
            self._last_turns.popitem(last=False)
