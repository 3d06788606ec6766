"""Invalid input is refused with a stable code, the field's name and a sentence; never with a 500."""

from __future__ import annotations

import json

import pytest

from common.ids import new_id
from tests.in_process import api_of
from tests.world import World

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
        (b'{"name": NaN}', (400, "invalid_characters", "name")),
        (b'{"name": 1e999}', (400, "invalid_characters", "name")),
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


# -- files -------------------------------------------------------------------------------------------
def test_refuses_invalid_files(api, settings):
    assert api.upload("a.txt", b"").error == (400, "empty_file", "file")
    assert api.upload("a.txt", b"x", "batch").error == (400, "unsupported_purpose", "purpose")
    assert api.send("files", file=b"x").error == (400, "missing_parameter", "purpose")
    assert api.send("files", purpose="user_data").error == (400, "missing_parameter", "file")
    assert api.send("files", purpose="user_data", file="text").error[:2] == (400, "missing_parameter")
    assert api.post("files", {"purpose": "user_data"}).error[:2] == (400, "missing_parameter")
    extra = api.send("files", file=b"x", purpose="user_data", colour="red")
    assert extra.error == (400, "unknown_parameter", "colour")
    expiring = api.send("files", file=b"x", purpose="user_data", **{"expires_after[seconds]": "60"})
    assert expiring.error[:2] == (400, "unsupported_parameter")
    settings.KOSHA_MAX_UPLOAD_BYTES = 2
    assert api.upload("a.txt", b"xyz").error == (413, "file_too_large", "file")


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..\\..\\boot.ini", "a/../b", "..", "報告\u202efdp.exe", "x" * 256, "部" * 2000],
)
def test_refuses_invalid_file_names(api, name):
    assert api.upload(name, b"x").error == (400, "invalid_file_name", "file")


LONG = "長" * 240


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("総務/規程.txt", "営業/規程.txt"),
        ("規程.txt", "総務/規程.txt"),
        ("2025/総務/規程.txt", "2024/総務/規程.txt"),
        (f"{LONG}一.txt", f"{LONG}二.txt"),
        (f"{LONG}/{LONG}一.txt", f"{LONG}/{LONG}二.txt"),
        ("a&amp;b.txt", "a&b.txt"),
        ("規程.txt", "規程.TXT"),
        ("規程 (1).txt", "規程.txt"),
    ],
)
@pytest.mark.parametrize("by", ["form", "parts"])
def test_two_names_are_two_documents(api, first, second, by):
    made = [_uploaded(api, name, by) for name in (first, second)]
    assert [file["filename"] for file in made] == [first, second]
    assert made[0]["id"] != made[1]["id"]
    assert [file["revision"]["number"] for file in made] == [1, 1]


def _uploaded(api, name, by):
    if by == "form":
        return api.upload(name, b"x").ok
    body = {"filename": name, "bytes": 1, "purpose": "user_data", "mime_type": "text/plain"}
    upload = api.post("uploads", body).ok["id"]
    part = api.send(f"uploads/{upload}/parts", data=b"x").ok["id"]
    return api.post(f"uploads/{upload}/complete", {"part_ids": [part]}).ok["file"]


def test_refuses_a_broken_multipart_body(api):
    for raw, boundary in ((b"--x\r\nnonsense", "; boundary=x"), (b"nonsense", "")):
        headers = {"Content-Type": f"multipart/form-data{boundary}"}
        assert api.post("files", raw, headers=headers).status == 400
    assert api.upload("a.txt", b"x", "user\x00data").error[:2] == (400, "invalid_characters")


def test_refuses_invalid_uploads_in_parts(api):
    body = {"filename": "a.txt", "bytes": 3, "purpose": "user_data", "mime_type": "text/plain"}
    assert api.post("uploads", {**body, "bytes": 0}).error == (400, "empty_file", "bytes")
    assert api.post("uploads", {**body, "bytes": 10**40}).error == (413, "file_too_large", "bytes")
    assert api.post("uploads", {**body, "filename": "/"}).error == (400, "invalid_file_name", "filename")
    assert api.post("uploads", {**body, "mime_type": "x" * 300}).error[2] == "mime_type"
    upload = api.post("uploads", body).ok["id"]
    empty_form = {"Content-Type": "multipart/form-data; boundary=x"}
    without_data = api.post(f"uploads/{upload}/parts", b"--x--\r\n", headers=empty_form)
    assert without_data.error == (400, "missing_parameter", "data")
    assert api.send(f"uploads/{upload}/parts", data=b"").error == (400, "empty_part", "data")
    assert api.post(f"uploads/{upload}/complete", {"part_ids": ["p"]}).error == (
        404,
        "not_found",
        "part_ids.0",
    )
    assert api.post(f"uploads/{upload}/complete", {"part_ids": []}).error == (
        400,
        "invalid_value",
        "part_ids",
    )


# -- datasets -----------------------------------------------------------------------------------------
def test_refuses_invalid_datasets(api, world):
    dataset = api.post("datasets", {"name": "社内"}).ok["id"]
    assert api.post("datasets", {"name": "社内"}).error == (409, "dataset_exists", "name")
    assert api.post(f"datasets/{dataset}/versions", {}).error == (400, "no_documents", "file_ids")
    waiting = world.upload("b.txt", "b").id
    build = {"file_ids": [waiting]}
    assert api.post(f"datasets/{dataset}/versions", build).error == (409, "document_not_ready", "file_ids.0")
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


# -- training -----------------------------------------------------------------------------------------
@pytest.fixture
def training(world):
    world.base_model()
    return {"model": "gemma", "training_file": world.dataset_version().id}


CPT = "continued_pretraining"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"model": "gpt-5"}, (400, "unknown_model", "model")),
        ({"model": "ft:nothing"}, (400, "unknown_model", "model")),
        ({"model": "e5"}, (400, "unknown_model", "model")),
        ({"training_file": "file-nothing"}, (404, "not_found", "training_file")),
        ({"training_file": "dsv_nothing"}, (404, "not_found", "training_file")),
        ({"suffix": "Regeln!"}, (400, "invalid_suffix", "suffix")),
        ({"seed": -1}, (400, "invalid_value", "seed")),
        ({"seed": 2**40}, (400, "invalid_value", "seed")),
        ({"validation_file": "file-1"}, (400, "unsupported_parameter", "validation_file")),
        ({"integrations": [{"type": "wandb"}]}, (400, "unsupported_parameter", "integrations")),
        ({"n_epochs": 3}, (400, "unknown_parameter", "n_epochs")),
        ({"hyperparameters": {"n_epochs": 0}}, (400, "invalid_value", "hyperparameters.n_epochs")),
        ({"hyperparameters": {"n_epochs": 1000}}, (400, "invalid_value", "hyperparameters.n_epochs")),
        ({"hyperparameters": {"n_epochs": True}}, (400, "invalid_value", "hyperparameters.n_epochs")),
        ({"hyperparameters": {"batch_size": 10**9}}, (400, "invalid_value", "hyperparameters.batch_size")),
        ({"hyperparameters": {"batch_size": 1e300}}, (400, "invalid_value", "hyperparameters.batch_size")),
        (
            {"hyperparameters": {"learning_rate_multiplier": 1e9}},
            (400, "invalid_value", "hyperparameters.learning_rate_multiplier"),
        ),
        ({"method": {"type": "dpo"}}, (400, "unsupported_parameter", "method.type")),
        ({"method": {"type": "supervised", "extra": 1}}, (400, "unknown_parameter", "method.extra")),
        (
            {"method": {"type": CPT, CPT: {"hyperparameters": {"lora_rank": 100_000}}}},
            (400, "invalid_value", f"method.{CPT}.hyperparameters.lora_rank"),
        ),
        (
            {"method": {"type": CPT, CPT: {"hyperparameters": {"lora_rang": 4}}}},
            (400, "unknown_parameter", f"method.{CPT}.hyperparameters.lora_rang"),
        ),
        (
            {"hyperparameters": {"tokens_per_step": 16, "sequence_length": 512}},
            (400, "invalid_value", "hyperparameters"),
        ),
        ({"checkpoint": {"every_steps": 0}}, (400, "invalid_value", "checkpoint.every_steps")),
        ({"distributed": {"zero_stage": 9}}, (400, "invalid_value", "distributed.zero_stage")),
        ({"metadata": {"a": 1}}, (400, "invalid_value", "metadata.a")),
    ],
    ids=str,
)
def test_refuses_invalid_trainings(api, world, training, change, expected):
    world.embedding_model()
    assert api.post("fine_tuning/jobs", {**training, **change}).error == expected


def test_refuses_training_on_an_empty_version(api, world):
    world.base_model()
    empty = world.dataset_version(records=2, heldout_records=2, pairs=0, heldout_pairs=0)
    body = {"model": "gemma", "training_file": empty.id, "method": {"type": CPT}}
    assert api.post("fine_tuning/jobs", body).error == (400, "empty_dataset", "training_file")
    texts = world.dataset_version(world.dataset("文"), pairs=0, heldout_pairs=0)
    body = {"model": "gemma", "training_file": texts.id}
    assert api.post("fine_tuning/jobs", body).error == (400, "empty_dataset", "training_file")
    document = world.document("x.txt")
    body = {"model": "gemma", "training_file": document.id}
    assert api.post("fine_tuning/jobs", body).error == (400, "wrong_purpose", "training_file")
    conversations = world.document("x.jsonl", purpose="fine-tune", media_type="application/jsonl", records=0)
    body = {"model": "gemma", "training_file": conversations.id}
    assert api.post("fine_tuning/jobs", body).error == (400, "empty_dataset", "training_file")


def test_idempotency_key_answers_once_and_refuses_another_body(api, training):
    header = {"Idempotency-Key": "nightly-1"}
    first = api.post("fine_tuning/jobs", training, headers=header).ok
    assert api.post("fine_tuning/jobs", training, headers=header).ok["id"] == first["id"]
    for other in ({"suffix": "x"}, {"metadata": {"a": "b"}}, {"seed": 5}):
        answer = api.post("fine_tuning/jobs", {**training, **other}, headers=header)
        assert answer.error == (409, "idempotency_key_reused", "Idempotency-Key")
    for key in ("", "x" * 256, "a\x01"):
        answer = api.post("fine_tuning/jobs", training, headers={"Idempotency-Key": key})
        assert answer.error == (400, "invalid_value", "Idempotency-Key")


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


# -- another organization's ids in bodies ---------------------------------------------------------------------
def test_foreign_ids_in_bodies_answer_like_absent_ones(db):
    with World("yoso") as foreign:
        document = foreign.document()
        version = foreign.dataset_version()
        model = foreign.model_version(version=version)
        knowledge = foreign.knowledge_base([document])
        suite, dataset = foreign.suite(), version.dataset
        recipe_answer = api_of(foreign.key()).post(
            "recipes", {"name": "r", "steps": [{"type": "segment"}, {"type": "split"}]}
        )
    with World("kaku") as world:
        world.embedding_model()
        own = world.dataset_version()
        store = world.knowledge_base([])
        api = api_of(world.key())
        schedule = {"name": "s", "base_model": "gemma"}
        suite_id, dataset_id = world.suite().id, own.dataset_id
        asked = [
            ("datasets", {"name": "x", "recipe": recipe_answer.ok["id"]}, {"recipe": "recipe_absent"}),
            (f"datasets/{dataset_id}/versions", {"file_ids": [document.id]}, {"file_ids": ["file-absent"]}),
            (
                "fine_tuning/jobs",
                {"model": "gemma", "training_file": document.id},
                {"training_file": "file-a"},
            ),
            ("fine_tuning/jobs", {"model": "gemma", "training_file": version.id}, {"training_file": "dsv_a"}),
            ("fine_tuning/jobs", {"model": model.name, "training_file": own.id}, {"model": "ft:absent"}),
            ("vector_stores", {"file_ids": [document.id]}, {"file_ids": ["file-absent"]}),
            (f"vector_stores/{store.id}/files", {"file_id": document.id}, {"file_id": "file-absent"}),
            ("releases", {"model": "gemma", "vector_store": knowledge.id}, {"vector_store": "vs_absent"}),
            (
                "releases",
                {"model": "gemma", "index_build": knowledge.current_build_id},
                {"index_build": "index_absent"},
            ),
            ("schedules", {**schedule, "dataset": dataset.id, "eval": suite_id}, {"dataset": "ds_absent"}),
            ("schedules", {**schedule, "dataset": dataset_id, "eval": suite.id}, {"eval": "eval_absent"}),
            ("chat/completions", {"model": model.name, "messages": [MESSAGE]}, {"model": "ft:absent"}),
        ]
        for path, body, change in asked:
            theirs, absent = api.post(path, body), api.post(path, {**body, **change})
            assert theirs.status in (400, 404), (path, body)
            assert theirs.content == absent.content, (path, body)


MESSAGE = {"role": "user", "content": "質問"}
