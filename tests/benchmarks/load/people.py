"""People at the console, as the server sees them: a session, and one page after the other."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass

import httpx

from tests.benchmarks.load.asking import PAUSE_SECONDS, TIMEOUT, Refused, judge
from tests.benchmarks.load.ground import Ground
from tests.benchmarks.load.tally import ANSWERED, FAILED, Tally

ROOMS = ("/", "/documents", "/jobs", "/releases", "/training", "/knowledge", "/chat", "/settings/members")


@dataclass
class Person:
    """Somebody at the console, who signs in and looks at one room after the other."""

    ground: Ground
    tally: Tally
    random: random.Random

    async def run(self, deadline: float) -> None:
        # A browser of their own: the session is a cookie.
        async with httpx.AsyncClient(
            base_url=self.ground.base_url, timeout=TIMEOUT, trust_env=False
        ) as browser:
            signed_in = False
            while time.monotonic() < deadline:
                await asyncio.sleep(self.random.expovariate(1 / (2 * PAUSE_SECONDS)))
                with suppress(Refused):
                    if signed_in:
                        await self._open(browser, self.random.choice(ROOMS))
                    else:
                        await self._sign_in(browser)
                        signed_in = True

    async def _open(self, browser: httpx.AsyncClient, path: str) -> httpx.Response:
        return await self._send(f"console GET {path}", browser.get(path))

    async def _sign_in(self, browser: httpx.AsyncClient) -> None:
        form = await self._open(browser, "/sign-in")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
        assert token is not None
        fields = {
            "csrfmiddlewaretoken": token[1],
            "username": self.ground.email,
            "password": self.ground.password,
        }
        # A refused form is a page, too (200); a right one leads on.
        answer = await self._send("console POST /sign-in", browser.post("/sign-in", data=fields), (302,))
        assert answer.status_code == 302

    async def _send(
        self, route: str, sent: Awaitable[httpx.Response], right: tuple[int, ...] = (200,)
    ) -> httpx.Response:
        began = time.monotonic()
        try:
            answer = await sent
        except httpx.HTTPError as error:
            self.tally.note(route, FAILED, why=type(error).__name__)
            raise Refused from error
        if answer.status_code not in right:
            if answer.is_success or answer.is_redirect:
                self.tally.note(route, FAILED, why=f"{answer.status_code} where {right} is right")
                raise Refused
            await judge(self.tally, self.random, route, answer)
        self.tally.note(route, ANSWERED, time.monotonic() - began)
        return answer
