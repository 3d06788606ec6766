"""The drill: back up a working installation, lose it, restore it elsewhere, and go on."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import openai
import pytest

from tests.backup.reading import chains_hold, places_named
from tests.end_to_end.client import ENDED, connect, every, post, until
from tests.end_to_end.conftest import EMBEDDING, TINY, People, organize, register
from tests.engines.training.tiny import make_model
from tests.stack.installation import ONE_CORE, Installation

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(600)]

# The tiny model's steps take milliseconds: what the run does is not the matter here, only that it still goes
# on when it is backed up, however fast the machine. The test cancels it when it has seen it go on.
PAIRS = 3000
EVERY = 20
HYPERPARAMETERS = {"sequence_length": 256, "tokens_per_step": 256, "lora_rank": 2, "epochs": 100}
PAUSE = 0.3
"""Seconds between two uploads: each is read by a process of its own, and the others here need time, too."""


@dataclass
class Uploads:
    """Uploads that go on until they are stopped, and what was acknowledged."""

    client: openai.OpenAI
    acknowledged: dict[str, bytes] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        number = 0
        with suppress(openai.APIError):  # the installation is killed under it
            while not self.stop.is_set():
                number += 1
                content = f"第{number}条 予備部品は{number * 7}個とする。\n".encode() * 20
                file = self.client.files.create(file=(f"{number}.txt", content), purpose="user_data")
                self.acknowledged[file.id] = content
                if number % 5 == 0:
                    # A deletion erases its file at once, also under a backup.
                    self.acknowledged.pop(file.id)
                    self.client.files.delete(file.id)
                self.stop.wait(PAUSE)


@pytest.fixture
def places() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kosha-drill-", ignore_cleanup_errors=True) as name:
        # PostgreSQL's unprivileged account must get at its folder inside.
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def models(repository: Path) -> Path:
    folder = repository / "var" / "models"
    if not (folder / EMBEDDING).is_dir():
        reason = f"`make models` makes {folder / EMBEDDING}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return folder


def conversations() -> bytes:
    said = [("How many spare parts?", f"{number} pieces.") for number in range(PAIRS)]
    messages = ([{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in said)
    return "".join(json.dumps({"messages": pair}) + "\n" for pair in messages).encode()


def start_training(owner: openai.OpenAI) -> openai.types.fine_tuning.FineTuningJob:
    content = conversations()
    file = owner.files.create(file=("pairs.jsonl", content), purpose="fine-tune")
    owner.files.wait_for_processing(file.id, poll_interval=0.2, max_wait_seconds=120)
    return owner.fine_tuning.jobs.create(
        model=TINY,
        training_file=file.id,
        method={"type": "supervised", "supervised": {"hyperparameters": HYPERPARAMETERS}},
        extra_body={"checkpoint": {"every_steps": EVERY, "keep": 3}},
    )


def search_in(owner: openai.OpenAI, store_id: str) -> list[str]:
    found = owner.vector_stores.search(store_id, query="予備部品はいくつですか", max_num_results=2)
    return [hit.filename for hit in found.data]


def publish(people: People, store_id: str) -> None:
    release = post(
        people.owner, "/releases", {"model": TINY, "vector_store": store_id, "system_prompt": "簡潔に。"}
    )
    post(people.reviewer, f"/releases/{release['id']}/approve", {"comment": "ok"})
    post(people.owner, f"/releases/{release['id']}/publish", {"alias": "production"})


def answer_of(owner: openai.OpenAI) -> str:
    asked = [{"role": "user", "content": "予備部品はいくつですか"}]
    said = owner.chat.completions.create(model="production", messages=asked, max_tokens=4, temperature=0)
    return said.choices[0].message.content or ""


def test_a_working_installation_comes_back_whole_in_another_place(repository, models, places):
    tiny = make_model(places / "models" / TINY)
    options = {"KOSHA_MODEL_ROOTS": f"{models}:{tiny.parent}", **ONE_CORE}
    old = Installation(repository, places / "old", **options)
    new = Installation(repository, places / "elsewhere" / "new", **options)
    backups = places / "backups"
    try:
        old.up()
        register(old, tiny, models / EMBEDDING)
        people = organize(old, "drill")
        before = work_and_back_up(old, people, backups)
        old.end()  # the machine is lost: nothing is asked to stop
        restored = new.ask("restore", str(backups))
        assert restored["models_missing"] == [] and restored["warnings"] == []
        assert restored["jobs_continued"] >= 1
        new.up()
        owner = connect(new.state["base_url"], people.owner.api_key)
        assert chains_hold(new)
        for id, content in before.acknowledged.items():
            assert owner.files.content(id).content == content
        assert search_in(owner, before.store) == before.found
        assert answer_of(owner) == before.answer
        goes_on_and_can_be_cancelled(owner, before)
        assert places_named(new, places / "old") == []
        new.stop()
        assert new.processes() == []
    finally:
        old.end()
        new.end()


@dataclass(frozen=True)
class Before:
    acknowledged: dict[str, bytes]
    store: str
    found: list[str]
    answer: str
    run: str
    backed_up_step: int


def work_and_back_up(old: Installation, people: People, backups: Path) -> Before:
    """Uploads and a training go on while the backup is made; what was acknowledged before it."""
    owner = people.owner
    rule = owner.files.create(file=("予備.txt", "予備部品は二個とする。".encode()), purpose="user_data")
    store = owner.vector_stores.create(name="rules", file_ids=[rule.id])
    until(lambda: owner.vector_stores.retrieve(store.id), lambda store: store.status == "completed", 120)
    publish(people, store.id)
    answer = answer_of(owner)
    run = start_training(owner)
    until(lambda: steps_saved(owner, run.id), bool, 120)
    uploads = Uploads(owner)
    thread = threading.Thread(target=uploads.run)
    thread.start()
    try:
        until(lambda: len(uploads.acknowledged), lambda count: count >= 5, 60)
        acknowledged, step = dict(uploads.acknowledged), max(steps_saved(owner, run.id))
        made = old.ask("backup", str(backups))
    finally:
        uploads.stop.set()
        thread.join()
    assert (made["fault_count"], made["organizations"]) == (0, 1)
    assert made["jobs_in_flight"] >= 1
    return Before(acknowledged, store.id, search_in(owner, store.id), answer, run.id, step)


def steps_saved(owner: openai.OpenAI, run_id: str) -> list[int]:
    assert (error := owner.fine_tuning.jobs.retrieve(run_id).error) is None, error
    return [checkpoint.step_number for checkpoint in owner.fine_tuning.jobs.checkpoints.list(run_id).data]


def goes_on_and_can_be_cancelled(owner: openai.OpenAI, before: Before) -> None:
    job_id = owner.fine_tuning.jobs.retrieve(before.run).kosha["job"]
    going_on = until(lambda: resumed_at(owner, job_id), bool, 120)
    assert max(going_on) >= before.backed_up_step
    until(lambda: steps_saved(owner, before.run), lambda steps: max(steps) > max(going_on), 60)
    owner.fine_tuning.jobs.cancel(before.run)
    run = until(lambda: owner.fine_tuning.jobs.retrieve(before.run), lambda run: run.status in ENDED, 60)
    assert (run.status, run.fine_tuned_model) == ("cancelled", None)


def resumed_at(owner: openai.OpenAI, job_id: str) -> list[int]:
    """The steps that attempts continued from."""
    events = every(owner, f"/jobs/{job_id}/events")
    return [step for event in events if (step := event["data"].get("resumed_from_step"))]
