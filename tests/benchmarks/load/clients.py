"""The clients: what each does next follows from the seed; what the server acknowledged is kept.

Each waits for its answer before it goes on, pauses as a person or a pipeline would, and comes back no
sooner than a refusal says. Everything is sent to the loopback address of the installation under test.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.benchmarks.load.asking import PAUSE_SECONDS, Refused, judge
from tests.benchmarks.load.ground import ALIASES, CAUSAL, Ground
from tests.benchmarks.load.tally import ANSWERED, CANCELLED, FAILED, Tally

CANCELLED_SHARE = 0.2
KEY_SECONDS = 6.0
"""So long every client that submits sends the same idempotency key, and most send it twice at once."""
QUESTIONS = ("設備{n}の点検は何日ごとですか", "部品{n}の異常の値はいくつですか", "設備{n}は誰が点検しますか")


@dataclass
class Change:
    """A publication or rollback that was asked for."""

    client: str
    alias: str
    action: str
    release: str | None
    """As answered; for a publication without an answer, as asked."""
    began: float
    ended: float
    acknowledged: bool


@dataclass
class Ledger:
    """What the server must be able to account for afterwards."""

    uploads: dict[str, tuple[str, int]] = field(default_factory=dict)
    """sha256 and size by the id of the file."""
    revisions: dict[str, str] = field(default_factory=dict)
    """sha256 by the id of the revision."""
    completions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Files answered by the upload's id: one, however often it was completed."""
    submissions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Runs answered by idempotency key: one each."""
    changes: list[Change] = field(default_factory=list)


@dataclass
class Client:
    number: int
    ground: Ground
    http: httpx.AsyncClient
    tally: Tally
    ledger: Ledger
    random: random.Random
    started: float

    @property
    def key_id(self) -> str:
        return self.ground.keys[self.number][0]

    # -- the loop -----------------------------------------------------------------------------
    async def run(self, deadline: float) -> None:
        await asyncio.sleep(self.random.random() * PAUSE_SECONDS)
        # Each begins with another action, so that none is missing from a short run.
        action = ACTIONS[self.number % len(ACTIONS)]
        while time.monotonic() < deadline:
            with suppress(Refused):
                await action(self)
            (action,) = self.random.choices(ACTIONS, WEIGHTS)
            await asyncio.sleep(self.random.expovariate(1 / PAUSE_SECONDS))

    async def send(self, route: str, method: str, path: str, rule: tuple[int, ...] = (), **more: Any) -> Any:
        """The answer's JSON; else it is noted why not, and Refused raised."""
        began = time.monotonic()
        try:
            answer = await self.http.request(method, f"/v1{path}", headers=self._headers(more), **more)
        except httpx.HTTPError as error:
            self.tally.note(route, FAILED, why=type(error).__name__)
            raise Refused from error
        await judge(self.tally, self.random, route, answer, rule)
        self.tally.note(route, ANSWERED, time.monotonic() - began)
        return answer.json()

    def _headers(self, more: dict[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.ground.keys[self.number][1]}", **more.pop("headers", {})}

    # -- reading ------------------------------------------------------------------------------
    async def read(self) -> None:
        named = self.random.choice(READS)
        path = named.format(alias=self.random.choice(ALIASES), store=self.ground.store)
        await self.send(f"GET {named.partition('?')[0]}", "GET", path)

    async def search(self) -> None:
        body = {"query": self._question(), "max_num_results": 5}
        found = await self.send(
            "POST /vector_stores/{id}/search", "POST", f"/vector_stores/{self.ground.store}/search", json=body
        )
        if not found["data"]:
            self.tally.note("POST /vector_stores/{id}/search", FAILED, why="found nothing")

    def _question(self) -> str:
        return self.random.choice(QUESTIONS).format(n=self.random.randrange(24))

    # -- writing ------------------------------------------------------------------------------
    async def upload(self) -> None:
        content = self._content()
        shared = self.random.random() < 0.2
        name = f"共有{self.random.randrange(5)}.txt" if shared else f"{_sha256(content)[:20]}.txt"
        files, form = {"file": (name, content)}, {"purpose": "user_data"}
        made = await self.send("POST /files", "POST", "/files", files=files, data=form)
        self.ledger.revisions[made["revision"]["id"]] = made["revision"]["sha256"]
        if not shared:
            # Under a shared name somebody else's revision may be the newest by now.
            self.ledger.uploads[made["id"]] = (_sha256(content), len(content))

    async def upload_in_parts(self) -> None:
        content = self._content()
        body = {
            "filename": f"{_sha256(content)[:20]}-parts.txt",
            "bytes": len(content),
            "purpose": "user_data",
            "mime_type": "text/plain",
        }
        upload = (await self.send("POST /uploads", "POST", "/uploads", json=body))["id"]
        middle = len(content) // 2
        parts = [
            await self.send(
                "POST /uploads/{id}/parts",
                "POST",
                f"/uploads/{upload}/parts",
                files={"data": ("part", piece)},
            )
            for piece in (content[:middle], content[middle:])
        ]
        order = {"part_ids": [part["id"] for part in parts]}
        complete = [
            self.send("POST /uploads/{id}/complete", "POST", f"/uploads/{upload}/complete", json=order)
            for _ in range(2)
        ]
        for made in await _all(complete):
            self.ledger.completions[upload].add(made["file"]["id"])
            self.ledger.uploads[made["file"]["id"]] = (_sha256(content), len(content))

    def _content(self) -> bytes:
        letters = self.random.choices(
            "設備点検記録係員部品運転停止温度圧力流量", k=self.random.randrange(300, 12_000)
        )
        return f"{self.number} {self.random.getrandbits(64)}\n{''.join(letters)}".encode()

    async def submit(self) -> None:
        """Most send it twice at once, and several clients send the same; then the job is given up."""
        slot = int((time.monotonic() - self.started) / KEY_SECONDS)
        key = f"load-{slot}"
        body = {
            "model": CAUSAL,
            "training_file": self.ground.conversations,
            "suffix": f"s{slot}",
        }
        path, headers = "/fine_tuning/jobs", {"Idempotency-Key": key}
        times = 1 if self.random.random() < 0.3 else 2
        made = await _all(
            self.send(f"POST {path}", "POST", path, json=body, headers=dict(headers)) for _ in range(times)
        )
        for run in made:
            self.ledger.submissions[key].add(run["id"])
        if made:
            run = made[0]["id"]
            await self.send(f"POST {path}/{{id}}/cancel", "POST", f"{path}/{run}/cancel", (409,))

    async def publish(self) -> None:
        alias, release = self.random.choice(ALIASES), self.random.choice(self.ground.releases)
        route, path = "POST /releases/{id}/publish", f"/releases/{release}/publish"
        await self._change(route, path, alias, "publish", release, json={"alias": alias})

    async def roll_back(self) -> None:
        alias = self.random.choice(ALIASES)
        route, path = "POST /deployments/{alias}/rollback", f"/deployments/{alias}/rollback"
        await self._change(route, path, alias, "rollback", None, rule=(409,))

    async def _change(
        self, route: str, path: str, alias: str, action: str, release: str | None, **more: Any
    ) -> None:
        failed, began = self.tally.routes[route].outcomes[FAILED], time.time()
        change = Change(self.key_id, alias, action, release, began, began, False)
        try:
            answer = await self.send(route, "POST", path, **more)
        except Refused:
            if self.tally.routes[route].outcomes[FAILED] > failed:  # perhaps done, perhaps not
                change.ended = time.time()
                self.ledger.changes.append(change)
            raise
        change.release, change.ended, change.acknowledged = answer["release"], time.time(), True
        self.ledger.changes.append(change)

    # -- chat ---------------------------------------------------------------------------------
    async def chat(self) -> None:
        """Half stream; a fifth of all go away before the answer has ended."""
        messages = [{"role": "user", "content": self._question()}]
        body = {"model": self.random.choice(ALIASES), "messages": messages}
        leaves = self.random.random() < CANCELLED_SHARE
        if self.random.random() < 0.5:
            await self._chat_stream({**body, "stream": True}, self.random.randrange(1, 6) if leaves else None)
        elif leaves:
            await self._chat_and_leave(body)
        else:
            await self.send("POST /chat/completions", "POST", "/chat/completions", json=body)

    async def _chat_and_leave(self, body: dict[str, Any]) -> None:
        route = "POST /chat/completions"
        try:
            async with asyncio.timeout(self.random.uniform(0.05, 1.5)):
                await self.send(route, "POST", "/chat/completions", json=body)
        except TimeoutError:
            self.tally.note(route, CANCELLED)

    async def _chat_stream(self, body: dict[str, Any], leave_after: int | None) -> None:
        route, began, first, pieces = "POST /chat/completions (stream)", time.monotonic(), None, 0
        try:
            async with self._stream(body) as answer:
                if not answer.is_success:
                    await answer.aread()
                    await judge(self.tally, self.random, route, answer)
                async for line in answer.aiter_lines():
                    if not line.startswith("data:"):
                        continue
                    pieces += 1
                    first = first or time.monotonic() - began
                    if pieces == leave_after:
                        self.tally.note(route, CANCELLED)
                        return
                    if "[DONE]" in line:
                        self.tally.note(route, ANSWERED, time.monotonic() - began)
                        self.tally.note(f"{route}, first piece", ANSWERED, first)
                        return
                    if line.startswith('data: {"error"'):
                        self._broken(route, line)
                        return
        except httpx.HTTPError as error:
            self.tally.note(route, FAILED, why=type(error).__name__)
            return
        self.tally.note(route, FAILED, why="ended without [DONE]")

    def _broken(self, route: str, line: str) -> None:
        error = json.loads(line.removeprefix("data:"))["error"]
        self.tally.note(route, FAILED, why=f"broke off: {error['code']}")

    @asynccontextmanager
    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        async with self.http.stream(
            "POST", "/v1/chat/completions", json=body, headers=self._headers({})
        ) as answer:
            yield answer


READS = (
    "/files?limit=20",
    "/files?limit=100",
    "/fine_tuning/jobs?limit=20",
    "/jobs?limit=20",
    "/deployments/{alias}",
    "/releases",
    "/vector_stores/{store}",
    "/models",
    "/audit_events?limit=20",
)

ACTIONS: tuple[Callable[[Client], Awaitable[None]], ...] = (
    Client.read,
    Client.search,
    Client.chat,
    Client.upload,
    Client.upload_in_parts,
    Client.submit,
    Client.publish,
    Client.roll_back,
)
WEIGHTS = (28, 24, 16, 12, 2, 4, 8, 6)


async def _all(sent: Any) -> list[Any]:
    """The answers to requests sent at once, without those that were refused."""
    found = await asyncio.gather(*sent, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, Refused):
            raise one
    return [one for one in found if not isinstance(one, BaseException)]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
