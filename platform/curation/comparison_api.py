"""/v1/datasets/{id}/versions/{id}/compare: what differs between two versions of a dataset."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from accounts.principal import principal_of
from common import wire
from common.errors import Conflict
from common.pagination import envelope
from curation.comparing import (
    CHANGES,
    Change,
    alignment,
    changed_records,
    compared_with,
    differences_of,
    document_changes,
    recipe_changes,
)
from curation.models import DatasetVersion
from curation.selectors import require_ready, version_get
from curation.showing import require_texts_shown

router = Router(tags=["Datasets"])
PLACE = "/datasets/{dataset_id}/versions/{version_id}/compare"


class CompareQuery(wire.Query):
    base: str = ""
    """The id of another version of the dataset; without it the newest earlier one that is ready."""


class ListQuery(CompareQuery):
    after: int = Field(default=0, ge=0)
    """The `number` of the last entry seen."""
    limit: int = Field(default=20, ge=1, le=100)


class RecordsQuery(ListQuery):
    change: Change = "changed"
    """What became of the records; `moved` ones are held out of training in one of the versions alone."""


def _versions(dataset_id: str, version_id: str, query: CompareQuery) -> tuple[DatasetVersion, DatasetVersion]:
    """The other version, and the one in the address."""
    new = require_ready(version_get(version_id, dataset_id=dataset_id), param="version_id")
    old = compared_with(new, query.base)
    if old is None:
        message = _("This dataset has no other version that is ready. Build one, and compare then.")
        raise Conflict("nothing_to_compare", message, param="base")
    return old, new


@router.get(PLACE, summary="What differs between two versions, in numbers, and between their recipes")
def version_compare(
    request: HttpRequest, dataset_id: str, version_id: str, query: Query[CompareQuery]
) -> dict[str, Any]:
    old, new = _versions(dataset_id, version_id, query)
    found, documents = alignment(old, new), document_changes(old, new)
    states = [document.state for document in documents]
    return {
        "object": "dataset.version.comparison",
        "dataset": dataset_id,
        "version": new.id,
        "base": old.id,
        "documents": {state: states.count(state) for state in ("added", "removed", "revised")},
        "records": {
            "same": found.same,
            **{change: differences_of(found, change).count for change in CHANGES},
            "all_paired": found.left_to_pair >= 0,
        },
        "recipe": [asdict(change) for change in recipe_changes(old, new)],
    }


@router.get(f"{PLACE}/files", summary="The documents that differ between two versions")
def version_compare_files(
    request: HttpRequest, dataset_id: str, version_id: str, query: Query[ListQuery]
) -> dict[str, Any]:
    documents = document_changes(*_versions(dataset_id, version_id, query))
    end = query.after + query.limit
    data = (
        {
            "object": "dataset.version.file_difference",
            "number": number,
            "file_id": document.document_id,
            "filename": document.name,
            "deleted": document.is_deleted,
            "state": document.state,
            "revision_before": document.old_revision,
            "revision_after": document.new_revision,
            "records": asdict(document.records),
        }
        for number, document in enumerate(documents[query.after : end], start=query.after + 1)
    )
    return envelope(data, has_more=end < len(documents), key="number")


@router.get(
    f"{PLACE}/records", summary="The records that differ between two versions, of one kind of difference"
)
def version_compare_records(
    request: HttpRequest, dataset_id: str, version_id: str, query: Query[RecordsQuery]
) -> dict[str, Any]:
    old, new = _versions(dataset_id, version_id, query)
    for version in (old, new):
        require_texts_shown(version, principal_of(request))
    found, has_more = changed_records(old, new, query.change, after=query.after, limit=query.limit)
    data = ({"object": "dataset.version.record_difference", "change": query.change, **each} for each in found)
    return envelope(data, has_more=has_more, key="number")
