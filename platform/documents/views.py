"""The document pages: the list, the upload, and one document with its revisions and its text."""

from __future__ import annotations

from typing import Any, get_args

from django.conf import settings
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.principal import Principal, actor_of, principal_of
from common.errors import InvalidRequest
from common.pagination import KeysetPage, keyset_page
from common.permissions import Permission
from documents import services
from documents.archives import archive_prune, removals_waiting
from documents.kinds import READABLE, type_label
from documents.masking import HeldMasked, document_mode_set, may_show
from documents.models import Document, Purpose, Revision, RevisionState
from documents.selectors import (
    contents_counted,
    contents_of,
    document_get,
    document_search,
    documents_by_name,
    read_revision,
    revision_get,
    revision_list,
)
from documents.showing import PersonalDataUnknown, document_mode, original_response, shown_pages
from documents.structure import elements_of
from workers.contract.media_types import TYPE_OF_ENDING
from workers.contract.personal_data import PersonalDataMode
from workers.contract.specs.curation_steps import QuestionAnswerStep

SORTS = (
    ("newest", gettext_lazy("Newest first")),
    ("oldest", gettext_lazy("Oldest first")),
    ("name", gettext_lazy("By name")),
)
PAGES_SHOWN = 10
PLAIN = "plain"
"""The view of a document that shows its text as it is searched, without headings, lists and tables."""


def index(request: HttpRequest) -> HttpResponse:
    query = {name: request.GET.get(name, "") for name in ("q", "state", "purpose", "sort")}
    page = _page(query, request.GET.get("after"))
    counts = contents_counted(page.items)
    for document in page.items:
        document.contents_count = counts.get(document.id, 0)
    return render(
        request,
        "documents/index.html",
        {
            "page": page,
            "raw_is_shown": principal_of(request).may(Permission.PERSONAL_DATA_READ),
            "query": query,
            "states": RevisionState.values,
            "purposes": Purpose.choices,
            "sorts": SORTS,
            "is_filtered": any(query[name] for name in ("q", "state", "purpose")),
            "is_reading": any(_is_reading(document) for document in page.items),
            "question_columns": QuestionAnswerStep(),
            "upload_help": _(
                "%(formats)s, up to %(limit)d MB each. "
                "A file of a name that exists becomes its next revision."
            )
            % {"formats": READABLE, "limit": settings.KOSHA_MAX_UPLOAD_BYTES // 1024**2},
            "accept": ",".join(TYPE_OF_ENDING),
        },
    )


def _page(query: dict[str, str], after: str | None) -> KeysetPage[Document]:
    rows = document_search(
        text=query["q"].strip(),
        state=query["state"] if query["state"] in RevisionState.values else "",
        purpose=query["purpose"] if query["purpose"] in Purpose.values else "",
    )
    if query["sort"] == "name":
        return documents_by_name(rows, after=after)
    return keyset_page(rows, after=after, order="asc" if query["sort"] == "oldest" else "desc")


def _is_reading(document: Document) -> bool:
    revision = document.current_revision
    return revision is not None and (
        revision.state == RevisionState.UPLOADED or (revision.is_archive and revision.unpacked_at is None)
    )


def detail(request: HttpRequest, document_id: str) -> HttpResponse:
    """Of the current revision, or of the one that `revision` names, as a citation does. An archive has a page of its own."""
    document = document_get(document_id)
    if _is_archive(document):
        return _archive(request, document)
    newest, read = document.current_revision, read_revision(document)
    named = request.GET.get("revision", "")
    revision = revision_get(document, named) if named else newest
    is_current = revision in (newest, read)
    if is_current:
        revision = newest
    else:
        read = revision if revision is not None and revision.state == RevisionState.PROCESSED else None
    return render(
        request,
        "documents/detail.html",
        {
            "document": document,
            "read": read,
            "type_label": type_label(revision),
            "revision": revision,
            "is_current": is_current,
            "revisions": list(revision_list(document)[:50]),
            "is_reading": is_current and _is_reading(document),
            "mode": document_mode(document, principal_of(request)),
            "is_plain": request.GET.get("view") == PLAIN,
            "may_show": may_show(principal_of(request)),
            **_text(document, read, principal_of(request), request.GET.get("page", "")),
        },
    )


def _is_archive(document: Document) -> bool:
    """Also while its next revision is not read."""
    revision = document.current_revision
    assert revision is not None
    is_read = revision.state == RevisionState.PROCESSED
    return revision.is_archive or (not is_read and contents_of(document).exists())


def _archive(request: HttpRequest, document: Document) -> HttpResponse:
    revision = document.current_revision
    documents = contents_of(document).select_related("current_revision__job")
    page = documents_by_name(documents, after=request.GET.get("after"))
    states = dict(documents.order_by().values_list("current_revision__state").annotate(count=Count("pk")))
    return render(
        request,
        "documents/archive.html",
        {
            "document": document,
            "revision": revision,
            "page": page,
            "count": sum(states.values()),
            "unreadable": states.get(RevisionState.FAILED, 0),
            "is_reading": _is_reading(document) or RevisionState.UPLOADED in states,
            "removals_waiting": removals_waiting(revision),
            "mode": document_mode(document, principal_of(request)),
            "raw_is_shown": principal_of(request).may(Permission.PERSONAL_DATA_READ),
        },
    )


def _text(document: Document, read: Revision | None, principal: Principal, after: str) -> dict[str, Any]:
    """Some pages of the text that was read last, and where the next ones begin."""
    if read is None:
        return {"pages": []}
    start = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else 0
    try:
        found, has_more = shown_pages(document, read, principal, after=start, limit=PAGES_SHOWN)
    except PersonalDataUnknown as error:
        return {"pages": [], "withheld": error}
    shown = [page | {"elements": elements_of(page)} for page in found]
    return {
        "pages": shown,
        "has_structure": any(page["elements"] for page in shown),
        "next_page": found[-1]["number"] if found and has_more else None,
        "start": start,
    }


def content(request: HttpRequest, document_id: str) -> StreamingHttpResponse:
    return original_response(document_get(document_id), principal_of(request))


@require_POST
def personal_data(request: HttpRequest, document_id: str) -> HttpResponse:
    document = document_get(document_id)
    mode = request.POST.get("personal_data", "")
    if mode not in get_args(PersonalDataMode):
        raise InvalidRequest("invalid_value", _("Choose one of the two."), param="personal_data")
    try:
        document_mode_set(document=document, mode=mode, principal=principal_of(request))  # type: ignore[arg-type]
    except HeldMasked as error:
        messages.warning(request, str(error.message))
    else:
        messages.success(request, _("Saved. It holds from the next request on."))
    return redirect(document)


@require_POST
def prune(request: HttpRequest, document_id: str) -> HttpResponse:
    """Delete the documents whose files are no longer in the archive."""
    document = document_get(document_id)
    count = archive_prune(archive=document, actor=actor_of(request))
    messages.success(request, _("%(count)d documents were deleted.") % {"count": count})
    return redirect(document)


@require_POST
def delete(request: HttpRequest, document_id: str) -> HttpResponse:
    document = document_get(document_id)
    services.document_delete(document_id=document_id, actor=actor_of(request))
    messages.success(request, _("“%(name)s” was deleted.") % {"name": document.name})
    return redirect("documents:index")
