"""/v1/vector_stores: every operation, and every refusal with its code."""

from __future__ import annotations

import pytest

from demo.client import ApiClient
from retrieval.models import KnowledgeBase
from tests.in_process import api_of
from tests.world import World
from workers.orchestration.finalize import finalize_job

pytestmark = pytest.mark.slow


@pytest.fixture
def store(world: World) -> KnowledgeBase:
    return world.knowledge_base([world.document("a.txt")])


def test_a_store_is_created_renamed_listed_and_deleted(world: World, api: ApiClient) -> None:
    world.embedding_model()
    document = world.document()
    made = api.post("vector_stores", {"name": "規程", "file_ids": [document.id]}).ok
    path = f"vector_stores/{made['id']}"
    assert (made["name"], made["status"], made["file_counts"]["total"]) == ("規程", "in_progress", 1)
    world.indexed(KnowledgeBase.objects.get().builds.get().job)
    assert api.get(path).ok["status"] == "completed"
    assert api.get(path).ok["index_build"]["number"] == 1
    changed = api.post(path, {"name": "旅費", "metadata": {"room": "1"}}).ok
    assert (changed["name"], changed["metadata"]) == ("旅費", {"room": "1"})
    assert [item["id"] for item in api.get("vector_stores").ok["data"]] == [made["id"]]
    assert api.delete(path).ok["deleted"] is True
    assert api.get("vector_stores").ok["data"] == []
    assert api.get(path).error == api.delete(path).error == (404, "not_found", None)


def test_a_store_needs_an_embedding_model(api: ApiClient) -> None:
    assert api.post("vector_stores", {"name": "x"}).error == (409, "no_embedding_model", None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"embedding_model": "nothing"}, (404, "not_found", "embedding_model")),
        ({"embedding_model": "gemma"}, (400, "wrong_model_kind", "embedding_model")),
        ({"file_ids": ["file-nothing"]}, (404, "not_found", "file_ids.0")),
        ({"expires_after": {"days": 1}}, (400, "unsupported_parameter", "expires_after")),
        ({"chunking_strategy": {"type": "static"}}, (400, "unsupported_parameter", "chunking_strategy")),
        ({"name": "x" * 201}, (400, "invalid_value", "name")),
        ({"nmae": "x"}, (400, "unknown_parameter", "nmae")),
    ],
)
def test_a_store_that_cannot_be_made_names_the_field(world, api, fields, expected) -> None:
    world.embedding_model(), world.base_model()
    assert api.post("vector_stores", fields).error == expected


def test_files_are_added_listed_and_removed(world: World, api: ApiClient, store: KnowledgeBase) -> None:
    path, second = f"vector_stores/{store.id}/files", world.document("b.txt")
    for _ in range(2):
        added = api.post(path, {"file_id": second.id, "chunking_strategy": {"type": "auto"}}).ok
        assert (added["id"], added["status"]) == (second.id, "in_progress")
    waiting = api.get(path, filter="in_progress").ok["data"]
    assert [item["id"] for item in waiting] == [second.id]
    assert len(api.get(path).ok["data"]) == 2
    assert api.get(f"{path}/{second.id}").ok["last_error"] is None
    assert api.delete(f"{path}/{second.id}").ok["deleted"] is True
    for answer in (api.get(f"{path}/{second.id}"), api.delete(f"{path}/{second.id}")):
        assert answer.error == (404, "not_found", None)


def test_a_cancelled_index_build_is_said_to_be_cancelled(world: World, api: ApiClient) -> None:
    world.embedding_model()
    document = world.document("a.txt")
    store = api.post("vector_stores", {"file_ids": [document.id]}).ok
    assert api.get(f"jobs/{store['job']}").ok["status"] == "queued"
    api.post(f"jobs/{store['job']}/cancel").check()
    finalize_job(store["job"])
    assert api.get(f"jobs/{store['job']}").ok["status"] == "cancelled"
    path = f"vector_stores/{store['id']}"
    found, (listed,) = api.get(path).ok, api.get("vector_stores").ok["data"]
    assert found == listed
    counts = found["file_counts"]
    assert (counts["cancelled"], counts["failed"], counts["total"], found["status"]) == (1, 0, 1, "completed")
    file = api.get(f"{path}/files/{document.id}").ok
    assert (file["status"], file["last_error"]["code"]) == ("cancelled", "index.cancelled")
    again = api.post(f"{path}/files", {"file_id": document.id}).ok
    assert (again["status"], again["last_error"]) == ("in_progress", None)
    assert api.get(path).ok["job"] != store["job"]


@pytest.mark.parametrize(
    ("path", "fields", "expected"),
    [
        ("files", {"file_id": "file-nothing"}, (404, "not_found", "file_id")),
        (
            "files",
            {"file_id": "file-nothing", "attributes": {"a": 1}},
            (400, "unsupported_parameter", "attributes"),
        ),
        (
            "files",
            {"file_id": "x", "chunking_strategy": {"type": "static"}},
            (400, "unsupported_parameter", "chunking_strategy"),
        ),
        ("file_batches", {"file_ids": []}, (400, "invalid_value", "file_ids")),
        ("file_batches", {"file_ids": ["file-nothing"]}, (404, "not_found", "file_ids.0")),
        (
            "file_batches",
            {"file_ids": ["x"], "attributes": {"a": 1}},
            (400, "unsupported_parameter", "attributes"),
        ),
        ("search", {"query": " "}, (400, "invalid_value", "query")),
        ("search", {"query": "長" * 8193}, (400, "invalid_value", "query")),
        ("search", {"query": "x", "max_num_results": 51}, (400, "invalid_value", "max_num_results")),
        ("search", {"query": "x", "filters": {"type": "eq"}}, (400, "unsupported_parameter", "filters")),
        (
            "search",
            {"query": "x", "ranking_options": {"ranker": "auto"}},
            (400, "unsupported_parameter", "ranking_options"),
        ),
        ("search", {"query": "x", "rewrite_query": True}, (400, "unsupported_parameter", "rewrite_query")),
    ],
)
def test_a_refusal_names_the_field(api, store, path, fields, expected) -> None:
    assert api.post(f"vector_stores/{store.id}/{path}", fields).error == expected


@pytest.mark.parametrize("path", ["files/file-nothing", "file_batches/vsfb_nothing"])
def test_what_is_not_in_the_store_is_absent(api: ApiClient, store: KnowledgeBase, path: str) -> None:
    assert api.get(f"vector_stores/{store.id}/{path}").error == (404, "not_found", None)


def test_a_file_that_cannot_be_read_states_its_error(world: World, api: ApiClient) -> None:
    from tests.world import fail

    world.embedding_model()
    document = world.upload()
    store = api.post("vector_stores", {"file_ids": [document.id]}).ok["id"]
    fail(document.current_revision.job, "ingest.user.damaged")
    entry = api.get(f"vector_stores/{store}/files/{document.id}").ok
    assert (entry["status"], entry["last_error"]["code"]) == ("failed", "ingest.user.damaged")


def test_a_search_answers_with_places(api: ApiClient, store: KnowledgeBase, model_server) -> None:
    answer = api.post(
        f"vector_stores/{store.id}/search", {"query": ["有給", "休暇"], "max_num_results": 1}
    ).ok
    assert answer["search_query"] == ["有給", "休暇"]
    (hit,) = answer["data"]
    assert (hit["file_id"], hit["content"][0]["text"]) == ("file-1", "第5条 有給休暇は10日とする。")
    assert hit["source"]["number"] == 3
    assert model_server.bodies("/v1/search")[0]["query"] == "有給 休暇"


def test_a_search_before_the_first_build_finds_nothing(world: World, api: ApiClient) -> None:
    empty = world.knowledge_base([])
    assert api.post(f"vector_stores/{empty.id}/search", {"query": "x"}).ok["data"] == []


def test_a_viewer_may_search_and_not_change(world: World, store: KnowledgeBase, model_server) -> None:
    viewer = api_of(world.key("viewer"))
    assert viewer.post(f"vector_stores/{store.id}/search", {"query": "x"}).status == 200
    for refused in (
        viewer.post("vector_stores", {}),
        viewer.post(f"vector_stores/{store.id}", {"name": "x"}),
        viewer.delete(f"vector_stores/{store.id}"),
        viewer.post(f"vector_stores/{store.id}/files", {"file_id": "x"}),
    ):
        assert refused.error == (403, "permission_denied", None)
