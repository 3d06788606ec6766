"""One organization occupies few threads, and leaves the others theirs."""

from __future__ import annotations

import asyncio
import threading

import pytest

from workers.engines.serving.errors import ServeError
from workers.engines.serving.places import PER_ORGANIZATION, WAITING, Places


class Work:
    """Work that goes on until it is released."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()

    def __call__(self) -> str:
        self.begun.release()
        self.go_on.wait(10)
        return "done"

    async def begins(self, times: int = 1) -> None:
        for _ in range(times):
            assert await asyncio.to_thread(self.begun.acquire, timeout=10)


@pytest.fixture
def work():
    work = Work()
    yield work
    work.go_on.set()


async def test_one_organization_has_few_places_and_others_find_theirs(work):
    places = Places("test")
    mine = [asyncio.create_task(places.run("a", work)) for _ in range(WAITING)]
    await work.begins(PER_ORGANIZATION)
    with pytest.raises(ServeError) as refused:
        await places.run("a", work)
    assert (refused.value.status, refused.value.code) == (503, "model_server_busy")
    assert await places.run("b", lambda: "found") == "found"
    assert not work.begun.acquire(blocking=False), "more than its places were occupied"
    work.go_on.set()
    assert await asyncio.gather(*mine) == ["done"] * WAITING


async def test_one_that_leaves_frees_its_place(work):
    places = Places("test")
    running = [asyncio.create_task(places.run("a", work)) for _ in range(PER_ORGANIZATION)]
    await work.begins(PER_ORGANIZATION)
    waiting = asyncio.create_task(places.run("a", lambda: "waited"))
    left = asyncio.create_task(places.run("a", lambda: "left"))
    await asyncio.sleep(0)
    for task in (left, running[0]):
        task.cancel()
    await asyncio.wait({left, running[0]})
    assert not waiting.done(), "work that goes on keeps its place"
    work.go_on.set()
    assert await waiting == "waited"
    assert await asyncio.gather(*running[1:]) == ["done"] * (PER_ORGANIZATION - 1)


async def test_a_failure_frees_the_place():
    places = Places("test")
    for _ in range(PER_ORGANIZATION + 1):
        with pytest.raises(ZeroDivisionError):
            await places.run("a", lambda: 1 // 0)
    await asyncio.sleep(0)
    assert await places.run("a", lambda: 1) == 1
