"""The drill: back up a working installation, lose it, restore it elsewhere, and go on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import openai
import pytest

from demo.client import ENDED, wait_until
from tests.backup.reading import chains_hold, places_named
from tests.engines.training.tiny import make_model
from tests.installation import (
    EMBEDDING,
    ONE_CORE,
    TINY,
    IsolatedInstallation,
    Member,
    Organization,
    create_organization,
    models_or_skip,
    register_models,
    temporary_folder,
)

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
    with temporary_folder("drill") as folder:
        yield folder


def conversations() -> bytes:
    said = [("How many spare parts?", f"{number} pieces.") for number in range(PAIRS)]
    messages = ([{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in said)
    return "".join(json.dumps({"messages": pair}) + "\n" for pair in messages).encode()


def start_training(owner: Member) -> openai.types.fine_tuning.FineTuningJob:
    content = conversations()
    file = owner.openai.files.create(file=("pairs.jsonl", content), purpose="fine-tune")
    owner.openai.files.wait_for_processing(file.id, poll_interval=0.2, max_wait_seconds=120)
    return owner.openai.fine_tuning.jobs.create(
        model=TINY,
        training_file=file.id,
        method={"type": "supervised", "supervised": {"hyperparameters": HYPERPARAMETERS}},
        extra_body={"checkpoint": {"every_steps": EVERY, "keep": 3}},
    )


def search_in(owner: Member, store_id: str) -> list[str]:
    found = owner.openai.vector_stores.search(store_id, query="予備部品はいくつですか", max_num_results=2)
    return [hit.filename for hit in found.data]


def publish(organization: Organization, store_id: str) -> None:
    owner, reviewer = organization.owner.api, organization.reviewer.api
    body = {"model": TINY, "vector_store": store_id, "system_prompt": "簡潔に。"}
    release = owner.post("/releases", body).ok["id"]
    reviewer.post(f"/releases/{release}/approve", {"comment": "ok"}).check()
    owner.post(f"/releases/{release}/publish", {"alias": "production"}).check()


def answer_of(owner: Member) -> str:
    asked = [{"role": "user", "content": "予備部品はいくつですか"}]
    said = owner.openai.chat.completions.create(
        model="production", messages=asked, max_tokens=4, temperature=0
    )
    return said.choices[0].message.content or ""


def test_a_working_installation_comes_back_whole_in_another_place(places):
    models, tiny = models_or_skip(EMBEDDING), make_model(places / "models" / TINY)
    options = {"KOSHA_MODEL_ROOTS": f"{models}:{tiny.parent}", **ONE_CORE}
    old = IsolatedInstallation(places / "old", **options)
    new = IsolatedInstallation(places / "elsewhere" / "new", **options)
    backups = places / "backups"
    try:
        old.up()
        register_models(old, tiny, models / EMBEDDING)
        organization = create_organization(old, "drill")
        before = work_and_back_up(old, organization, backups)
        old.end()  # the machine is lost: nothing is asked to stop
        restored = new.ask("restore", str(backups))
        assert restored["models_missing"] == [] and restored["warnings"] == []
        assert restored["jobs_continued"] >= 1
        new.up()
        owner = replace(organization.owner, base_url=new.base_url)
        assert chains_hold(new)
        for id, content in before.acknowledged.items():
            assert owner.openai.files.content(id).content == content
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


def work_and_back_up(old: IsolatedInstallation, organization: Organization, backups: Path) -> Before:
    """Uploads and a training go on while the backup is made; what was acknowledged before it."""
    owner = organization.owner
    rule = owner.openai.files.create(
        file=("予備.txt", "予備部品は二個とする。".encode()), purpose="user_data"
    )
    store = owner.openai.vector_stores.create(name="rules", file_ids=[rule.id])
    wait_until(
        lambda: owner.openai.vector_stores.retrieve(store.id), lambda store: store.status == "completed", 120
    )
    publish(organization, store.id)
    answer = answer_of(owner)
    run = start_training(owner)
    wait_until(lambda: steps_saved(owner, run.id), bool, 120)
    uploads = Uploads(owner.openai)
    thread = threading.Thread(target=uploads.run)
    thread.start()
    try:
        wait_until(lambda: len(uploads.acknowledged), lambda count: count >= 5, 60)
        acknowledged, step = dict(uploads.acknowledged), max(steps_saved(owner, run.id))
        made = old.ask("backup", str(backups))
    finally:
        uploads.stop.set()
        thread.join()
    assert (made["fault_count"], made["organizations"]) == (0, 1)
    assert made["jobs_in_flight"] >= 1
    return Before(acknowledged, store.id, search_in(owner, store.id), answer, run.id, step)


def steps_saved(owner: Member, run_id: str) -> list[int]:
    assert (error := owner.openai.fine_tuning.jobs.retrieve(run_id).error) is None, error
    return [
        checkpoint.step_number for checkpoint in owner.openai.fine_tuning.jobs.checkpoints.list(run_id).data
    ]


def goes_on_and_can_be_cancelled(owner: Member, before: Before) -> None:
    job_id = owner.openai.fine_tuning.jobs.retrieve(before.run).kosha["job"]
    going_on = wait_until(lambda: resumed_at(owner, job_id), bool, 120)
    assert max(going_on) >= before.backed_up_step
    wait_until(lambda: steps_saved(owner, before.run), lambda steps: max(steps) > max(going_on), 60)
    owner.openai.fine_tuning.jobs.cancel(before.run)
    run = wait_until(
        lambda: owner.openai.fine_tuning.jobs.retrieve(before.run), lambda run: run.status in ENDED, 60
    )
    assert (run.status, run.fine_tuned_model) == ("cancelled", None)


def resumed_at(owner: Member, job_id: str) -> list[int]:
    """The steps that attempts continued from."""
    events = owner.api.every(f"/jobs/{job_id}/events")
    return [step for event in events if (step := event["data"].get("resumed_from_step"))]
