"""/v1/models: what may stand in `model`, by whom, and what can be deleted."""

from __future__ import annotations

import pytest

from demo.client import ApiClient
from releases.services import release_publish
from tests.in_process import api_of
from tests.world import World

pytestmark = pytest.mark.slow


def test_models_are_listed_by_kind(world: World, api: ApiClient) -> None:
    version = world.model_version()
    release = world.release(approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    listed = {item["id"]: item["kind"] for item in api.get("models").ok["data"]}
    assert listed == {"production": "deployment", version.name: "model_version", "gemma": "base_model"}
    for name, kind in listed.items():
        assert api.get(f"models/{name}").ok["kind"] == kind
    assert api.get("models/nothing").error == (404, "model_not_found", "model")


def test_another_organization_sees_none_of_them(world: World, api: ApiClient) -> None:
    version = world.model_version()
    release = world.release(approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    with World("other") as other:
        stranger = api_of(other.key())
        assert [item["kind"] for item in stranger.get("models").ok["data"]] == ["base_model"]
        for name in ("production", version.name):
            assert stranger.get(f"models/{name}").error == (404, "model_not_found", "model")
            assert stranger.delete(f"models/{name}").error == (404, "model_not_found", "model")


def test_a_version_is_deleted_once_and_not_while_a_release_is_made_of_it(
    world: World, api: ApiClient
) -> None:
    free, used = world.model_version(), world.model_version()
    world.evaluation(used)
    world.release(used)
    assert api.delete(f"models/{used.name}").error == (409, "model_in_use", "model")
    assert api.delete(f"models/{free.name}").ok["deleted"] is True
    assert api.delete(f"models/{free.name}").error == (404, "model_not_found", "model")


def test_only_versions_can_be_deleted(world: World, api: ApiClient) -> None:
    release = world.release(approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    for name in ("gemma", "production"):
        assert api.delete(f"models/{name}").error == (409, "not_a_model_version", "model")
    assert api.delete("models/nothing").error == (404, "model_not_found", "model")


@pytest.mark.parametrize("name", ["limit", "after", "order", "owned_by"])
def test_the_list_of_models_is_whole_and_takes_no_parameters(api: ApiClient, name: str) -> None:
    assert api.get("models", **{name: "1"}).error == (400, "unknown_parameter", name)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("chat/completions", {"model": "e5", "messages": [{"role": "user", "content": "?"}]}, "model"),
        ("embeddings", {"model": "gemma", "input": "a"}, "model"),
        ("embeddings", {"model": "VERSION", "input": "a"}, "model"),
        ("fine_tuning/jobs", {"model": "e5", "training_file": "DATA"}, "model"),
        ("releases", {"model": "e5"}, "model"),
        ("vector_stores", {"embedding_model": "gemma"}, "embedding_model"),
    ],
    ids=str,
)
def test_a_model_of_the_wrong_kind_is_named_as_that(world: World, api: ApiClient, path, body, param) -> None:
    world.embedding_model()
    names = {"VERSION": world.model_version().name, "DATA": world.dataset_version(world.dataset("別")).id}
    answer = api.post(path, {key: names.get(str(value), value) for key, value in body.items()})
    assert answer.error == (400, "wrong_model_kind", param)
    assert "not for" in answer.body["error"]["message"] or "no embeddings" in answer.body["error"]["message"]


def test_base_models_say_what_can_be_used_in_chat_and_in_training(world: World, api, settings) -> None:
    settings.KOSHA_SERVE_CONTEXT_LIMIT = 100
    model = world.base_model()
    found = api.get(f"base_models/{model.id}").ok
    assert (found["context_length"], found["training_context_length"]) == (100, model.context_length)
    settings.KOSHA_SERVE_CONTEXT_LIMIT = 10**6
    assert api.get(f"base_models/{model.id}").ok["context_length"] == model.context_length


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
def test_token_arrays_are_refused_as_such(world: World, api: ApiClient, tokens) -> None:
    world.embedding_model()
    answer = api.post("embeddings", {"model": "e5", "input": tokens})
    assert answer.error == (400, "unsupported_parameter", "input")
    assert "token arrays are not read, only text" in answer.body["error"]["message"]


def test_an_item_that_is_no_text_is_named_by_its_place(world: World, api: ApiClient) -> None:
    assert api.post("embeddings", {"model": "e5", "input": ["a", 1]}).error == (
        400,
        "invalid_value",
        "input.1",
    )


def test_the_models_own_dimensions_are_accepted(world: World, api: ApiClient, model_server) -> None:
    size = world.embedding_model().hidden_size
    body = {"model": "e5", "input": "a"}
    assert api.post("embeddings", {**body, "dimensions": size}).ok
    answer = api.post("embeddings", {**body, "dimensions": size + 1})
    assert answer.error == (400, "unsupported_parameter", "dimensions")


def test_a_viewer_may_not_delete(world: World) -> None:
    version = world.model_version()
    assert api_of(world.key("viewer")).delete(f"models/{version.name}").status == 403


@pytest.mark.parametrize(("texts", "place"), [("長い", "input"), (["長い"], "input.0")])
def test_a_text_too_long_to_embed_is_an_error(api, world, model_server, texts, place):
    world.embedding_model()
    error = {"code": "context_length_exceeded", "message": "The model reads 512 tokens.", "param": "input.0"}
    model_server.error = (400, error)
    answer = api.post("embeddings", {"model": "e5", "input": texts})
    assert answer.error == (400, "context_length_exceeded", place)
