"""Base models from folders, version numbers, and exports."""

from __future__ import annotations

import json
import shutil
import struct

import pytest

from audit.models import AuditEvent
from audit.services import SYSTEM
from common.errors import Conflict, NotFound
from common.tenancy import every_organization
from registry.models import BaseModel, BaseModelGrant, ModelExport
from registry.selectors import base_model_get, export_folder
from registry.services import base_model_register, export_create
from tests.world import DIGEST, World, finish
from workers.contract.specs.export import ExportResult


@pytest.fixture
def folder(settings, tmp_path):
    settings.KOSHA_MODEL_ROOTS = [tmp_path]
    folder = tmp_path / "tiny"
    folder.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 64, "vocab_size": 8}
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 4, "num_hidden_layers": 1}))
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    return folder


def register(folder, name: str = "tiny") -> BaseModel:
    return base_model_register(
        name=name, path=str(folder), kind="causal_lm", licence="MIT", open_to_all=True, actor=SYSTEM
    )


def actions() -> list[str]:
    with every_organization("an operator's events"):
        return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_a_folder_is_registered_once_and_may_move(db, folder, tmp_path):
    first = register(folder)
    assert (first.parameters, first.context_length, first.architecture) == (2, 64, "LlamaForCausalLM")
    assert register(folder) == first
    moved = shutil.move(folder, tmp_path / "elsewhere")
    assert register(moved) == first
    assert BaseModel.objects.get().path == str(moved)
    assert actions() == ["base_model.registered", "base_model.moved"]


def test_a_base_model_never_changes(db, folder):
    register(folder)
    (folder / "generation_config.json").write_text("{}")
    with pytest.raises(Conflict, match="base_model_exists"):
        register(folder)


def test_a_restricted_base_model_is_absent_without_a_grant(db):
    with World("ichi") as world:
        restricted = world.base_model("secret", open_to_all=False)
        with pytest.raises(NotFound):
            base_model_get("secret")
        BaseModelGrant.objects.create(base_model=restricted)
        assert base_model_get("secret") == restricted
    with World("ni"), pytest.raises(NotFound):
        base_model_get(restricted.id)


def test_versions_are_numbered_by_name(world):
    numbers = [world.model_version(suffix=suffix).number for suffix in ("a", "b", "a")]
    assert numbers == [1, 1, 2]


def test_an_export_is_kept_where_it_says(api, world):
    version = world.model_version()
    export = export_create(version=version, format="adapter", actor=world.actor)
    assert api.get(f"models/{version.name}/exports").ok["data"][0]["path"] is None
    result = ExportResult(format="adapter", files={"a": 1}, bytes=1, manifest_sha256=DIGEST)
    finish(export.job, result, {"model/a": "1"})
    export = ModelExport.objects.get()
    assert (export_folder(export) / "manifest.json").exists()
    assert api.get(f"models/{version.name}/exports").ok["data"][0]["path"] == str(export_folder(export))
