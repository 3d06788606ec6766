"""/v1/base_models and the exports of /v1/models/{model}."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from accounts.principal import actor_of
from common.pagination import keyset_page, list_body
from common.wire import Body, PageQuery, unix
from jobs.api import PlacementBody, job_error_body, placement_of
from jobs.selectors import public_state
from registry import services
from registry.models import BaseModel, ModelExport
from registry.selectors import base_model_get, base_model_list, export_folder, export_list, model_version_get

router = Router(tags=["Models"])


def base_model_body(base_model: BaseModel) -> dict[str, Any]:
    return {
        "id": base_model.id,
        "object": "base_model",
        "created_at": unix(base_model.created_at),
        "name": base_model.name,
        "kind": base_model.kind,
        "licence": base_model.licence,
        "digest": base_model.digest,
        "architecture": base_model.architecture,
        "parameters": base_model.parameters,
        "context_length": base_model.served_context_length,
        "training_context_length": base_model.context_length,
        "vocabulary_size": base_model.vocabulary_size,
        "stop_strings": base_model.stop_strings,
    }


class BaseModelBody(Body):
    name: str
    path: str = Field(max_length=1000)
    """Folder on this installation's disk: safetensors weights, config.json and tokenizer."""
    kind: Literal["causal_lm", "embedding"] = "causal_lm"
    licence: str = Field(min_length=1, max_length=200)
    open_to_all: bool = True
    stop_strings: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default=[], max_length=20)
    """An answer ends before the first of them; those of Kosha's own prompts are always among them."""


LENGTHS = "Prompt and answer in chat, or a text to embed, have at most `context_length` tokens: the model's own limit, or the\nlower one of the installation. A training may use sequences of up to `training_context_length` tokens."


@router.get("/base_models", summary="List the base models you may use", description=LENGTHS)
def base_models(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    return list_body(
        keyset_page(base_model_list(), after=query.after, limit=query.limit, order=query.order),
        base_model_body,
    )


@router.post("/base_models", summary="Register a base model (operators)")
def base_model_create(request: HttpRequest, payload: BaseModelBody) -> dict[str, Any]:
    base_model = services.base_model_register(
        name=payload.name,
        path=payload.path,
        kind=payload.kind,
        licence=payload.licence,
        open_to_all=payload.open_to_all,
        stop_strings=payload.stop_strings,
        actor=actor_of(request),
    )
    return base_model_body(base_model)


@router.get("/base_models/{base_model_id}", summary="Retrieve a base model by id or name")
def base_model_retrieve(request: HttpRequest, base_model_id: str) -> dict[str, Any]:
    return base_model_body(base_model_get(base_model_id))


class ExportBody(Body):
    format: Literal["adapter", "merged"] = "merged"
    """`adapter` copies the adapter alone; `merged` writes it into the base model's weights."""
    kosha: PlacementBody | None = None


def export_body(export: ModelExport) -> dict[str, Any]:
    finished = export.manifest_sha256 != ""
    return {
        "id": export.id,
        "object": "model.export",
        "created_at": unix(export.created_at),
        "model": export.model_version.name,
        "format": export.format,
        "status": public_state(export.job),
        "job": export.job_id,
        "error": job_error_body(export.job),
        "path": str(export_folder(export)) if finished else None,
        "bytes": export.bytes,
        "manifest_sha256": export.manifest_sha256 or None,
    }


@router.get("/models/{model}/exports", summary="List a model version's exports")
def exports(request: HttpRequest, model: str, query: Query[PageQuery]) -> dict[str, Any]:
    rows = export_list(model_version_get(model))
    return list_body(keyset_page(rows, after=query.after, limit=query.limit, order=query.order), export_body)


@router.post("/models/{model}/exports", summary="Export a model version")
def export_create(request: HttpRequest, model: str, payload: ExportBody) -> dict[str, Any]:
    export = services.export_create(
        version=model_version_get(model),
        format=payload.format,
        placement=placement_of(payload.kosha),
        actor=actor_of(request),
    )
    return export_body(export)
