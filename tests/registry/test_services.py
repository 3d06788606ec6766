"""Base models from folders, model versions with their numbers, and exports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from accounts.models import Organization
from audit.models import AuditEvent
from audit.services import SYSTEM
from common.errors import Conflict, InvalidRequest, NotFound
from common.tenancy import every_organization
from registry.models import BaseModel, BaseModelGrant, ModelExport, ModelVersion
from registry.selectors import (
    WrongModelKind,
    base_model_get,
    base_model_list,
    default_embedding_model,
    export_folder,
    latest_version,
    model_choice,
    model_folder,
    model_named,
    model_version_get,
    model_version_list,
    weights_of,
)
from registry.services import (
    base_model_register,
    export_create,
    model_version_create,
    model_version_delete,
)
from releases.services import release_publish
from tests.world import DIGEST, World, fail, finish
from workers.contract.prompts import STOP_STRINGS
from workers.contract.specs.export import ExportResult, ExportSpec


def register(folder: Path, **changed) -> BaseModel:
    given = {"name": "tiny", "path": str(folder), "kind": "causal_lm", "licence": "MIT", "open_to_all": True}
    return base_model_register(**{**given, "actor": SYSTEM, **changed})


def actions() -> list[str]:
    with every_organization("an operator's events"):
        return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


# -- base models --------------------------------------------------------------------------------------
def test_a_folder_is_registered_once_and_may_move(db, folder, tmp_path):
    first = register(folder)
    assert (first.parameters, first.context_length, first.architecture) == (2, 64, "LlamaForCausalLM")
    assert register(folder) == first
    moved = shutil.move(folder, tmp_path / "elsewhere")
    assert register(moved) == first
    assert BaseModel.objects.get().path == str(moved)
    assert actions() == ["base_model.registered", "base_model.moved"]


def test_a_base_model_does_not_have_the_name_of_an_alias(world, folder):
    release = world.release(approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    with pytest.raises(Conflict, match="base_model_name_is_alias"):
        register(folder, name="production")
    assert not BaseModel.objects.filter(name="production").exists()


def test_stop_strings_are_registered_beside_those_of_the_prompts(db, folder):
    model = register(folder)
    assert model.stop_strings == list(STOP_STRINGS)
    again = register(folder, stop_strings=["\nUser:", STOP_STRINGS[0], ""])
    assert again == model and again.stop_strings == [*STOP_STRINGS, "\nUser:"]
    assert model_choice(again, None).stop_strings == tuple(again.stop_strings)
    assert register(folder).stop_strings == again.stop_strings
    assert actions()[-1] == "base_model.stop_strings_set"


def test_a_base_model_never_changes(db, folder):
    register(folder)
    (folder / "generation_config.json").write_text("{}")
    with pytest.raises(Conflict) as refused:
        register(folder)
    assert (refused.value.code, refused.value.param) == ("base_model_exists", "name")


def edit_config(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda folder: (folder / "config.json").unlink(), "base_model_missing"),
        (lambda folder: (folder / "model.py").write_text("x"), "base_model_unsafe"),
        (lambda folder: (folder / "model.bin").write_bytes(b"x"), "base_model_unsafe"),
        (cut, "base_model_damaged"),
        (lambda folder: edit_config(folder, architectures=["BertModel"]), "base_model_unsupported"),
        (lambda folder: edit_config(folder, hidden_size=None), "base_model_unsupported"),
    ],
)
def test_refuses_a_folder_that_is_not_a_safe_model(db, folder, change, code):
    change(folder)
    with pytest.raises(InvalidRequest) as refused:
        register(folder)
    assert (refused.value.code, refused.value.param) == (code, "path")
    assert not BaseModel.objects.exists() and actions() == []


def test_refuses_a_folder_outside_the_model_roots(db, folder, settings, tmp_path):
    settings.KOSHA_MODEL_ROOTS = [tmp_path / "other"]
    for path in (folder, tmp_path / "other" / ".." / "tiny"):
        with pytest.raises(InvalidRequest) as refused:
            register(path)
        assert (refused.value.code, refused.value.param) == ("base_model_outside_roots", "path")


@pytest.mark.parametrize("name", ["", "Tiny", "-tiny", "a b", "x" * 61, "bm_1"])
def test_refuses_a_name_that_does_not_fit_an_address(db, folder, name):
    with pytest.raises(InvalidRequest) as refused:
        register(folder, name=name)
    assert (refused.value.code, refused.value.param) == ("invalid_name", "name")


def test_a_restricted_base_model_is_absent_without_a_grant(db):
    with World("ichi") as world:
        restricted = world.base_model("secret", open_to_all=False)
        with pytest.raises(NotFound):
            base_model_get("secret")
        BaseModelGrant.objects.create(base_model=restricted)
        assert base_model_get("secret") == restricted
    with World("ni"), pytest.raises(NotFound):
        base_model_get(restricted.id)


def test_base_models_are_found_by_name_id_and_kind(world):
    gemma, e5 = world.base_model(), world.embedding_model()
    assert base_model_get("gemma") == base_model_get(gemma.id) == gemma
    assert default_embedding_model() == e5
    with pytest.raises(WrongModelKind) as refused:
        base_model_get("e5", kind="causal_lm", param="base_model")
    assert refused.value.param == "base_model"
    BaseModel.objects.filter(pk=gemma.pk).update(is_active=False)
    assert list(base_model_list()) == [e5]


# -- versions -----------------------------------------------------------------------------------------
def test_versions_are_numbered_by_name(world):
    numbers = [world.model_version(suffix=suffix).number for suffix in ("a", "b", "a")]
    assert numbers == [1, 1, 2]
    assert latest_version(world.base_model(), "a").number == 2
    assert latest_version(world.base_model(), "c") is None


def test_a_run_makes_one_version(world):
    version = world.model_version(suffix="a")
    given = {
        "base_model": version.base_model,
        "suffix": "a",
        "method": "lora",
        "parent": None,
        "dataset_version_id": "",
        "manifest_sha256": DIGEST,
        "facts": {},
        "organization": Organization.objects.get(pk=version.organization_id),
        "actor": world.actor,
    }
    again = model_version_create(id="model_x", training_run_id=version.training_run_id, **given)
    assert again == version and ModelVersion.objects.count() == 1
    other = model_version_create(id="model_abcdefghij", training_run_id="run_other", **given)
    assert other.name == f"ft:gemma:{world.slug}:a:cdefghij"
    assert other.number == 2 and actions()[-1] == "model_version.created"


def test_a_deleted_version_is_hidden_and_its_number_is_not_given_again(world):
    version = world.model_version(suffix="a")
    model_version_delete(version=version, actor=world.actor)
    assert list(model_version_list()) == [] and actions()[-1] == "model_version.deleted"
    for name in (version.name, version.id):
        with pytest.raises(NotFound):
            model_version_get(name)
    assert (model_folder(version) / "manifest.json").exists()
    assert world.model_version(suffix="a").number == 2


def test_a_name_means_a_version_or_a_base_model(world):
    version = world.model_version()
    assert model_named(version.name, param="model") == (version.base_model, version)
    assert model_named("gemma", param="model") == (version.base_model, None)
    world.embedding_model()
    for name, code in {"x": "unknown_model", "ft:x": "unknown_model", "e5": "wrong_model_kind"}.items():
        with pytest.raises(InvalidRequest) as refused:
            model_named(name, param="model")
        assert (refused.value.code, refused.value.param) == (code, "model")


def test_an_adapter_goes_on_its_base_and_a_whole_model_stands_alone(world):
    version = world.model_version()
    base = version.base_model
    assert weights_of(base, None) == (Path(base.path), None)
    assert weights_of(base, version) == (Path(base.path), model_folder(version))
    choice = model_choice(base, version)
    assert (choice.base_model_digest, choice.adapter_sha256) == (base.digest, version.manifest_sha256)
    version.method = "full"
    assert weights_of(base, version) == (model_folder(version), None)
    choice = model_choice(base, version)
    assert (choice.base_model, choice.base_model_digest) == (model_folder(version), None)


# -- exports ------------------------------------------------------------------------------------------
def test_an_export_carries_where_the_model_comes_from(world):
    version = world.model_version()
    export = export_create(version=version, format="merged", actor=world.actor)
    spec = ExportSpec.model_validate(export.job.spec)
    assert (spec.format, spec.adapter) == ("merged", model_folder(version))
    assert spec.adapter_manifest_sha256 == version.manifest_sha256
    assert (spec.facts.model_name, spec.facts.base_model_licence) == (version.name, "Apache-2.0")
    assert actions()[-1] == "model_version.export_requested"


def test_an_ended_export_has_its_files_in_their_place(world):
    export = export_create(version=world.model_version(), format="adapter", actor=world.actor)
    result = ExportResult(format="adapter", files={"a": 1}, bytes=1, manifest_sha256=DIGEST)
    finish(export.job, result, {"model/a": "1"})
    export = ModelExport.objects.get()
    assert (export_folder(export) / "model" / "manifest.json").exists()
    assert export.manifest_sha256 and export.bytes == 1


def test_a_failed_export_leaves_nothing(world):
    export = export_create(version=world.model_version(), format="adapter", actor=world.actor)
    fail(export.job, "export.system.out_of_memory")
    export = ModelExport.objects.get()
    assert not export.manifest_sha256 and not export_folder(export).exists()


def test_refuses_to_export_a_model_that_is_whole_already(world):
    version = world.model_version()
    ModelVersion.objects.filter(pk=version.pk).update(method="full")
    with pytest.raises(Conflict) as refused:
        export_create(version=model_version_get(version.id), format="merged", actor=world.actor)
    assert refused.value.code == "export_not_needed"
    assert not ModelExport.objects.exists()
