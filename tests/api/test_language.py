"""The API answers in English whatever the caller's language; pages answer in the reader's."""

from __future__ import annotations

import json
import re

import pytest

from jobs.models import WaitsFor
from jobs.produced import produced_finalize
from jobs.services import job_cancel, jobs_wait
from pipelines.services import pipeline_run_advance
from schedules.services import schedule_fire
from tests.in_process import api_of

pytestmark = pytest.mark.slow

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
LANGUAGES = ["", "ja", "ja-JP,ja;q=0.9,en;q=0.1", "de"]

REFUSED = [
    ("GET", "nowhere", None),
    ("GET", "files/file-x", None),
    ("PUT", "files", None),
    ("GET", "jobs?kind=nonsense", None),
    ("GET", "vector_stores?limit=0", None),
    ("POST", "files", {"purpose": "user_data"}),
    ("POST", "uploads", {"filename": "", "bytes": 1, "purpose": "user_data", "mime_type": "text/plain"}),
    ("POST", "uploads", {"filename": "a", "bytes": 0, "purpose": "user_data", "mime_type": "text/plain"}),
    ("POST", "uploads", {"filename": "a", "bytes": 9**20, "purpose": "user_data", "mime_type": "text/plain"}),
    ("POST", "uploads", {"filename": "a", "bytes": 1, "purpose": "x", "mime_type": "text/plain"}),
    ("POST", "datasets", {}),
    ("POST", "datasets", {"name": 5}),
    ("POST", "datasets", {"name": "\ud800"}),
    ("POST", "recipes", {"name": "r", "steps": [{"type": "segment"}]}),
    ("POST", "fine_tuning/jobs", {"model": "gpt-5", "training_file": "file-x"}),
    ("POST", "fine_tuning/jobs", {"model": "m", "training_file": "f", "method": {"type": "dpo"}}),
    ("POST", "vector_stores", {"name": "a"}),
    ("POST", "vector_stores", {"expires_after": {"days": 1}}),
    ("POST", "evals", {"tasks": [{"type": "poetry"}]}),
    ("POST", "releases", {"model": "gpt-5"}),
    ("POST", "schedules", {"name": "x"}),
    ("POST", "chat/completions", {"model": "gpt-5", "messages": [{"role": "user", "content": "?"}]}),
    ("POST", "embeddings", {"model": "e5", "input": ""}),
    ("POST", "base_models", {"name": "x", "path": "/", "licence": "MIT"}),
    ("POST", "deployments/production/rollback", {}),
]


def sentence(answer) -> str:
    assert answer.status >= 400
    return answer.body["error"]["message"]


@pytest.mark.parametrize(("method", "path", "body"), REFUSED, ids=str)
def test_a_refusal_has_one_sentence_in_english(api, method, path, body):
    content = b"" if body is None else json.dumps(body).encode()
    sentences = {
        sentence(
            api.request(
                method,
                path,
                content=content,
                headers={"Content-Type": "application/json", "Accept-Language": language},
            )
        )
        for language in LANGUAGES
    }
    assert len(sentences) == 1
    assert not JAPANESE.search(sentences.pop())


def test_a_missing_key_is_told_in_english(db):
    assert not JAPANESE.search(sentence(api_of(None).get("files")))


def test_a_broken_stream_is_told_in_english(web, live_world, model_server):
    from demo.client import ApiClient, StreamError

    live_world.base_model()
    model_server.breaks_after = 1
    with pytest.raises(StreamError) as broken:
        list(ApiClient(web, live_world.key()).chat("gemma", "何日ですか"))
    assert broken.value.message and not JAPANESE.search(broken.value.message)


# -- sentences that a worker has stored -------------------------------------------------------
@pytest.mark.parametrize("reason", list(WaitsFor))
def test_why_a_job_waits(api, world, reason):
    job = world.training_run().job
    assert jobs_wait(jobs=[job], waits_for=reason)
    told = api.get(f"jobs/{job.id}").ok["waiting"]["message"]
    assert told and not JAPANESE.search(told)


def test_why_a_document_was_not_read(api, world):
    document = world.upload()
    produced_finalize(job_cancel(job=document.current_revision.job, actor=world.actor))
    told = api.get(f"files/{document.id}").ok
    assert told["status_details"] == told["revision"]["error"]["message"]
    assert told["status_details"] and not JAPANESE.search(told["status_details"])
    assert JAPANESE.search(page(world, f"/documents/{document.id}", "ja"))


def test_why_a_schedule_failed(api, world):
    schedule = world.schedule()
    run = schedule_fire(schedule=schedule, actor=world.actor).pipeline_run
    pipeline_run_advance(run.id)
    (told,) = api.get(f"schedules/{schedule.id}/runs").ok["data"]
    assert told["error"] == {
        "code": "no_documents",
        "message": "There is no document to build from. Upload documents first.",
    }
    assert "文書をアップロード" in page(world, f"/schedules/{schedule.id}", "ja")


def page(world, path: str, language: str) -> str:
    return world.browser(language=language).get(path).content.decode()
