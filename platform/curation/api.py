"""/v1/recipes and /v1/datasets."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from accounts.principal import actor_of, principal_of
from common import wire
from common.errors import InvalidRequest
from common.pagination import envelope, keyset_page, list_body
from common.wire import Body, PageQuery, Settings, unix
from curation import comparison_api, services
from curation.choice import EVERYTHING, DocumentRule
from curation.models import Dataset, DatasetVersion, Recipe
from curation.selectors import (
    changed_path,
    dataset_get,
    dataset_list,
    dropped_path,
    duplicate_groups,
    entries,
    recipe_get,
    recipe_list,
    records_path,
    require_ready,
    source_revisions,
    version_counts,
    version_get,
    version_list,
)
from curation.showing import require_texts_shown
from documents.models import Revision
from documents.selectors import documents_by_id
from jobs.api import PlacementBody, job_error_body, placement_of
from jobs.produced import ProducedState
from workers.contract.specs.curation import DEFAULT_RECIPE

router = Router(tags=["Datasets"])
router.add_router("", comparison_api.router)

DEFAULT_RECIPE_ID = "default"


# -- recipes --------------------------------------------------------------------------------
class RecipeBody(Body):
    answered_as = "recipe"

    name: str = Field(min_length=1, max_length=200)
    steps: list[Settings] = Field(min_length=1, max_length=50)
    """Ordered steps, each `{"type": ..., thresholds}`; see the recipe `default` for all of them."""


def recipe_body(recipe: Recipe) -> dict[str, Any]:
    return {
        "id": recipe.id,
        "object": "recipe",
        "created_at": unix(recipe.created_at),
        "name": recipe.name,
        "steps": recipe.content["steps"],
    }


def default_recipe_body() -> dict[str, Any]:
    return {
        "id": DEFAULT_RECIPE_ID,
        "object": "recipe",
        "created_at": 0,
        "name": DEFAULT_RECIPE_ID,
        "steps": DEFAULT_RECIPE.model_dump(mode="json")["steps"],
    }


@router.get("/recipes", summary="List recipes")
def recipes(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    return list_body(
        keyset_page(recipe_list(), after=query.after, limit=query.limit, order=query.order), recipe_body
    )


@router.post("/recipes", summary="Create a recipe")
def recipe_create(request: HttpRequest, payload: RecipeBody) -> dict[str, Any]:
    recipe = services.recipe_create(
        name=payload.name, content={"steps": payload.steps}, actor=actor_of(request)
    )
    return recipe_body(recipe)


@router.get("/recipes/{recipe_id}", summary="Retrieve a recipe (`default` is the built-in one)")
def recipe_retrieve(request: HttpRequest, recipe_id: str) -> dict[str, Any]:
    return default_recipe_body() if recipe_id == DEFAULT_RECIPE_ID else recipe_body(recipe_get(recipe_id))


# -- datasets -------------------------------------------------------------------------------
class DatasetBody(Body):
    answered_as = "dataset"

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=10_000)
    recipe: str = DEFAULT_RECIPE_ID
    """A recipe's id, or `default`."""


def dataset_body(dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "object": "dataset",
        "created_at": unix(dataset.created_at),
        "name": dataset.name,
        "description": dataset.description,
        "recipe": dataset.recipe_id or DEFAULT_RECIPE_ID,
    }


@router.get("/datasets", summary="List datasets")
def datasets(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    return list_body(
        keyset_page(dataset_list(), after=query.after, limit=query.limit, order=query.order), dataset_body
    )


@router.post("/datasets", summary="Create a dataset")
def dataset_create(request: HttpRequest, payload: DatasetBody) -> dict[str, Any]:
    recipe = None if payload.recipe == DEFAULT_RECIPE_ID else recipe_get(payload.recipe, param="recipe")
    dataset = services.dataset_create(
        name=payload.name, description=payload.description, recipe=recipe, actor=actor_of(request)
    )
    return dataset_body(dataset)


@router.get("/datasets/{dataset_id}", summary="Retrieve a dataset")
def dataset_retrieve(request: HttpRequest, dataset_id: str) -> dict[str, Any]:
    return dataset_body(dataset_get(dataset_id))


# -- versions -------------------------------------------------------------------------------
class VersionBody(Body):
    file_ids: list[str] | None = Field(default=None, min_length=1, max_length=100_000)
    """The documents to build from, in their current revisions."""
    documents: DocumentRule | None = None
    """Instead of `file_ids`: every document that was read and that this rule lets through. Without both: all."""
    heldout_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of records kept away from training, to measure the model on. 0 needs `without_evaluation`."""
    without_evaluation: bool = False
    """No evaluation follows, so nothing needs to be held out."""
    kosha: PlacementBody | None = None


def version_body(version: DatasetVersion) -> dict[str, Any]:
    return {
        "id": version.id,
        "object": "dataset.version",
        "created_at": unix(version.created_at),
        "dataset": version.dataset_id,
        "number": version.number,
        "status": version.state,
        "job": version.job_id,
        "error": job_error_body(version.job) if version.state == ProducedState.FAILED else None,
        "steps": version.recipe["steps"],
        "documents": version.document_rule,
        "counts": version_counts(version),
        "manifest_sha256": version.manifest_sha256 or None,
    }


@router.get("/datasets/{dataset_id}/versions", summary="List a dataset's versions")
def versions(request: HttpRequest, dataset_id: str, query: Query[PageQuery]) -> dict[str, Any]:
    rows = version_list(dataset_get(dataset_id))
    return list_body(keyset_page(rows, after=query.after, limit=query.limit, order=query.order), version_body)


@router.post("/datasets/{dataset_id}/versions", summary="Build a new version")
def version_create(request: HttpRequest, dataset_id: str, payload: VersionBody) -> dict[str, Any]:
    dataset = dataset_get(dataset_id)
    if payload.file_ids and payload.documents:
        raise InvalidRequest(
            "conflicting_parameters",
            _("Name documents in file_ids or give a rule in documents, not both."),
            param="documents",
        )
    chosen = documents_by_id(payload.file_ids, param="file_ids") if payload.file_ids else None
    version = services.dataset_version_create(
        dataset=dataset,
        documents=chosen,
        rule=payload.documents or EVERYTHING,
        heldout_share=payload.heldout_share,
        without_evaluation=payload.without_evaluation,
        placement=placement_of(payload.kosha),
        actor=actor_of(request),
    )
    return version_body(version)


@router.get("/datasets/{dataset_id}/versions/{version_id}", summary="Retrieve a version")
def version_retrieve(request: HttpRequest, dataset_id: str, version_id: str) -> dict[str, Any]:
    return version_body(version_get(version_id, dataset_id=dataset_id))


def source_body(revision: Revision) -> dict[str, Any]:
    document = revision.document
    return {
        "id": revision.id,
        "object": "dataset.file",
        "file_id": document.id,
        "filename": document.name,
        "number": revision.number,
        "deleted": document.deleted_at is not None,
    }


@router.get(
    "/datasets/{dataset_id}/versions/{version_id}/files", summary="The revisions a version was made from"
)
def version_files(
    request: HttpRequest, dataset_id: str, version_id: str, query: Query[PageQuery]
) -> dict[str, Any]:
    rows = source_revisions(version_get(version_id, dataset_id=dataset_id))
    return list_body(keyset_page(rows, after=query.after, limit=query.limit, order=query.order), source_body)


class LinesQuery(wire.Query):
    after: int = Field(default=0, ge=0, lt=1 << 63)
    """The `line` of the last entry seen."""
    limit: int = Field(default=20, ge=1, le=100)


class StepQuery(LinesQuery):
    step: str = Field(default="", max_length=100)
    """Only what this step of the recipe did, for example `noise` or `noise:2`."""


class DroppedQuery(StepQuery):
    reason: str = Field(default="", max_length=100)
    """Only what was dropped for this reason, for example `near_duplicate`."""


def _lines_body(
    request: HttpRequest,
    version: DatasetVersion,
    kind: Literal["record", "changed", "dropped"],
    query: LinesQuery,
) -> dict[str, Any]:
    require_ready(version, param="version_id")
    require_texts_shown(version, principal_of(request))
    path = {"record": records_path, "changed": changed_path, "dropped": dropped_path}[kind](version)
    found, has_more = entries(path, **query.model_dump())
    data = ({"object": f"dataset.{kind}", **entry} for entry in found)
    return envelope(data, has_more=has_more, key="line")


@router.get("/datasets/{dataset_id}/versions/{version_id}/records", summary="The records that were kept")
def version_records(
    request: HttpRequest, dataset_id: str, version_id: str, query: Query[LinesQuery]
) -> dict[str, Any]:
    return _lines_body(request, version_get(version_id, dataset_id=dataset_id), "record", query)


@router.get(
    "/datasets/{dataset_id}/versions/{version_id}/changed",
    summary="Examples of what each step changed, before and after",
)
def version_changed(
    request: HttpRequest, dataset_id: str, version_id: str, query: Query[StepQuery]
) -> dict[str, Any]:
    return _lines_body(request, version_get(version_id, dataset_id=dataset_id), "changed", query)


@router.get(
    "/datasets/{dataset_id}/versions/{version_id}/dropped", summary="What was dropped, by which step and why"
)
def version_dropped(
    request: HttpRequest, dataset_id: str, version_id: str, query: Query[DroppedQuery]
) -> dict[str, Any]:
    return _lines_body(request, version_get(version_id, dataset_id=dataset_id), "dropped", query)


@router.get(
    "/datasets/{dataset_id}/versions/{version_id}/duplicates",
    summary="The records that others repeat: which copy stays and why, and what was dropped for it",
)
def version_duplicates(
    request: HttpRequest, dataset_id: str, version_id: str, query: Query[LinesQuery]
) -> dict[str, Any]:
    version = require_ready(version_get(version_id, dataset_id=dataset_id), param="version_id")
    require_texts_shown(version, principal_of(request))
    groups, has_more = duplicate_groups(version, after=query.after, limit=query.limit)
    data = ({"object": "dataset.duplicates", **group} for group in groups)
    return envelope(data, has_more=has_more, key="line")
