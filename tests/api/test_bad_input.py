"""Invalid input is refused with a stable code, the field's name and a sentence; never with a 500."""

from __future__ import annotations

import json

import pytest

from common.ids import new_id
from tests.in_process import api_of

pytestmark = pytest.mark.slow

DEEP = b"[" * 100_000 + b"]" * 100_000


# -- bodies of all routes -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", (400, "missing_parameter", None)),
        (b"{", (400, "invalid_body", None)),
        (b"\xff\xfe", (400, "invalid_body", None)),
        (b"null", (400, "invalid_value", None)),
        (b"[]", (400, "invalid_value", None)),
        (DEEP, (400, "invalid_body", None)),
        (b'{"name": ' + b"1" * 5000 + b"}", (400, "invalid_body", None)),
        (b'{"name": "a\\u0000b"}', (400, "invalid_characters", "name")),
        (b'{"name": "\\ud800"}', (400, "invalid_characters", "name")),
        (b'{"name": "a", "a\\u0000": 1}', (400, "invalid_characters", None)),
        (b'{"name": "a", "x": [{"y": "\\u0000"}]}', (400, "invalid_characters", "x.0.y")),
        (b'{"name": NaN}', (400, "invalid_number", "name")),
        (b'{"name": [-Infinity]}', (400, "invalid_number", "name.0")),
        (b'{"name": 1e400}', (400, "invalid_number", "name")),
        (b'{"name": "a", "nome": 1}', (400, "unknown_parameter", "nome")),
        (b'{"name": 5}', (400, "invalid_value", "name")),
        (b'{"name": ""}', (400, "invalid_value", "name")),
        (json.dumps({"name": "x" * 201}).encode(), (400, "invalid_value", "name")),
        (b'{"name": "a", "recipe": "recipe_x"}', (404, "not_found", "recipe")),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_refuses_invalid_bodies(api, raw, expected):
    status, code, param = api.post("datasets", raw).error
    assert (status, code) == expected[:2]
    assert param == expected[2] or (
        expected[1] in ("missing_parameter", "invalid_value") and expected[2] is None
    )


def test_json_route_refuses_a_form(api):
    answer = api.send("datasets", name="a")
    assert answer.error == (400, "invalid_body", None)


def test_refuses_a_json_body_that_is_too_large(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert api.post("datasets", {"name": "x" * 200}).error[:2] == (413, "request_too_large")


def test_refuses_nul_in_a_path(api):
    assert api.get("files/file-%00").error[:2] == (400, "invalid_characters")
    assert api.get("audit_events", action="a\x00").error[:2] == (400, "invalid_characters")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"limit": 0}, (400, "invalid_value", "limit")),
        ({"limit": 101}, (400, "invalid_value", "limit")),
        ({"limit": "many"}, (400, "invalid_value", "limit")),
        ({"limit": 10**30}, (400, "invalid_value", "limit")),
        ({"order": "up"}, (400, "invalid_value", "order")),
        ({"after": "ds_1"}, (400, "invalid_after", "after")),
        ({"after": "1 OR 1=1"}, (400, "invalid_after", "after")),
        ({"before": "x"}, (400, "unknown_parameter", "before")),
    ],
    ids=str,
)
def test_refuses_invalid_list_parameters(api, query, expected):
    assert api.get("vector_stores", **query).error == expected


def test_list_may_start_after_a_deleted_row(api, world):
    document = world.upload()
    assert [item["id"] for item in api.get("files", after=new_id("file-")).ok["data"]] == [document.id]


@pytest.mark.parametrize("after", ["x", "²", "-1", "1" * 30, "jobevent-x"])
def test_refuses_invalid_cursors_of_events(api, world, after):
    run = world.training_run()
    for path in (f"fine_tuning/jobs/{run.id}/events", f"jobs/{run.job_id}/events"):
        assert api.get(path, after=after).error[0] == 400


def test_unknown_routes_methods_and_missing_keys(api):
    assert api.get("nowhere").error[:2] == (404, "unknown_endpoint")
    assert api.post("vector_stores/x/nowhere").error[:2] == (404, "unknown_endpoint")
    assert api.get("vector_stores/vs_x").error[:2] == (404, "not_found")
    assert api.request("PUT", "files").error[:2] == (405, "method_not_allowed")
    assert api_of(None).get("files").error[:2] == (401, "invalid_api_key")


# -- datasets -----------------------------------------------------------------------------------------
def test_refuses_invalid_datasets(api, world):
    dataset = api.post("datasets", {"name": "社内"}).ok["id"]
    assert api.post("datasets", {"name": "社内"}).error == (409, "dataset_exists", "name")
    assert api.post(f"datasets/{dataset}/versions", {}).error == (400, "no_documents", "file_ids")
    waiting = world.upload("b.txt", "b").id
    build = {"file_ids": [waiting]}
    refused = api.post(f"datasets/{dataset}/versions", build)
    assert (refused.error, refused.headers["Retry-After"]) == ((409, "document_not_ready", "file_ids.0"), "5")
    wrong = {"heldout_share": 1.5}
    assert api.post(f"datasets/{dataset}/versions", wrong).error == (400, "invalid_value", "heldout_share")
    version = world.dataset_version(world.dataset("別"))
    path = f"datasets/{version.dataset_id}/versions/{version.id}"
    assert api.get(f"{path}/records", after=-1).error == (400, "invalid_value", "after")
    assert api.get(f"datasets/{dataset}/versions/{version.id}").error[0] == 404


@pytest.mark.parametrize(
    ("steps", "param"),
    [
        ([], "steps"),
        ([{"type": "segment"}], None),
        ([{"type": "nonsense"}], "steps.0"),
        ([{"type": "segment", "max_characters": 1}, {"type": "split"}], "steps.0.max_characters"),
        ([{"type": "segment", "colour": 1}, {"type": "split"}], "steps.0.colour"),
    ],
    ids=str,
)
def test_refuses_invalid_recipes(api, steps, param):
    status, _code, at = api.post("recipes", {"name": "手順", "steps": steps}).error
    assert (status, at) == (400, param)


# -- evaluation, knowledge, releases, schedules ----------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tasks": []}, (400, "invalid_value", "tasks")),
        ({"tasks": [{"type": "poetry"}]}, (400, "invalid_value", "tasks.0")),
        ({"tasks": [{"type": "bits_per_character"}] * 2}, (400, "invalid_value", "tasks")),
        ({"testing_criteria": [{"type": "label_model"}]}, (400, "invalid_value", "testing_criteria.0.type")),
        (
            {"testing_criteria": [{"metric": "x", "direction": "lower", "require": "not_worse"}]},
            (400, "invalid_value", "testing_criteria.0.metric"),
        ),
        ({"data_source_config": {"type": "custom"}}, (400, "invalid_value", "data_source_config.type")),
    ],
    ids=str,
)
def test_refuses_invalid_suites(api, body, expected):
    assert api.post("evals", body).error == expected


def test_refuses_invalid_evaluation_runs(api, world):
    suite, version = world.suite(), world.dataset_version(heldout_records=0, heldout_pairs=0)
    world.base_model()

    def run(**source):
        given = {"dataset_version": version.id, "model": "gemma", **source}
        return api.post(f"evals/{suite.id}/runs", {"data_source": given})

    assert run().error == (400, "no_heldout_data", "data_source.dataset_version")
    assert run(model="x").error == (400, "unknown_model", "data_source.model")
    assert run(dataset_version="dsv_x").error == (404, "not_found", "data_source.dataset_version")
    items = api.get(f"evals/{suite.id}/runs/evalrun_x/output_items")
    assert items.error[:2] == (404, "not_found")


def test_refuses_invalid_vector_stores(api, world, model_server):
    assert api.post("vector_stores", {"name": "a"}).error[:2] == (409, "no_embedding_model")
    world.embedding_model()
    assert api.post("vector_stores", {"file_ids": ["file-x"]}).error == (404, "not_found", "file_ids.0")
    unsupported = (400, "unsupported_parameter", "expires_after")
    assert api.post("vector_stores", {"expires_after": {"days": 1}}).error == unsupported
    chunking = {"chunking_strategy": {"type": "static"}}
    assert api.post("vector_stores", chunking).error == (400, "unsupported_parameter", "chunking_strategy")
    other = {"embedding_model": "gemma"}
    assert api.post("vector_stores", other).error == (404, "not_found", "embedding_model")
    world.base_model()
    assert api.post("vector_stores", other).error == (400, "wrong_model_kind", "embedding_model")
    store = world.knowledge_base().id
    for query in ("", "   ", [], "あ" * 8193):
        answer = api.post(f"vector_stores/{store}/search", {"query": query})
        assert answer.error == (400, "invalid_value", "query")
    wrong = api.post(f"vector_stores/{store}/search", {"query": "a", "max_num_results": 1000})
    assert wrong.error == (400, "invalid_value", "max_num_results")
    filters = api.post(f"vector_stores/{store}/search", {"query": "a", "filters": {"x": 1}})
    assert filters.error == (400, "unsupported_parameter", "filters")


def test_refuses_invalid_releases(api, world):
    world.base_model()
    wrong = {"model": "gemma", "generation": {"temperature": 9}}
    assert api.post("releases", wrong).error == (400, "invalid_value", "generation.temperature")
    wrong = {"model": "gemma", "generation": {"colour": 9}}
    assert api.post("releases", wrong).error == (400, "unknown_parameter", "generation.colour")
    wrong = {"model": "gemma", "vector_store": "vs_x"}
    assert api.post("releases", wrong).error == (404, "not_found", "vector_store")
    release = api.post("releases", {"model": "gemma"}).ok["id"]
    assert api.post(f"releases/{release}/publish", {}).error[:2] == (409, "release_not_approved")
    assert api.post(f"releases/{release}/publish", {"alias": "Über"}).error == (400, "invalid_value", "alias")


def test_refuses_invalid_schedules(api, world):
    world.base_model()
    body = {"name": "週次", "dataset": world.dataset().id, "base_model": "gemma", "eval": world.suite().id}
    wrong = {
        "time_zone": "Mars/Olympus",
        "cadence": "hourly",
        "hour": 24,
        "day": 31,
        "weekday": 7,
        "suffix": "",
    }
    for field, value in wrong.items():
        assert api.post("schedules", {**body, field: value}).error == (400, "invalid_value", field)
    for zone in ("../../etc/passwd", "", "x" * 5000, "Asia"):
        assert api.post("schedules", {**body, "time_zone": zone}).error == (400, "invalid_value", "time_zone")
    high = {**body, "hyperparameters": {"learning_rate": 5}}
    assert api.post("schedules", high).error == (400, "invalid_value", "hyperparameters.learning_rate")
    absent = {**body, "eval": "eval_x"}
    assert api.post("schedules", absent).error == (404, "not_found", "eval")


# -- base models ------------------------------------------------------------------------------------------
@pytest.fixture
def operator(world):
    return api_of(world.key("viewer", is_operator=True))


def test_refuses_invalid_base_models(operator, settings, tmp_path):
    settings.KOSHA_MODEL_ROOTS = [tmp_path / "models"]

    def register(path, **fields):
        body = {"name": "neu", "path": str(path), "licence": "MIT", **fields}
        return operator.post("base_models", body).error

    folder = tmp_path / "models" / "a"
    folder.mkdir(parents=True)
    assert register(tmp_path) == (400, "base_model_outside_roots", "path")
    assert register(folder / ".." / "..") == (400, "base_model_outside_roots", "path")
    assert register(folder) == (400, "base_model_missing", "path")
    (folder / "config.json").write_text("{")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    assert register(folder) == (400, "base_model_unsafe", "path")
    (folder / "pytorch_model.bin").unlink()
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "x.Y"}}))
    assert register(folder) == (400, "base_model_unsafe", "path")
    (folder / "config.json").write_text("{")
    assert register(folder)[1] == "base_model_damaged"
    assert register(folder, name="Größe") == (400, "invalid_name", "name")
    assert register(folder, kind="painter") == (400, "invalid_value", "kind")
