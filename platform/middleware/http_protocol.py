"""How the web reads requests from a connection: `uvicorn --http middleware.http_protocol:BoundedHead`.

uvicorn's faster protocol takes trailers of a chunked body for headers, so that a body could sign itself in, and accepts
heads of any size. h11 keeps trailers apart and refuses a head of more than 64 KiB. Neither ends a head that never becomes
complete.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class BoundedHead(H11Protocol):
    """Closes a connection whose next request has begun, or whose first one has not, after `HEAD_SECONDS`."""

    HEAD_SECONDS = 20.0

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._awaits_request():
            self._unset_deadline()
        elif self._deadline is None:
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset_deadline()
        super().connection_lost(exc)

    def _awaits_request(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.HEAD_SECONDS, self._close)

    def _unset_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close(self) -> None:
        if self._awaits_request():
            self.transport.close()
