"""/v1/base_models, /v1/models/{model}/exports, and the command that registers a base model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from registry.models import BaseModel, ModelExport, ModelVersion
from registry.selectors import export_folder
from tests.in_process import api_of
from tests.world import DIGEST, World, fail, finish
from workers.contract.specs.export import ExportResult


@pytest.fixture
def operator(world):
    return api_of(world.key(is_operator=True))


def test_an_operator_registers_a_base_model(operator, api, folder):
    given = {"name": "tiny", "path": str(folder), "licence": "MIT"}
    made = operator.post("base_models", given).ok
    assert made["id"].startswith("bm_") and len(made["digest"]) == 64
    facts = {
        "object": "base_model",
        "name": "tiny",
        "kind": "causal_lm",
        "licence": "MIT",
        "architecture": "LlamaForCausalLM",
        "parameters": 2,
        "context_length": 64,
        "vocabulary_size": 8,
    }
    assert {name: made[name] for name in facts} == facts
    assert operator.post("base_models", given).ok == made
    assert api.get("base_models/tiny").ok == api.get(f"base_models/{made['id']}").ok == made
    assert api.get("base_models").ok["data"] == [made]


def test_an_owner_registers_none(api, folder):
    given = {"name": "tiny", "path": str(folder), "licence": "MIT"}
    assert api.post("base_models", given).status == 403


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": "A b"}, (400, "invalid_name", "name")),
        ({"path": "/nowhere"}, (400, "base_model_outside_roots", "path")),
        ({"kind": "speech"}, (400, "invalid_value", "kind")),
        ({"kind": "embedding"}, (400, "base_model_unsupported", "path")),
        ({"licence": ""}, (400, "invalid_value", "licence")),
    ],
    ids=str,
)
def test_refuses_a_base_model(operator, folder, change, expected):
    given = {"name": "tiny", "path": str(folder), "licence": "MIT", **change}
    assert operator.post("base_models", given).error == expected
    assert operator.get("base_models").ok["data"] == []


def test_an_absent_base_model_is_not_found(api):
    assert api.get("base_models/x").error[:2] == (404, "not_found")


# -- exports ------------------------------------------------------------------------------------------
def test_an_export_is_answered_with_its_path_once_it_has_ended(api, world):
    version = world.model_version()
    made = api.post(f"models/{version.name}/exports", {"format": "adapter"}).ok
    assert made["id"].startswith("export_")
    waiting = {"object": "model.export", "model": version.name, "format": "adapter", "status": "queued"}
    assert {name: made[name] for name in waiting} == waiting
    assert (made["path"], made["bytes"], made["manifest_sha256"], made["error"]) == (None, None, None, None)
    export = ModelExport.objects.select_related("job").get()
    result = ExportResult(format="adapter", files={"a": 1}, bytes=1, manifest_sha256=DIGEST)
    finish(export.job, result, {"model/a": "1"})
    (ended,) = api.get(f"models/{version.name}/exports").ok["data"]
    assert (ended["id"], ended["job"], ended["status"]) == (made["id"], made["job"], "succeeded")
    assert (ended["path"], ended["bytes"]) == (str(export_folder(export)), 1)
    assert (Path(ended["path"]) / "model" / "a").is_file()


def test_a_failed_export_is_answered_with_its_error(api, world):
    version = world.model_version()
    api.post(f"models/{version.name}/exports")
    fail(ModelExport.objects.select_related("job").get().job, "export.user.adapter_mismatch")
    (export,) = api.get(f"models/{version.id}/exports").ok["data"]
    assert (export["format"], export["status"], export["path"]) == ("merged", "failed", None)
    assert export["error"]["code"] == "export.user.adapter_mismatch"


def test_refuses_an_export(api, world):
    version = world.model_version()
    path = f"models/{version.name}/exports"
    assert api.post(path, {"format": "gguf"}).error == (400, "invalid_value", "format")
    assert api.post("models/ft:x/exports").error[:2] == (404, "not_found")
    with World("other") as other:
        stranger = api_of(other.key())
    assert stranger.post(path).error[:2] == stranger.get(path).error[:2] == (404, "not_found")
    ModelVersion.objects.filter(pk=version.pk).update(method="full")
    assert api.post(path).error[:2] == (409, "export_not_needed")
    assert not ModelExport.objects.exists()


# -- the command --------------------------------------------------------------------------------------
def test_command_registers_a_base_model(db, folder, capsys):
    call_command("base_model_register", "tiny", str(folder), "--licence", "MIT", "--restricted")
    printed = json.loads(capsys.readouterr().out)
    base_model = BaseModel.objects.get()
    assert (printed["id"], printed["kind"], printed["licence"]) == (base_model.id, "causal_lm", "MIT")
    assert not base_model.open_to_all


def test_command_names_what_is_wrong(db, folder):
    with pytest.raises(CommandError, match=r"^base_model_missing: "):
        call_command("base_model_register", "tiny", str(folder / "absent"), "--licence", "MIT")
