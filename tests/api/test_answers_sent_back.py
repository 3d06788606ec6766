"""What the API answered may be sent again as a request, as `model_dump()` of the stock client gives it."""

from __future__ import annotations

import json

import httpx
import openai
import pytest

from releases.services import release_publish
from tests.in_process import DjangoTransport
from training.models import TrainingRun

pytestmark = pytest.mark.slow


@pytest.fixture
def client(world):
    transport = httpx.Client(transport=DjangoTransport())
    return openai.OpenAI(
        base_url="http://testserver/v1", api_key=world.key(), max_retries=0, http_client=transport
    )


@pytest.fixture
def again(client):
    """Send an answer of the stock client to the address that gave it."""

    def send(path: str, answer, **changed):
        return client.post(path, cast_to=object, body={**answer.model_dump(), **changed})

    return send


def test_an_upload(client, again):
    made = client.uploads.create(bytes=6, filename="a.txt", mime_type="text/plain", purpose="user_data")
    copy = again("/uploads", made)
    assert copy["id"] != made.id
    assert (copy["filename"], copy["bytes"], copy["mime_type"]) == ("a.txt", 6, "text/plain")


@pytest.mark.parametrize(
    "method",
    [
        None,
        {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 3}}},
        {
            "type": "continued_pretraining",
            "continued_pretraining": {
                "hyperparameters": {"epochs": 4, "lora_rank": 5, "sequence_length": 64, "learning_rate": 3e-4}
            },
        },
    ],
    ids=str,
)
def test_a_fine_tuning_job(client, again, world, method):
    world.base_model()
    made = client.fine_tuning.jobs.create(
        model="gemma",
        training_file=world.dataset_version().id,
        seed=7,
        metadata={"team": "総務"},
        **({"method": method} if method else {}),
    )
    again("/fine_tuning/jobs", client.fine_tuning.jobs.retrieve(made.id))
    first, copy = TrainingRun.objects.order_by("id")
    for field in ("hyperparameters", "method", "metadata", "base_model_id", "dataset_version_id"):
        assert getattr(copy, field) == getattr(first, field)


def test_a_vector_store_and_its_file(client, again, world):
    world.embedding_model()
    document = world.document()
    made = client.vector_stores.create(name="規程", file_ids=[document.id], metadata={"a": "b"})
    copy = again("/vector_stores", client.vector_stores.retrieve(made.id))
    assert (copy["name"], copy["metadata"], copy["embedding_model"]) == ("規程", {"a": "b"}, "e5")
    file = client.vector_stores.files.retrieve(document.id, vector_store_id=made.id)
    assert again(f"/vector_stores/{copy['id']}/files", file, file_id=file.id)["id"] == document.id


def test_an_eval_and_its_run(client, again, world):
    made = client.evals.create(
        name="公開前の評価",
        data_source_config={"type": "dataset_version"},
        testing_criteria=[
            {
                "type": "gate_rule",
                "metric": "bits_per_character",
                "direction": "lower",
                "require": "better_beyond_interval",
                "min_items": 3,
            }
        ],
        metadata={"a": "b"},
    )
    copy = again("/evals", client.evals.retrieve(made.id))
    for field in ("name", "tasks", "metadata"):
        assert copy[field] == made.model_dump()[field]
    (rule,) = copy["testing_criteria"]
    assert (rule["metric"], rule["require"], rule["min_items"]) == (
        "bits_per_character",
        "better_beyond_interval",
        3,
    )
    world.base_model()
    source = {"type": "dataset_version", "dataset_version": world.dataset_version().id, "model": "gemma"}
    run = client.evals.runs.create(made.id, data_source=source, name="朝", metadata={"c": "d"})
    second = again(f"/evals/{made.id}/runs", client.evals.runs.retrieve(run.id, eval_id=made.id))
    assert (second["name"], second["metadata"]) == ("朝", {"c": "d"})
    assert second["data_source"] == source


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("recipes", {"name": "手順", "steps": [{"type": "segment"}, {"type": "split"}]}),
        ("datasets", {"name": "社内", "description": "規程"}),
        ("releases", {"model": "gemma", "system_prompt": "丁寧に。", "note": "一"}),
    ],
)
def test_objects_of_our_own(api, world, path, body):
    world.base_model()
    made = api.post(path, body).ok
    copy = api.post(path, {**made, **({"name": "別"} if "name" in made else {})}).ok
    assert copy["id"] != made["id"]
    for field in body.keys() - {"name"}:
        assert copy[field] == made[field]


def test_messages_of_a_conversation(client, world, model_server):
    document = world.document()
    release = world.release(None, world.knowledge_base([document]).current_build, approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    question = {"role": "user", "content": "有給休暇は何日ですか"}
    first = client.chat.completions.create(model="production", messages=[question])
    message = first.choices[0].message.model_dump()
    assert message["annotations"] and "tool_calls" in message and "audio" in message
    follow_up = {"role": "user", "content": "半日も取れますか"}
    second = client.chat.completions.create(model="production", messages=[question, message, follow_up])
    assert second.choices[0].message.content
    asked = model_server.bodies("/v1/chat/completions")[-1]["messages"]
    assert [each["role"] for each in asked if each["role"] != "system"] == ["user", "assistant", "user"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("vector_stores", {"name": "a", "status": "completed"}),
        ("vector_stores", {"object": "eval", "name": "a", "status": "completed"}),
        ("evals", {"name": "a", "created_at": 1}),
        ("fine_tuning/jobs", {"model": "gemma", "training_file": "dsv_x", "id": "ftjob-1"}),
    ],
)
def test_what_is_no_answer_has_no_unknown_fields(api, path, body):
    assert api.post(path, body).error[:2] == (400, "unknown_parameter")


def test_only_an_assistants_message_may_have_more_fields(api, world):
    world.base_model()
    message = {"role": "user", "content": "?", "annotations": []}
    answer = api.post("chat/completions", {"model": "gemma", "messages": [message]})
    assert answer.error == (400, "unknown_parameter", "messages.0.annotations")


def test_places_of_hyperparameters_must_agree(api, world):
    world.base_model()
    body = {
        "model": "gemma",
        "training_file": world.dataset_version().id,
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
        "hyperparameters": {"n_epochs": 3},
    }
    answer = api.post("fine_tuning/jobs", body)
    assert answer.error == (400, "conflicting_parameters", "hyperparameters.n_epochs")
    assert api.post("fine_tuning/jobs", {**body, "hyperparameters": {"n_epochs": "auto"}}).ok


def test_an_error_repeats_little_of_a_long_name(api):
    answer = api.post("datasets", json.dumps({"name": "a", "x" * 10**6: 1}).encode())
    assert answer.error[1] == "unknown_parameter"
    assert len(answer.content) < 1000
