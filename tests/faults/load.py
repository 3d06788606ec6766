"""Real work through the public API while everything is being killed: uploads, trainings, builds, chats.

Whatever was acknowledged (an answer below 300 came back) is remembered and looked for afterwards.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.end_to_end.invention import Company, conversations
from tests.faults.installation import StormedInstallation

Json = dict[str, Any]

CAUSAL, EMBEDDING, TINY = "smollm2-135m", "e5-small", "tiny"
ENDED = ("succeeded", "failed", "cancelled")
PART_BYTES = 150_000


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


RECIPES = (
    Recipe("single", CAUSAL, steps=24, every=4),
    Recipe("ranks", TINY, steps=160, every=8, processes=2),
    Recipe("long", CAUSAL, steps=48, every=6),
)
SHORT_RECIPES = (
    Recipe("single", CAUSAL, steps=9, every=3),
    Recipe("ranks", TINY, steps=40, every=4, processes=2),
)


@dataclass
class Acknowledged:
    """What the API said it had taken."""

    files: dict[str, str] = field(default_factory=dict)
    """sha256 by file id."""
    trainings: dict[str, str] = field(default_factory=dict)
    """Recipe's name by id of the run (`ftjob-…`)."""
    stores: list[str] = field(default_factory=list)


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
            self._count(f"{route} no answer")
            return None
        self._count(f"{route} {answer.status_code} {_code(answer)}".strip())
        return answer

    def taken(self, method: str, path: str, **more: Any) -> Json | None:
        """The body of a success; None for anything else."""
        answer = self.call(method, path, **more)
        return answer.json() if answer is not None and answer.status_code < 300 else None

    def _count(self, what: str) -> None:
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


class Load:
    """Threads of customers; each repeats its errand until `end()`."""

    def __init__(self, api: Api, seed: int, recipes: tuple[Recipe, ...] = RECIPES) -> None:
        self.api = api
        self.recipes = recipes
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
                              (self.index, 20.0), (self.chat, 8.0), (self.search, 4.0)):  # fmt: skip
            thread = threading.Thread(target=self._repeat, args=(errand, pause), name=errand.__name__)
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

    def index(self) -> None:
        """One more document for the search, which has its index built anew by that."""
        files = list(self.seen.files)
        file = files[self._next() % len(files)]
        self.api.call("POST", f"/vector_stores/{self.store}/files", json={"file_id": file})

    def chat(self) -> None:
        body = {"model": CAUSAL, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4}
        self.api.call("POST", "/chat/completions", json=body, timeout=40)

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
