"""The page that shows what differs between two versions of a dataset."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.principal import principal_of
from curation.comparing import (
    CHANGES,
    Change,
    DocumentChange,
    alignment,
    changed_records,
    compared_with,
    differences_of,
    document_changes,
    recipe_changes,
)
from curation.models import DatasetVersion
from curation.selectors import others_ready, require_ready, version_get
from curation.showing import texts_shown
from curation.views import LINES_SHOWN, frame, number_of, pager_links
from workers.contract.record_index import content_of

DOCUMENTS_SHOWN = 20


def compare(request: HttpRequest, dataset_id: str, version_id: str) -> HttpResponse:
    """What the version has that `base` has not, and the other way about; without `base`, the version before."""
    new = require_ready(version_get(version_id, dataset_id=dataset_id), param="version_id")
    others = others_ready(new)
    old = compared_with(new, request.GET.get("base", ""))
    context = {**frame(new), "tab": "compare", "others": others[:100], "old": old}
    if old is not None:
        context |= _differences(request, old, new)
    return render(request, "curation/compare.html", context)


def _differences(request: HttpRequest, old: DatasetVersion, new: DatasetVersion) -> dict[str, Any]:
    found = alignment(old, new)
    counts = {change: differences_of(found, change).count for change in CHANGES}
    documents = document_changes(old, new)
    first = number_of(request, "documents_after")
    shown: dict[str, Any] = {
        "same": found.same,
        "differences": counts,
        "states": _states(documents),
        "recipe": recipe_changes(old, new),
        "documents": documents[first : first + DOCUMENTS_SHOWN],
        "documents_next": first + DOCUMENTS_SHOWN if first + DOCUMENTS_SHOWN < len(documents) else None,
        "documents_first": first,
        "change": _chosen(request, counts),
        "is_withheld": not all(texts_shown(version, principal_of(request)) for version in (old, new)),
        "is_paired": found.left_to_pair >= 0,
    }
    if not shown["is_withheld"]:
        shown |= _records(request, old, new, shown["change"])
    return shown


def _states(documents: list[DocumentChange]) -> dict[str, int]:
    states = [document.state for document in documents]
    return {state: states.count(state) for state in ("added", "removed", "revised")}


def _chosen(request: HttpRequest, counts: dict[Change, int]) -> Change:
    """The kind of differences whose records are listed; by default the first kind that there is."""
    named = request.GET.get("change")
    kinds: tuple[Change, ...] = ("changed", "added", "removed", "moved")
    return next(
        (kind for kind in kinds if kind == named), next((kind for kind in kinds if counts[kind]), "changed")
    )


def _records(
    request: HttpRequest, old: DatasetVersion, new: DatasetVersion, change: Change
) -> dict[str, Any]:
    after = number_of(request, "after")
    records, has_more = changed_records(old, new, change, after=after, limit=LINES_SHOWN)
    for each in records:
        for side in ("before", "after"):
            each[f"text_{side}"] = content_of(each[side]) if each[side] else ""
        each["entry"] = each["after"] or each["before"]
    return {"records": records, **pager_links(request, after + LINES_SHOWN if has_more else None)}
