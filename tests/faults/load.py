"""Real work through the public API while everything is being killed: uploads, trainings, builds, chats.

Whatever was acknowledged (an answer below 300 came back) is remembered and looked for afterwards.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.end_to_end.invented_company import Company, conversations
from tests.faults.installation import StormedInstallation

Json = dict[str, Any]

CAUSAL, EMBEDDING, TINY = "smollm2-135m", "e5-small", "tiny"
ENDED = ("succeeded", "failed", "cancelled")
PART_BYTES = 150_000
ROOMS = ("/", "/documents", "/jobs", "/training", "/knowledge", "/releases", "/health")


@dataclass(frozen=True)
class Recipe:
    """A training that is run again and again, and once more in the calm to compare with."""

    name: str
    model: str
    steps: int
    every: int
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
class Work:
    recipes: tuple[Recipe, ...]
    """Trained one after the other, again and again."""
    leisure: float = 1.0
    """So many times the usual pause between two errands."""


WORK = Work(
    (
        Recipe("ranks", TINY, steps=400, every=8, processes=2),
        Recipe("single", CAUSAL, steps=24, every=4),
        Recipe("long", CAUSAL, steps=48, every=6),
    )
)
SHORT_WORK = Work((Recipe("single", TINY, steps=400, every=10),), leisure=3.0)
GIVEN_UP = Recipe("given-up", TINY, steps=100_000, every=500)
"""Never comes to its end by itself: somebody thinks better of it."""


@dataclass
class Acknowledged:
    """What the API said it had taken."""

    files: dict[str, str] = field(default_factory=dict)
    """sha256 by file id."""
    trainings: dict[str, str] = field(default_factory=dict)
    """Recipe's name by id of the run (`ftjob-…`)."""
    stores: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    """Runs that were started to be cancelled."""
    quiet_ends: list[str] = field(default_factory=list)
    """Streams that ended in good order, but with neither `[DONE]` nor an error."""
    backups: int = 0


class Api:
    """The public API at whatever address it has at the moment; every answer is counted."""

    def __init__(self, installation: StormedInstallation, key: str) -> None:
        self._installation = installation
        self._http = httpx.Client(headers={"Authorization": f"Bearer {key}"}, trust_env=False)
        self.answers: Counter[str] = Counter()
        self._lock = threading.Lock()

    def call(self, method: str, path: str, *, timeout: float = 20, **more: Any) -> httpx.Response | None:
        """None where nobody answered."""
        route = f"{method} /{path.split('/')[1]}"
        try:
            url = f"{self._installation.state['base_url']}/v1{path}"
            answer = self._http.request(method, url, timeout=timeout, **more)
        except (httpx.HTTPError, KeyError):
            self.count(f"{route} no answer")
            return None
        self.count(f"{route} {answer.status_code} {_code(answer)}".strip())
        return answer

    def taken(self, method: str, path: str, **more: Any) -> Json | None:
        """The body of a success; None for anything else."""
        answer = self.call(method, path, **more)
        return answer.json() if answer is not None and answer.status_code < 300 else None

    def stream(self, path: str, body: Json, *, timeout: float = 40) -> str | None:
        """How a streamed answer ended: `done`, `told`, `quiet`; None where it broke off or never began."""
        route = f"POST /{path.split('/')[1]} stream"
        end = "quiet"
        try:
            url = f"{self._installation.state['base_url']}/v1{path}"
            with self._http.stream("POST", url, json={**body, "stream": True}, timeout=timeout) as answer:
                if answer.status_code != 200:
                    answer.read()
                    self.count(f"{route} {answer.status_code} {_code(answer)}")
                    return None
                for line in answer.iter_lines():
                    if line.startswith('data: {"error"'):
                        end = "told"
                    elif line == "data: [DONE]" and end == "quiet":
                        end = "done"
        except (httpx.HTTPError, KeyError):
            self.count(f"{route} broke off")
            return None
        self.count(f"{route} {end}")
        return end

    def count(self, what: str) -> None:
        with self._lock:
            self.answers[what] += 1


def _code(answer: httpx.Response) -> str:
    """The stable code of a refusal; `?` for one that has none."""
    if answer.status_code < 400:
        return ""
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return "?"


class Visitor:
    """A person at the console, who signs in again whenever the session is gone."""

    def __init__(self, installation: StormedInstallation, api: Api, email: str, password: str) -> None:
        self._installation = installation
        self._api = api
        self._login = {"username": email, "password": password}
        self._browser = httpx.Client(trust_env=False, timeout=20)

    def open(self, room: str) -> None:
        answer = self._send("GET", room)
        if answer is not None and answer.is_redirect:
            self._sign_in()

    def _sign_in(self) -> None:
        form = self._send("GET", "/sign-in")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text) if form else None
        if token is not None:
            self._send("POST", "/sign-in", data={**self._login, "csrfmiddlewaretoken": token[1]})

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        try:
            url = self._installation.state["base_url"] + path
            answer = self._browser.request(method, url, **more)
        except (httpx.HTTPError, KeyError):
            self._api.count("console no answer")
            return None
        self._api.count(f"console {answer.status_code}")
        return answer


class Load:
    """Threads of customers; each repeats its errand until `end()`."""

    def __init__(
        self,
        installation: StormedInstallation,
        api: Api,
        visitor: Visitor,
        seed: int,
        work: Work,
    ) -> None:
        self.installation = installation
        self.api = api
        self.visitor = visitor
        self.recipes = work.recipes
        self._leisure = work.leisure
        self.seen = Acknowledged()
        self.crashes: list[str] = []
        self._company = Company(seed)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._count = 0

    # -- before the storm -----------------------------------------------------------------------
    def prepare(self) -> None:
        """What the errands need: a file to train from, and a search that answers."""
        content = conversations([self._company.fact() for _ in range(24)])
        self.training_file = self._until_taken(lambda: self._upload("pairs.jsonl", content, "fine-tune"))
        first = self._until_taken(lambda: self._upload("first.txt", self._text(), "user_data"))
        for file in (self.training_file, first):
            self._until_taken(lambda file=file: self._processed(file))
        body = {"name": "storm", "file_ids": [first]}
        self.store = self._until_taken(lambda: self.api.taken("POST", "/vector_stores", json=body))["id"]
        self.seen.stores.append(self.store)

    def _until_taken(self, errand: Callable[[], Any]) -> Any:
        while not (taken := errand()):
            if self._stop.wait(0.5):
                raise RuntimeError("the load was ended before it had begun")
        return taken

    def _processed(self, file: str) -> bool:
        body = self.api.taken("GET", f"/files/{file}")
        return body is not None and body["status"] == "processed"

    # -- during the storm -----------------------------------------------------------------------
    def begin(self) -> None:
        # So that two cores keep up: each upload is a process of its own to read it, and trainings come last.
        for errand, pause in ((self.upload, 5.0), (self.upload_in_parts, 12.0), (self.train, 1.0),
                              (self.index, 20.0), (self.chat, 8.0), (self.stream, 9.0), (self.search, 4.0),
                              (self.pause_and_resume, 75.0), (self.give_up, 90.0), (self.look_around, 6.0),
                              (self.back_up, 100.0)):  # fmt: skip
            thread = threading.Thread(
                target=self._repeat, args=(errand, pause * self._leisure), name=errand.__name__
            )
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, errand: Callable[[], None], pause: float) -> None:
        while not self._stop.wait(pause):
            try:
                errand()
            except Exception as error:
                # A harness that dies quietly would find nothing; `checks` reports these.
                self.crashes.append(f"{errand.__name__}: {error!r}")

    def upload(self) -> None:
        self._upload(f"note-{self._next()}.txt", self._text(), "user_data")

    def upload_in_parts(self) -> None:
        content = self._text() * 400
        name = f"book-{self._next()}.txt"
        body = {"filename": name, "bytes": len(content), "purpose": "user_data", "mime_type": "text/plain"}
        upload = self.api.taken("POST", "/uploads", json=body)
        if upload is None:
            return
        parts = []
        for start in range(0, len(content), PART_BYTES):
            files = {"data": (name, content[start : start + PART_BYTES])}
            part = self.api.taken("POST", f"/uploads/{upload['id']}/parts", files=files)
            if part is None:
                return
            parts.append(part["id"])
        done = self.api.taken("POST", f"/uploads/{upload['id']}/complete", json={"part_ids": parts})
        if done is not None:
            self.seen.files[done["file"]["id"]] = hashlib.sha256(content).hexdigest()

    def train(self) -> None:
        """The next recipe once the newest training has ended."""
        newest = next(reversed(self.seen.trainings), None)
        if newest is not None:
            body = self.api.taken("GET", f"/fine_tuning/jobs/{newest}")
            if body is None or body["status"] not in ENDED:
                return
        self.start(
            self.recipes[len(self.seen.trainings) % len(self.recipes)], f"storm-{len(self.seen.trainings)}"
        )

    def start(self, recipe: Recipe, key: str) -> str | None:
        """The same key until it is acknowledged: however often that takes, it is one training."""
        headers = {"Idempotency-Key": key}
        body = recipe.body(self.training_file)
        run = self.api.taken("POST", "/fine_tuning/jobs", json=body, headers=headers)
        if run is None:
            return None
        self.seen.trainings[run["id"]] = recipe.name
        return str(run["id"])

    def pause_and_resume(self) -> None:
        """The newest training rests for a while. Whatever happens, it is not left resting."""
        run = next(reversed(self.seen.trainings), None)
        if run is None or self.api.taken("POST", f"/fine_tuning/jobs/{run}/pause") is None:
            return
        while (status := self._status(run)) not in ENDED:
            if status == "paused" and self.api.taken("POST", f"/fine_tuning/jobs/{run}/resume"):
                return
            time.sleep(1)  # between looks at a run that is stopping

    def give_up(self) -> None:
        """A training that is cancelled as soon as it runs, or in the queue where that takes long."""
        headers = {"Idempotency-Key": f"given-up-{len(self.seen.given_up)}"}
        body = GIVEN_UP.body(self.training_file)
        run = self.api.taken("POST", "/fine_tuning/jobs", json=body, headers=headers)
        if run is None:
            return
        self.seen.given_up.append(run["id"])
        deadline = time.monotonic() + 15
        while self._status(run["id"]) != "running" and time.monotonic() < deadline:
            time.sleep(1)  # between looks at a run that waits for a place
        while self._status(run["id"]) not in ENDED:
            self.api.taken("POST", f"/fine_tuning/jobs/{run['id']}/cancel")
            time.sleep(1)

    def _status(self, run: str) -> str | None:
        body = self.api.taken("GET", f"/fine_tuning/jobs/{run}")
        return None if body is None else str(body["status"])

    def index(self) -> None:
        """One more document for the search, which has its index built anew by that."""
        files = list(self.seen.files)
        file = files[self._next() % len(files)]
        self.api.call("POST", f"/vector_stores/{self.store}/files", json={"file_id": file})

    def chat(self) -> None:
        body = {"model": CAUSAL, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4}
        self.api.call("POST", "/chat/completions", json=body, timeout=40)

    def stream(self) -> None:
        body = {"model": CAUSAL, "messages": [{"role": "user", "content": "Say much."}], "max_tokens": 24}
        if self.api.stream("/chat/completions", body) == "quiet":
            self.seen.quiet_ends.append(f"a streamed chat after {len(self.seen.quiet_ends)} others")

    def look_around(self) -> None:
        """Somebody at the console."""
        self.visitor.open(ROOMS[self._next() % len(ROOMS)])

    def back_up(self) -> None:
        outcome = self.installation.back_up()
        self.api.count(f"manage.py backup: {outcome}")
        self.seen.backups += outcome == "made"

    def search(self) -> None:
        self.api.call("POST", f"/vector_stores/{self.store}/search", json={"query": "棚卸し"}, timeout=40)

    # -- pieces ---------------------------------------------------------------------------------
    def _upload(self, name: str, content: bytes, purpose: str) -> str | None:
        done = self.api.taken("POST", "/files", files={"file": (name, content)}, data={"purpose": purpose})
        if done is None:
            return None
        self.seen.files[done["id"]] = hashlib.sha256(content).hexdigest()
        return str(done["id"])

    def _text(self) -> bytes:
        with _COMPANY:
            return "\n".join(self._company.paragraph() for _ in range(3)).encode()

    def _next(self) -> int:
        with _COMPANY:
            self._count += 1
            return self._count


_COMPANY = threading.Lock()
"""The invented company is asked by several threads."""
