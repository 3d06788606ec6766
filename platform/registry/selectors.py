"""Reads: the base models an organization may use, its model versions, and where their files lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from common.errors import DeclaredError, InvalidRequest, NotFound
from common.storage import artifact_path
from common.tenancy import current_organization_id
from registry.models import BaseModel, BaseModelKind, ModelExport, ModelVersion
from workers.contract.specs.serving import ModelChoice

MODELS = "models"
"""The artefact kind under which a model version's folder is kept."""
EXPORTS = "exports"


def base_model_list() -> QuerySet[BaseModel]:
    """What the current organization may customize or search with."""
    granted = Q(open_to_all=True) | Q(grants__organization_id=current_organization_id())
    return BaseModel.objects.filter(granted, is_active=True).distinct()


NO_SUCH_MODEL = gettext_lazy("There is no such model here. GET /v1/models lists those you may use.")


IS_NOT_FOR: dict[str, Any] = {
    BaseModelKind.EMBEDDING: gettext_lazy(
        "This is an embedding model. It turns texts into vectors, and is not for answers, training or evaluation. "
        "Name a language model."
    ),
    BaseModelKind.CAUSAL_LM: gettext_lazy(
        "This is a language model. It answers in chat and can be trained, and makes no embeddings. "
        "Name an embedding model."
    ),
}


class WrongModelKind(DeclaredError, InvalidRequest):
    """The model exists and is not for what was asked."""

    code = "wrong_model_kind"
    param = "model"

    def __init__(self, kind: str, param: str | None = None) -> None:
        self.message = IS_NOT_FOR[kind]
        super().__init__(param)


def base_model_get(name: str, *, kind: str | None = None, param: str | None = None) -> BaseModel:
    """By name or id. Raises NotFound; WrongModelKind where the model is of another kind than `kind`."""
    found = base_model_list().filter(Q(name=name) | Q(pk=name)).first()
    if found is None:
        raise NotFound(param=param)
    if kind is not None and found.kind != kind:
        raise WrongModelKind(found.kind, param)
    return found


def default_embedding_model() -> BaseModel | None:
    return base_model_list().filter(kind=BaseModelKind.EMBEDDING).order_by("id").first()


def model_version_list() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(deleted_at=None).select_related("base_model")


def model_version_get(name: str, *, param: str | None = None) -> ModelVersion:
    """By name (`ft:...`) or id."""
    found = model_version_list().filter(Q(name=name) | Q(pk=name)).first()
    if found is None:
        raise NotFound(param=param)
    return found


def model_named(name: str, *, param: str) -> tuple[BaseModel, ModelVersion | None]:
    """Resolve the name of a model: a version (`ft:...`) with its base, or a base alone.

    Raises InvalidRequest `unknown_model`, WrongModelKind.
    """
    try:
        if name.startswith("ft:"):
            version = model_version_get(name)
            return version.base_model, version
        return base_model_get(name, kind=BaseModelKind.CAUSAL_LM, param=param), None
    except NotFound as error:
        raise InvalidRequest("unknown_model", NO_SUCH_MODEL, param=param) from error


def latest_version(base_model: BaseModel, suffix: str) -> ModelVersion | None:
    return model_version_list().filter(base_model=base_model, suffix=suffix).order_by("-number").first()


def model_folder(version: ModelVersion) -> Path:
    return artifact_path(version.organization_id, MODELS, version.id)


def weights_of(base_model: BaseModel, version: ModelVersion | None) -> tuple[Path, Path | None]:
    """The base folder and, for a LoRA version, the adapter folder to apply to it.

    A fully trained version replaces its base.
    """
    if version is None:
        return Path(base_model.path), None
    if version.method == "full":
        return model_folder(version), None
    return Path(base_model.path), model_folder(version)


def model_choice(base_model: BaseModel, version: ModelVersion | None) -> ModelChoice:
    """As `weights_of`, with the digests of what is registered: the model server refuses other weights."""
    base, adapter = weights_of(base_model, version)
    is_base = base == Path(base_model.path)
    return ModelChoice(
        base_model=base,
        base_model_digest=base_model.digest if is_base else None,
        adapter=adapter,
        adapter_sha256=version.manifest_sha256 if version and adapter else None,
        stop_strings=tuple(base_model.stop_strings),
    )


def export_list(version: ModelVersion) -> QuerySet[ModelExport]:
    return version.exports.select_related("job", "model_version")


def export_folder(export: ModelExport) -> Path:
    return artifact_path(export.organization_id, EXPORTS, export.id)
