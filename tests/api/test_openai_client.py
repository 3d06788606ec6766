"""The stock `openai` client, unchanged, against the real ASGI application."""

from __future__ import annotations

import openai
import pytest

from jobs.models import Job
from releases.services import release_publish
from tests.world import begin, move_by_sql

pytestmark = pytest.mark.slow


@pytest.fixture
def client(web, live_world):
    with openai.OpenAI(base_url=f"{web}/v1", api_key=live_world.key(), max_retries=0) as client:
        yield client


def test_files(client, live_world):
    made = client.files.create(file=("規程.txt", "第1条".encode()), purpose="user_data")
    assert (made.filename, made.bytes, made.status, made.purpose) == ("規程.txt", 7, "uploaded", "user_data")
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == "第1条".encode()
    assert [file.id for file in client.files.list()] == [made.id]
    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError) as refused:
        client.files.retrieve(made.id)
    assert refused.value.code == "not_found"


def test_lists_continue_page_by_page(client):
    made = [client.files.create(file=(f"{n}.txt", b"x"), purpose="user_data").id for n in range(5)]
    assert [file.id for file in client.files.list(limit=2)] == made[::-1]
    assert [file.id for file in client.files.list(limit=2, order="asc")] == made
    first = client.files.list(limit=2)
    assert first.has_more and len(first.data) == 2


def test_uploads_in_parts(client):
    upload = client.uploads.create(bytes=6, filename="a.txt", mime_type="text/plain", purpose="user_data")
    parts = [client.uploads.parts.create(upload.id, data=data) for data in (b"abc", b"def")]
    done = client.uploads.complete(upload.id, part_ids=[part.id for part in parts])
    assert done.status == "completed"
    assert client.files.content(done.file.id).read() == b"abcdef"
    other = client.uploads.create(bytes=6, filename="b.txt", mime_type="text/plain", purpose="user_data")
    assert client.uploads.cancel(other.id).status == "cancelled"


def test_fine_tuning(client, live_world):
    version = live_world.dataset_version()
    live_world.base_model()
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": "auto"}}}
    job = client.fine_tuning.jobs.create(
        model="gemma", training_file=version.id, method=method, suffix="rules", seed=7
    )
    assert (job.status, job.model, job.seed, job.training_file) == ("queued", "gemma", 7, version.id)
    assert job.method.supervised.hyperparameters.n_epochs == 2
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=1))
    assert len(events) == 2 and events[0].created_at >= events[1].created_at
    assert list(client.fine_tuning.jobs.checkpoints.list(job.id)) == []
    live_world.trained(Job.objects.get(kind="training"))
    job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "succeeded" and job.trained_tokens == 1234
    assert job.fine_tuned_model.startswith("ft:gemma:kaku:rules:")
    other = client.fine_tuning.jobs.create(model=job.fine_tuned_model, training_file=version.id)
    assert client.fine_tuning.jobs.cancel(other.id).status == "cancelled"
    assert [found.id for found in client.fine_tuning.jobs.list(limit=1)] == [other.id, job.id]


def test_vector_stores(client, live_world, model_server):
    live_world.embedding_model()
    document, second = live_world.document("a.txt"), live_world.document("b.txt")
    store = client.vector_stores.create(name="規程", file_ids=[document.id])
    assert (store.status, store.file_counts.total) == ("in_progress", 1)
    live_world.indexed(Job.objects.get(kind="retrieval"))
    assert client.vector_stores.retrieve(store.id).file_counts.completed == 1
    added = client.vector_stores.files.create(store.id, file_id=second.id)
    assert added.status == "in_progress"
    assert client.vector_stores.files.retrieve(document.id, vector_store_id=store.id).status == "completed"
    listed = client.vector_stores.files.list(store.id, limit=1)
    assert [file.id for file in listed] == [second.id, document.id]
    waiting = client.vector_stores.files.list(store.id, filter="in_progress")
    assert [file.id for file in waiting] == [second.id]
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[document.id])
    assert (
        client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id).file_counts.total == 1
    )
    found = list(client.vector_stores.search(store.id, query="有給休暇", max_num_results=3))
    assert found[0].filename == "規則.txt" and found[0].content[0].text.startswith("第5条")
    assert client.vector_stores.update(store.id, name="新規程").name == "新規程"
    assert client.vector_stores.files.delete(document.id, vector_store_id=store.id).deleted
    assert [each.id for each in client.vector_stores.list()] == [store.id]
    assert client.vector_stores.delete(store.id).deleted


def test_models_chat_and_embeddings(client, live_world, model_server):
    version = live_world.model_version()
    live_world.evaluation(version)
    knowledge_base = live_world.knowledge_base([live_world.document("c.txt")])
    release = live_world.release(version, knowledge_base.current_build, approved=True)
    release_publish(release_id=release.id, alias="production", actor=live_world.actor)
    names = [model.id for model in client.models.list()]
    assert names[0] == "production" and version.name in names and "gemma" in names
    assert client.models.retrieve(version.name).id == version.name
    messages = [{"role": "user", "content": "有給休暇は何日ですか"}]
    whole = client.chat.completions.create(model="production", messages=messages)
    assert whole.model == "production" and whole.choices[0].message.content == "有給休暇は10日です。"
    assert whole.choices[0].message.annotations[0].model_dump()["file_citation"]["page"] == 3
    stream = client.chat.completions.create(
        model="production", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "有給休暇は10日です。"
    assert chunks[-1].usage.total_tokens == 7
    last = [chunk for chunk in chunks if chunk.choices][-1]
    assert last.choices[0].finish_reason == "stop" and last.choices[0].delta.annotations
    embedded = client.embeddings.create(model="e5", input=["a", "b"])
    assert [item.embedding for item in embedded.data] == [[1.0, 0.5]] * 2
    with pytest.raises(openai.ConflictError):
        client.models.delete(version.name)


def test_evals(client, live_world):
    version = live_world.model_version()
    suite = client.evals.create(
        name="公開前の評価", data_source_config={"type": "dataset_version"}, testing_criteria=[]
    )
    source = {
        "type": "dataset_version",
        "dataset_version": version.dataset_version_id,
        "model": version.name,
    }
    run = client.evals.runs.create(suite.id, data_source=source)
    assert run.status == "queued"
    live_world.evaluated(Job.objects.get(kind="evaluation"))
    assert client.evals.runs.retrieve(run.id, eval_id=suite.id).status == "completed"
    assert [each.id for each in client.evals.runs.list(suite.id)] == [run.id]
    assert [each.id for each in client.evals.list()] == [suite.id]
    assert client.evals.retrieve(suite.id).name == "公開前の評価"


def test_raises_the_errors_of_the_client(web, live_world, client):
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{web}/v1", api_key="sk-no", max_retries=0).files.list()
    viewer = openai.OpenAI(base_url=f"{web}/v1", api_key=live_world.key("viewer"), max_retries=0)
    with pytest.raises(openai.PermissionDeniedError):
        viewer.files.create(file=("a.txt", b"x"), purpose="user_data")
    with pytest.raises(openai.BadRequestError) as refused:
        client.fine_tuning.jobs.create(model="gpt-5", training_file=live_world.dataset_version().id)
    assert (refused.value.code, refused.value.param) == ("unknown_model", "model")


def test_pauses_and_cancels_a_running_training(client, live_world):
    run = live_world.training_run()
    begin(run.job)
    assert client.fine_tuning.jobs.pause(run.id).status == "running"
    assert client.fine_tuning.jobs.cancel(run.id).status == "running"
    move_by_sql(run.job, "cancelled")
    assert client.fine_tuning.jobs.retrieve(run.id).status == "cancelled"
