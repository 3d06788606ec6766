"""The clients: what each does next follows from the seed; what the server acknowledged is kept.

Each waits for its answer before it goes on, pauses as a person or a pipeline does, and comes back no sooner
than `Retry-After`.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from demo.client import Json
from demo.installation import Installation
from tests.benchmarks.concurrency.fixture_data import ALIASES, FixtureData
from tests.installation import CAUSAL
from tests.load.clients import ConsoleVisitor, CountingClient, NotAnswered
from tests.load.counters import Counters, Outcome
from tests.load.threads import Threads

CONSOLE_SHARE = 0.1
"""Of the clients: they use the console, the others the API."""
PAUSE_SECONDS = 1.0
"""Between two actions of a client, on average."""
TIMEOUT_SECONDS = 120.0
CANCELLED_SHARE = 0.2
KEY_SECONDS = 6.0
"""For so long every client that submits sends the same idempotency key; most send it twice at once."""
QUESTIONS = ("設備{n}の点検は何日ごとですか", "部品{n}の異常の値はいくつですか", "設備{n}は誰が点検しますか")
PAGES = ("/", "/documents", "/jobs", "/releases", "/training", "/knowledge", "/chat", "/settings/members")


@dataclass
class Change:
    """A publication or rollback that was requested."""

    client: str
    alias: str
    action: str
    release: str | None
    """As answered; for a publication without an answer, as requested."""
    began: float
    ended: float
    acknowledged: bool


@dataclass
class Acknowledged:
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
class LoadClient:
    number: int
    data: FixtureData
    api: CountingClient
    acknowledged: Acknowledged
    random: random.Random
    started: float

    def run(self, stop: threading.Event) -> None:
        # Each begins with another action, so that none is missing from a short run.
        action = ACTIONS[self.number % len(ACTIONS)]
        pause = self.random.random() * PAUSE_SECONDS
        while not stop.wait(pause):
            retry_after = 0.0
            try:
                action(self)
            except NotAnswered as error:
                retry_after = error.retry_after * (1 + self.random.random())
            (action,) = self.random.choices(ACTIONS, WEIGHTS)
            pause = retry_after + self.random.expovariate(1 / PAUSE_SECONDS)

    # -- reading ------------------------------------------------------------------------------------
    def read(self) -> None:
        template = self.random.choice(READS)
        path = template.format(alias=self.random.choice(ALIASES), store=self.data.store)
        self.api.send_counted("GET", path, route=f"GET {template.partition('?')[0]}")

    def search(self) -> None:
        route, path = "POST /vector_stores/{id}/search", f"/vector_stores/{self.data.store}/search"
        body = {"query": self._question(), "max_num_results": 5}
        found = self.api.send_counted("POST", path, route=route, json=body)
        if not found["data"]:
            self.api.counters.add(route, Outcome.FAILED, detail="found nothing")

    def _question(self) -> str:
        return self.random.choice(QUESTIONS).format(n=self.random.randrange(24))

    # -- uploads ------------------------------------------------------------------------------------
    def upload(self) -> None:
        content = self._content()
        is_shared = self.random.random() < 0.2
        name = f"共有{self.random.randrange(5)}.txt" if is_shared else f"{_sha256(content)[:20]}.txt"
        files, form = {"file": (name, content)}, {"purpose": "user_data"}
        made = self.api.send_counted("POST", "/files", route="POST /files", files=files, data=form)
        self.acknowledged.revisions[made["revision"]["id"]] = made["revision"]["sha256"]
        if not is_shared:
            # Of a shared name, another client's revision may be the newest by now.
            self.acknowledged.uploads[made["id"]] = (_sha256(content), len(content))

    def upload_in_parts(self) -> None:
        content = self._content()
        body = {
            "filename": f"{_sha256(content)[:20]}-parts.txt",
            "bytes": len(content),
            "purpose": "user_data",
            "mime_type": "text/plain",
        }
        upload = self.api.send_counted("POST", "/uploads", route="POST /uploads", json=body)["id"]
        middle, path = len(content) // 2, f"/uploads/{upload}"
        parts = [
            self.api.send_counted(
                "POST", f"{path}/parts", route="POST /uploads/{id}/parts", files={"data": ("part", piece)}
            )
            for piece in (content[:middle], content[middle:])
        ]
        order = {"part_ids": [part["id"] for part in parts]}
        completed = at_once(
            2,
            lambda: self.api.try_counted(
                "POST", f"{path}/complete", route="POST /uploads/{id}/complete", json=order
            ),
        )
        for made in completed:
            self.acknowledged.completions[upload].add(made["file"]["id"])
            self.acknowledged.uploads[made["file"]["id"]] = (_sha256(content), len(content))

    def _content(self) -> bytes:
        letters = self.random.choices(
            "設備点検記録係員部品運転停止温度圧力流量", k=self.random.randrange(300, 12_000)
        )
        return f"{self.number} {self.random.getrandbits(64)}\n{''.join(letters)}".encode()

    # -- jobs and releases --------------------------------------------------------------------------
    def submit(self) -> None:
        """Most send it twice at once, and several clients send the same; then the job is cancelled."""
        slot = int((time.monotonic() - self.started) / KEY_SECONDS)
        key, path = f"load-{slot}", "/fine_tuning/jobs"
        body = {"model": CAUSAL, "training_file": self.data.training_file, "suffix": f"s{slot}"}

        def send() -> Any:
            headers = {"Idempotency-Key": key}
            return self.api.try_counted("POST", path, route=f"POST {path}", json=body, headers=headers)

        made = at_once(1 if self.random.random() < 0.3 else 2, send)
        for run in made:
            self.acknowledged.submissions[key].add(run["id"])
        if made:
            route = f"POST {path}/{{id}}/cancel"
            self.api.send_counted("POST", f"{path}/{made[0]['id']}/cancel", route=route, expected=(409,))

    def publish(self) -> None:
        alias, release = self.random.choice(ALIASES), self.random.choice(self.data.releases)
        route, path = "POST /releases/{id}/publish", f"/releases/{release}/publish"
        self._change(route, path, alias, "publish", release, json={"alias": alias})

    def roll_back(self) -> None:
        alias = self.random.choice(ALIASES)
        route, path = "POST /deployments/{alias}/rollback", f"/deployments/{alias}/rollback"
        self._change(route, path, alias, "rollback", None, expected=(409,))

    def _change(
        self, route: str, path: str, alias: str, action: str, release: str | None, **options: Any
    ) -> None:
        began, key_id = time.time(), self.data.keys[self.number][0]
        change = Change(key_id, alias, action, release, began, began, acknowledged=False)
        try:
            answer = self.api.send_counted("POST", path, route=route, **options)
        except NotAnswered as error:
            if error.outcome is Outcome.FAILED:  # perhaps done, perhaps not
                change.ended = time.time()
                self.acknowledged.changes.append(change)
            raise
        change.release, change.ended, change.acknowledged = answer["release"], time.time(), True
        self.acknowledged.changes.append(change)

    # -- chat ---------------------------------------------------------------------------------------
    def chat(self) -> None:
        """Half stream; a fifth of all leave before the answer has ended."""
        messages = [{"role": "user", "content": self._question()}]
        body: Json = {"model": self.random.choice(ALIASES), "messages": messages}
        leaves = self.random.random() < CANCELLED_SHARE
        if self.random.random() < 0.5:
            self.api.stream_counted(body, leave_after=self.random.randrange(1, 6) if leaves else None)
        elif leaves:
            self._chat_and_leave(body)
        else:
            self.api.send_counted("POST", "/chat/completions", route="POST /chat/completions", json=body)

    def _chat_and_leave(self, body: Json) -> None:
        route, timeout = "POST /chat/completions", httpx.Timeout(TIMEOUT_SECONDS)
        timeout.read = self.random.uniform(0.05, 1.5)
        self.api.send_counted(
            "POST", "/chat/completions", route=route, json=body, timeout=timeout, leaves=True
        )


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

ACTIONS: tuple[Callable[[LoadClient], None], ...] = (
    LoadClient.read,
    LoadClient.search,
    LoadClient.chat,
    LoadClient.upload,
    LoadClient.upload_in_parts,
    LoadClient.submit,
    LoadClient.publish,
    LoadClient.roll_back,
)
WEIGHTS = (28, 24, 16, 12, 2, 4, 8, 6)


def use_console(visitor: ConsoleVisitor, chance: random.Random, stop: threading.Event) -> None:
    pause = 0.0
    while not stop.wait(pause + chance.expovariate(1 / (2 * PAUSE_SECONDS))):
        pause = 0.0
        try:
            if visitor.signed_in:
                visitor.open(chance.choice(PAGES))
            else:
                visitor.sign_in()
        except NotAnswered as error:
            pause = error.retry_after


def run_clients(
    installation: Installation, data: FixtureData, seconds: float, seed: int
) -> tuple[Counters, Acknowledged, Sequence[str]]:
    """All clients until the time is over and the last answers are in; the crashes of clients come last."""
    counters, acknowledged, started = Counters(), Acknowledged(), time.monotonic()
    at_console = round(len(data.keys) * CONSOLE_SHARE)
    with Threads() as threads:
        for number, (_id, key) in enumerate(data.keys[at_console:]):
            api = CountingClient(installation, key, counters, TIMEOUT_SECONDS)
            chance = random.Random(f"{seed}-{number}")
            client = LoadClient(number + at_console, data, api, acknowledged, chance, started)
            threads.start(f"client {number}", lambda client=client: client.run(threads.stop))
        for number in range(at_console):
            visitor = ConsoleVisitor(
                installation, data.owner.email, data.owner.password, counters, TIMEOUT_SECONDS
            )
            chance = random.Random(f"{seed}-console-{number}")
            threads.start(
                f"visitor {number}",
                lambda visitor=visitor, chance=chance: use_console(visitor, chance, threads.stop),
            )
        threads.stop.wait(started + seconds - time.monotonic())
    return counters, acknowledged, threads.crashes


def at_once(times: int, send: Callable[[], Any]) -> list[Any]:
    """The answers to the same request sent so many times at once, without those that were refused."""
    with ThreadPoolExecutor(times) as pool:
        sent = [pool.submit(send) for _ in range(times)]
    return [answer for each in sent if (answer := each.result()) is not None]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
