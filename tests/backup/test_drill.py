"""The drill: back up a working installation, lose it, restore it elsewhere, and go on."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace

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


class Drill:
    """What the organization does before the backup, and finds again after the restore."""

    def __init__(self, organization: Organization) -> None:
        self.owner, self.reviewer = organization.owner, organization.reviewer

    def work(self) -> None:
        """Index a document, publish a model with it, and start a training."""
        client, api = self.owner.openai, self.owner.api
        rule = client.files.create(file=("予備.txt", "予備部品は二個とする。".encode()), purpose="user_data")
        self.store = client.vector_stores.create(name="rules", file_ids=[rule.id]).id
        wait_until(
            lambda: client.vector_stores.retrieve(self.store), lambda store: store.status == "completed", 120
        )
        body = {"model": TINY, "vector_store": self.store, "system_prompt": "簡潔に。"}
        release = api.post("/releases", body).ok["id"]
        self.reviewer.api.post(f"/releases/{release}/approve", {"comment": "ok"}).check()
        api.post(f"/releases/{release}/publish", {"alias": "production"}).check()
        lines = []
        for number in range(PAIRS):
            asked = {"role": "user", "content": "How many spare parts?"}
            lines.append(
                json.dumps({"messages": [asked, {"role": "assistant", "content": f"{number} pieces."}]})
            )
        file = client.files.create(file=("pairs.jsonl", "\n".join(lines).encode()), purpose="fine-tune")
        client.files.wait_for_processing(file.id, poll_interval=0.2, max_wait_seconds=120)
        run = client.fine_tuning.jobs.create(
            model=TINY,
            training_file=file.id,
            method={"type": "supervised", "supervised": {"hyperparameters": HYPERPARAMETERS}},
            extra_body={"checkpoint": {"every_steps": EVERY, "keep": 3}},
        )
        self.run, self.job = run.id, run.kosha["job"]
        wait_until(self.steps_saved, bool, 120)

    def found(self) -> tuple[list[str], str | None]:
        """What a search finds, and what the published model answers."""
        client, question = self.owner.openai, "予備部品はいくつですか"
        hits = client.vector_stores.search(self.store, query=question, max_num_results=2).data
        asked = [{"role": "user", "content": question}]
        said = client.chat.completions.create(model="production", messages=asked, max_tokens=4, temperature=0)
        return [hit.filename for hit in hits], said.choices[0].message.content

    def steps_saved(self) -> list[int]:
        jobs = self.owner.openai.fine_tuning.jobs
        assert (error := jobs.retrieve(self.run).error) is None, error
        return [checkpoint.step_number for checkpoint in jobs.checkpoints.list(self.run).data]

    def continues_and_can_be_cancelled(self, from_step: int) -> None:
        def resumed_at() -> list[int]:
            events = self.owner.api.every(f"/jobs/{self.job}/events")
            return [step for event in events if (step := event["data"].get("resumed_from_step"))]

        step = max(wait_until(resumed_at, bool, 120))
        assert step >= from_step
        wait_until(self.steps_saved, lambda steps: max(steps) > step, 60)
        jobs = self.owner.openai.fine_tuning.jobs
        jobs.cancel(self.run)
        run = wait_until(lambda: jobs.retrieve(self.run), lambda run: run.status in ENDED, 60)
        assert (run.status, run.fine_tuned_model) == ("cancelled", None)


def test_a_working_installation_comes_back_whole_in_another_place():
    with temporary_folder("drill") as places, ExitStack() as ends:
        models, tiny = models_or_skip(EMBEDDING), make_model(places / "models" / TINY)
        options = {"KOSHA_MODEL_ROOTS": f"{models}:{tiny.parent}", **ONE_CORE}
        old = IsolatedInstallation(places / "old", **options)
        new = IsolatedInstallation(places / "elsewhere" / "new", **options)
        ends.callback(old.end)
        ends.callback(new.end)
        old.up()
        register_models(old, tiny, models / EMBEDDING)
        drill = Drill(create_organization(old, "drill"))
        drill.work()
        found = drill.found()
        # Uploads and the training go on while the backup is made.
        uploads = Uploads(drill.owner.openai)
        thread = threading.Thread(target=uploads.run)
        thread.start()
        try:
            wait_until(lambda: len(uploads.acknowledged), lambda count: count >= 5, 60)
            acknowledged, step = dict(uploads.acknowledged), max(drill.steps_saved())
            made = old.ask("backup", str(places / "backups"))
        finally:
            uploads.stop.set()
            thread.join()
        assert (made["fault_count"], made["organizations"]) == (0, 1) and made["jobs_in_flight"] >= 1
        old.end()  # the machine is lost: nothing is asked to stop
        restored = new.ask("restore", str(places / "backups"))
        assert restored["models_missing"] == [] and restored["warnings"] == []
        assert restored["jobs_continued"] >= 1
        new.up()
        drill.owner = replace(drill.owner, base_url=new.base_url)
        assert chains_hold(new)
        for id, content in acknowledged.items():
            assert drill.owner.openai.files.content(id).content == content
        assert drill.found() == found
        drill.continues_and_can_be_cancelled(step)
        assert places_named(new, places / "old") == []
        new.stop()
        assert new.processes() == []
