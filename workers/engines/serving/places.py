"""Threads for requests, of which one organization occupies few at a time, so that the others always find one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from workers.engines.serving.errors import too_many_requests

PER_ORGANIZATION = 4
"""Requests of one organization and kind that are worked on at the same time; more wait."""
WAITING = 64
"""Requests of one organization and kind, waiting ones included; one more is refused with 503."""
THREADS = 64

T = TypeVar("T")


@dataclass
class _Organization:
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PER_ORGANIZATION))
    requests: int = 0


class Places:
    """For requests of one kind. Used from one event loop."""

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        self._organizations: dict[str, _Organization] = {}

    async def run(self, organization: str, work: Callable[[], T]) -> T:
        """What `work` returns, in a thread. Raises ServeError `model_server_busy`.

        Cancelled while it waits, it frees its place at once; later, when `work` has ended.
        """
        mine = self._organizations.setdefault(organization, _Organization())
        if mine.requests >= WAITING:
            raise too_many_requests(WAITING)
        mine.requests += 1
        try:
            await mine.free.acquire()
        except BaseException:
            self._leave(organization)
            raise
        loop = asyncio.get_running_loop()
        running = self._threads.submit(work)

        def end(_: object) -> None:
            # The loop may be gone while the server shuts down, and every request with it.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._end, organization)

        running.add_done_callback(end)
        return await asyncio.wrap_future(running)

    def _end(self, organization: str) -> None:
        self._organizations[organization].free.release()
        self._leave(organization)

    def _leave(self, organization: str) -> None:
        mine = self._organizations[organization]
        mine.requests -= 1
        if not mine.requests:
            del self._organizations[organization]
