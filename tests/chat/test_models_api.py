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
    for name in ("gemma", "production", "nothing"):
        assert api.delete(f"models/{name}").error == (404, "model_not_found", "model")


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
