"""Lines from a pipe whose other end is not trusted: neither their number, length nor time is."""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Callable

_POLL_MILLISECONDS = 50
_READ_BYTES = 1 << 20


class TooLong(Exception):
    """More has come than the limit allows."""


class Lines:
    def __init__(self, descriptor: int, limit: int) -> None:
        """`limit`: the most bytes of all lines together."""
        self.limit = limit
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._whole: deque[bytes] = deque()
        self._begun = bytearray()
        self._received = 0

    def next(self, deadline: float, check: Callable[[], None]) -> bytes | None:
        """The next whole line, None at the end. Raises TimeoutError, TooLong, and what `check` raises while it waits."""
        while not self._whole:
            check()
            if time.monotonic() > deadline:
                raise TimeoutError
            if self._poll.poll(_POLL_MILLISECONDS) and not self._receive():
                return None
        return self._whole.popleft()

    def _receive(self) -> bool:
        received = os.read(self._descriptor, _READ_BYTES)
        self._received += len(received)
        if self._received > self.limit:
            raise TooLong
        self._begun += received
        if b"\n" in received:
            *whole, last = self._begun.split(b"\n")
            self._whole.extend(map(bytes, whole))
            self._begun = bytearray(last)
        return bool(received)
