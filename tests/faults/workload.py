"""Real work through the public API while faults happen: uploads, trainings, index builds, chats, backups.

Whatever the API acknowledges is kept and looked for afterwards.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo.client import ENDED, Json, StreamTruncated, wait_until
from tests.end_to_end.invented_company import Company, conversations
from tests.faults.installation import FaultyInstallation
from tests.installation import CAUSAL, TINY
from tests.load.clients import ConsoleVisitor, CountingClient, NotAnswered
from tests.load.counters import Outcome
from tests.load.threads import Threads

TIMEOUT_SECONDS = 20.0
CHAT_SECONDS = 40.0
PREPARATION_SECONDS = 180.0
PART_BYTES = 150_000
PAGES = ("/", "/documents", "/jobs", "/training", "/knowledge", "/releases", "/health")


@dataclass(frozen=True)
class Training:
    """A training that is run again and again, and once more undisturbed to compare with."""

    name: str
    model: str
    steps: int
    every: int
    """Steps between two checkpoints."""
    processes: int = 1

    def body(self, training_file: str) -> Json:
        settings = {"sequence_length": 128, "tokens_per_step": 128, "lora_rank": 4, "lora_dropout": 0.1}
        settings |= {"max_steps": self.steps, "epochs": 100, "seed": 7}
        distributed = {"processes": self.processes, "zero_stage": 1}
        return {
            "model": self.model,
            "training_file": training_file,
            "suffix": self.name,
            "method": {"type": "supervised", "supervised": {"hyperparameters": settings}},
            "checkpoint": {"every_steps": self.every},
            **({"distributed": distributed} if self.processes > 1 else {}),
        }


@dataclass(frozen=True)
class Workload:
    trainings: tuple[Training, ...]
    """One after the other, again and again."""
    pause_factor: float = 1.0
    """Multiplies the pauses between two actions."""


WORKLOAD = Workload(
    (
        Training("ranks", TINY, steps=400, every=8, processes=2),
        Training("single", CAUSAL, steps=24, every=4),
        Training("long", CAUSAL, steps=48, every=6),
    )
)
SHORT_WORKLOAD = Workload((Training("single", TINY, steps=400, every=10),), pause_factor=3.0)
CANCELLED = Training("cancelled", TINY, steps=100_000, every=500)
"""Too long to end by itself: it is started to be cancelled."""


@dataclass
class Acknowledged:
    """What the API said it had accepted."""

    files: dict[str, str] = field(default_factory=dict)
    """sha256 by file id."""
    trainings: dict[str, str] = field(default_factory=dict)
    """Name of the training by id of its run (`ftjob-…`)."""
    stores: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    """Runs that were started to be cancelled."""
    truncated_streams: list[str] = field(default_factory=list)
    """Streams that ended in good order, but with neither `[DONE]` nor an error."""
    backups: int = 0


class Clients:
    """Threads that each repeat one action until `end()`."""

    def __init__(
        self,
        installation: FaultyInstallation,
        api: CountingClient,
        visitor: ConsoleVisitor,
        company: Company,
        workload: Workload,
    ) -> None:
        self.api = api
        self.trainings = workload.trainings
        self.acknowledged = Acknowledged()
        self.threads = Threads()
        self._installation = installation
        self._visitor = visitor
        self._pause_factor = workload.pause_factor
        self._company = company
        self._company_lock = threading.Lock()
        self._numbers = itertools.count(1)

    def prepare(self) -> None:
        """What the actions need: a file to train on, and a store that can be searched."""
        with self._company_lock:
            content = conversations([self._company.fact() for _ in range(24)])
        self._training_file = self._until_accepted(lambda: self._upload("pairs.jsonl", content, "fine-tune"))
        first = self._until_accepted(lambda: self._upload("first.txt", self._text(), "user_data"))
        for file in (self._training_file, first):
            self._until_accepted(lambda file=file: self._is_processed(file))
        body = {"name": "faults", "file_ids": [first]}
        made = self._until_accepted(lambda: self.api.try_counted("POST", "/vector_stores", json=body))
        self._store = made["id"]
        self.acknowledged.stores.append(self._store)

    def _until_accepted(self, action: Callable[[], Any]) -> Any:
        def attempt() -> Any:
            try:
                return action()
            except NotAnswered:
                return None

        return wait_until(attempt, bool, PREPARATION_SECONDS)

    def _is_processed(self, file: str) -> bool:
        return bool(self.api.send_counted("GET", f"/files/{file}")["status"] == "processed")

    # -- the threads --------------------------------------------------------------------------------
    def begin(self) -> None:
        # Pauses in seconds, for two cores: each upload starts a process that reads it, and trainings come last.
        for action, pause in (
            (self.upload, 5.0),
            (self.upload_in_parts, 12.0),
            (self.train, 1.0),
            (self.index, 20.0),
            (self.chat, 8.0),
            (self.stream, 9.0),
            (self.search, 4.0),
            (self.pause_and_resume, 75.0),
            (self.cancel, 90.0),
            (self.visit_console, 6.0),
            (self.back_up, 100.0),
        ):
            work = _ignoring_refusals(action)
            self.threads.repeat(action.__name__, work, pause * self._pause_factor)

    def end(self) -> None:
        self.threads.end()

    # -- documents ----------------------------------------------------------------------------------
    def upload(self) -> None:
        self._upload(f"note-{next(self._numbers)}.txt", self._text(), "user_data")

    def upload_in_parts(self) -> None:
        content, name = self._text() * 400, f"book-{next(self._numbers)}.txt"
        body = {"filename": name, "bytes": len(content), "purpose": "user_data", "mime_type": "text/plain"}
        path = f"/uploads/{self.api.send_counted('POST', '/uploads', json=body)['id']}"
        parts = [
            self.api.send_counted(
                "POST", f"{path}/parts", files={"data": (name, content[start : start + PART_BYTES])}
            )
            for start in range(0, len(content), PART_BYTES)
        ]
        order = {"part_ids": [part["id"] for part in parts]}
        done = self.api.send_counted("POST", f"{path}/complete", json=order)
        self.acknowledged.files[done["file"]["id"]] = hashlib.sha256(content).hexdigest()

    def _upload(self, name: str, content: bytes, purpose: str) -> str:
        files, form = {"file": (name, content)}, {"purpose": purpose}
        done = self.api.send_counted("POST", "/files", files=files, data=form)
        self.acknowledged.files[done["id"]] = hashlib.sha256(content).hexdigest()
        return str(done["id"])

    def _text(self) -> bytes:
        with self._company_lock:
            return "\n".join(self._company.paragraph() for _ in range(3)).encode()

    # -- trainings ----------------------------------------------------------------------------------
    def train(self) -> None:
        """Start the next training once the newest has ended."""
        done = self.acknowledged.trainings
        newest = next(reversed(done), None)
        if newest is None or self._status(newest) in ENDED:
            training = self.trainings[len(done) % len(self.trainings)]
            done[self.start(training, f"training-{len(done)}")] = training.name

    def start(self, training: Training, key: str) -> str:
        """The run's id. With the same key it is one training, however often it is sent."""
        headers, body = {"Idempotency-Key": key}, training.body(self._training_file)
        return str(self.api.send_counted("POST", "/fine_tuning/jobs", json=body, headers=headers)["id"])

    def pause_and_resume(self) -> None:
        """Pause the newest training, then resume it, however often that has to be tried."""
        run = next(reversed(self.acknowledged.trainings), None)
        if run is None:
            return
        self.api.send_counted("POST", f"/fine_tuning/jobs/{run}/pause")
        while (status := self._try_status(run)) not in ENDED:
            if status == "paused" and self.api.try_counted("POST", f"/fine_tuning/jobs/{run}/resume"):
                return
            time.sleep(1)  # between looks at a run that is stopping

    def cancel(self) -> None:
        """Cancel a training as soon as it runs, or in the queue where that takes long."""
        run = self.start(CANCELLED, f"cancelled-{len(self.acknowledged.cancelled)}")
        self.acknowledged.cancelled.append(run)
        deadline = time.monotonic() + 15
        while self._try_status(run) != "running" and time.monotonic() < deadline:
            time.sleep(1)  # between looks at a run that is queued
        while self._try_status(run) not in ENDED:
            self.api.try_counted("POST", f"/fine_tuning/jobs/{run}/cancel")
            time.sleep(1)

    def _status(self, run: str) -> str:
        return str(self.api.send_counted("GET", f"/fine_tuning/jobs/{run}")["status"])

    def _try_status(self, run: str) -> str | None:
        body = self.api.try_counted("GET", f"/fine_tuning/jobs/{run}")
        return None if body is None else str(body["status"])

    # -- search, chat, console, backup --------------------------------------------------------------
    def index(self) -> None:
        """Add one more document to the store, which makes it build its index again."""
        files = list(self.acknowledged.files)
        file = files[next(self._numbers) % len(files)]
        self.api.send_counted("POST", f"/vector_stores/{self._store}/files", json={"file_id": file})

    def search(self) -> None:
        path = f"/vector_stores/{self._store}/search"
        self.api.send_counted("POST", path, json={"query": "棚卸し"}, timeout=CHAT_SECONDS)

    def chat(self) -> None:
        body = _question("Say hello.", 4)
        self.api.send_counted("POST", "/chat/completions", json=body, timeout=CHAT_SECONDS)

    def stream(self) -> None:
        try:
            self.api.stream_counted(_question("Say much.", 24), timeout=CHAT_SECONDS)
        except NotAnswered as error:
            if isinstance(error.__cause__, StreamTruncated):
                self.acknowledged.truncated_streams.append("a streamed chat")
            raise

    def visit_console(self) -> None:
        if self._visitor.signed_in:
            self._visitor.open(PAGES[next(self._numbers) % len(PAGES)])
        else:
            self._visitor.sign_in()

    def back_up(self) -> None:
        outcome = self._installation.back_up()
        is_made = outcome == "made"
        counted = Outcome.ANSWERED if is_made else Outcome.REFUSED
        self.api.counters.add("manage.py backup", counted, detail=outcome)
        self.acknowledged.backups += is_made


def _ignoring_refusals(action: Callable[[], None]) -> Callable[[], None]:
    """Refusals and silence are counted; they end the action, and are no crash."""

    def work() -> None:
        try:
            action()
        except NotAnswered:
            return

    return work


def _question(content: str, max_tokens: int) -> Json:
    return {
        "model": CAUSAL,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": max_tokens,
    }
