"""All clients at once, in one process: nine in ten use the API, one the console."""

from __future__ import annotations

import asyncio
import random
import time

import httpx

from tests.benchmarks.load.asking import TIMEOUT
from tests.benchmarks.load.clients import Client, Ledger
from tests.benchmarks.load.ground import Ground
from tests.benchmarks.load.people import Person
from tests.benchmarks.load.tally import Tally

PEOPLE_SHARE = 0.1


async def run_clients(ground: Ground, seconds: float, seed: int) -> tuple[Tally, Ledger]:
    """All clients until the time is over and the last answers are in."""
    tally, ledger, started = Tally(), Ledger(), time.monotonic()
    count = len(ground.keys)
    people = round(count * PEOPLE_SHARE)
    # Two requests at once are the most a client has open.
    limits = httpx.Limits(max_connections=2 * count, max_keepalive_connections=2 * count)
    async with httpx.AsyncClient(
        base_url=ground.base_url, timeout=TIMEOUT, limits=limits, trust_env=False
    ) as http:
        everyone: list[Client | Person] = [
            Client(number, ground, http, tally, ledger, random.Random(f"{seed}-{number}"), started)
            for number in range(count - people)
        ]
        everyone += [Person(ground, tally, random.Random(f"{seed}-person-{n}")) for n in range(people)]
        await asyncio.gather(*(one.run(started + seconds) for one in everyone))
    return tally, ledger
