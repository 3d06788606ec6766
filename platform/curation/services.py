"""Writes: recipes, datasets and dataset versions."""

from __future__ import annotations

import hashlib
from itertools import starmap
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from audit.services import Actor, audit_record
from common.errors import Conflict, InvalidRequest
from common.locks import unique_or
from common.wire import validate
from curation.choice import EVERYTHING, DocumentRule
from curation.models import Dataset, DatasetVersion, DatasetVersionSource, Recipe
from curation.selectors import ready_versions, recipe_content, version_folder
from documents.models import Document, Revision
from documents.selectors import pages_path, read_revisions, require_processed
from jobs.models import Job
from jobs.services import job_submit
from jobs.types import Placement
from workers.contract.record_index import INDEX_FILE
from workers.contract.specs.curation import CurationSource, CurationSpec, EarlierVersion
from workers.contract.specs.curation import Recipe as RecipeContent

NAMED = 20
"""The most documents that an error names."""


@transaction.atomic
def recipe_create(*, name: str, content: Any, actor: Actor) -> Recipe:
    """Raises InvalidRequest naming the step and field that is wrong."""
    checked = validate(RecipeContent, content)
    taken = Conflict("recipe_exists", _("A recipe of this name exists. Choose another name."), param="name")
    with unique_or(taken):
        recipe = Recipe.objects.create(name=name, content=checked.model_dump(mode="json"))
    audit_record(
        organization_id=recipe.organization_id,
        actor=actor,
        action="recipe.created",
        target_type="recipe",
        target_id=recipe.id,
        data={"name": name},
    )
    return recipe


@transaction.atomic
def dataset_create(*, name: str, description: str, recipe: Recipe | None, actor: Actor) -> Dataset:
    taken = Conflict("dataset_exists", _("A dataset of this name exists. Choose another name."), param="name")
    with unique_or(taken):
        dataset = Dataset.objects.create(name=name, description=description, recipe=recipe)
    audit_record(
        organization_id=dataset.organization_id,
        actor=actor,
        action="dataset.created",
        target_type="dataset",
        target_id=dataset.id,
        data={"name": name},
    )
    return dataset


@transaction.atomic
def dataset_version_create(
    *,
    dataset: Dataset,
    documents: list[Document] | None,
    heldout_share: float,
    actor: Actor,
    rule: DocumentRule = EVERYTHING,
    without_evaluation: bool = False,
    placement: Placement = Placement(),
) -> DatasetVersion:
    """Freeze the newest read revisions of the documents and the recipe, and queue the curation.

    Without `documents`, those that `rule` lets through go in. Raises InvalidRequest `no_documents` and
    `no_heldout_data`; Conflict `document_not_ready`, `document_unreadable` or `masked_documents`.
    """
    if heldout_share == 0 and not without_evaluation:
        raise InvalidRequest(
            "no_heldout_data",
            _(
                "An evaluation needs records that are held out of training. Hold out a share (10 percent is "
                "usual), or say that no evaluation follows."
            ),
            param="heldout_share",
        )
    recipe = recipe_content(dataset)
    sources = _sources(rule.documents() if documents is None else documents)
    _refuse_to_unmask(recipe, [document for document, _revision in sources])
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    number = (dataset.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    spec = CurationSpec(
        sources=tuple(starmap(_source, sources)),
        recipe=recipe,
        # The same for every version of a dataset, so that a text once held out stays held out.
        seed=int.from_bytes(hashlib.sha256(dataset.id.encode()).digest()[:4]),
        heldout_share=heldout_share,
        earlier=_earlier(dataset, recipe, heldout_share),
    )
    version = DatasetVersion.objects.create(
        dataset=dataset,
        number=number,
        recipe=recipe.model_dump(mode="json"),
        document_rule=rule.model_dump(mode="json") if documents is None else None,
        job=job_submit(spec=spec, actor=actor, placement=placement),
    )
    DatasetVersionSource.objects.bulk_create(
        DatasetVersionSource(organization_id=version.organization_id, version=version, revision=revision)
        for _document, revision in sources
    )
    audit_record(
        organization_id=version.organization_id,
        actor=actor,
        action="dataset_version.created",
        target_type="dataset_version",
        target_id=version.id,
        data={
            "dataset": dataset.id,
            "number": number,
            "revisions": len(sources),
            "document_rule": version.document_rule,
        },
    )
    return version


def _earlier(dataset: Dataset, recipe: RecipeContent, heldout_share: float) -> EarlierVersion | None:
    """The newest version that is ready, where it was split as this one will be: another share is a wish for another split."""
    newest = ready_versions().filter(dataset=dataset).order_by("-number").first()
    if newest is None or not (version_folder(newest) / INDEX_FILE).exists():
        return None
    # The whole spec lists every document.
    share = Job.objects.values_list("spec__heldout_share", flat=True).get(pk=newest.job_id)
    if share != heldout_share or RecipeContent.model_validate(newest.recipe).steps[-1] != recipe.steps[-1]:
        return None
    return EarlierVersion(folder=version_folder(newest), manifest_sha256=newest.manifest_sha256)


def _sources(documents: list[Document]) -> list[tuple[Document, Revision]]:
    if not documents:
        raise InvalidRequest(
            "no_documents", _("Choose at least one document to build from."), param="file_ids"
        )
    # A newer revision that has not been read, or cannot be, takes no document out.
    read = {revision.document_id: revision for revision in read_revisions().filter(document__in=documents)}
    sources = [
        (document, read.get(document.id) or require_processed(document, param=f"file_ids.{position}"))
        for position, document in enumerate(documents)
    ]
    # Newest first: of two duplicates the first is kept, and the newer rule is the one in force.
    return sorted(sources, key=lambda source: source[1].id, reverse=True)


def _refuse_to_unmask(recipe: RecipeContent, documents: list[Document]) -> None:
    """A record would show, and a model learn, what is hidden of a masked document."""
    masked = sorted(document.name for document in documents if document.is_masked)
    if not masked or recipe.masks_everything:
        return
    more = len(masked) - NAMED
    raise Conflict(
        "masked_documents",
        _(
            "The recipe of this dataset does not mask all kinds of personal data before its other steps, as these masked "
            "documents need (%(count)s): %(names)s. Leave them out, or use a dataset with a recipe that does, as the default one."
        ),
        param="file_ids",
        values={"count": len(masked), "names": ", ".join([*masked[:NAMED], *(["…"] if more > 0 else [])])},
    )


def _source(document: Document, revision: Revision) -> CurationSource:
    return CurationSource(
        document_id=document.id,
        revision_id=revision.id,
        document_name=document.name,
        pages_path=pages_path(revision),
        media_type=revision.media_type,
    )
