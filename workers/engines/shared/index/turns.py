"""A lock that is given in order, to what is urgent first."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """One thread at a time. `threading.Lock` may be taken by the thread that has just released it, so one with many
    pieces of work would keep the others out."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._waiting: list[tuple[bool, int]] = []
        self._is_taken = False

    @contextmanager
    def take(self, *, urgent: bool = False) -> Iterator[None]:
        with self._changed:
            place = (not urgent, next(self._numbers))
            heapq.heappush(self._waiting, place)
            self._changed.wait_for(lambda: not self._is_taken and self._waiting[0] == place)
            heapq.heappop(self._waiting)
            self._is_taken = True
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()
