"""The document pages: the list, the upload, and one document with its revisions and its text."""

from __future__ import annotations

from collections.abc import Mapping
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
from common.error_answers import error_response
from common.errors import Conflict, InvalidRequest, KoshaError, NotFound
from common.next_page import own_page
from common.pagination import KeysetPage, keyset_page
from common.permissions import Permission
from documents import services
from documents.archives import archive_prune, removals_waiting
from documents.kinds import READABLE, type_label
from documents.masking import HeldMasked, document_mode_set, may_show
from documents.models import Document, Purpose, Revision, RevisionState
from documents.picture_answers import page_number, picture_answer
from documents.pictures import has_pictures
from documents.places import Passage, number_in, passage_of
from documents.reading import can_stop_reading, reading_stop
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
from documents.showing import (
    PersonalDataUnknown,
    document_mode,
    original_response,
    shown_pages,
    shown_title,
    shown_warnings,
)
from documents.structure import boxes_of, elements_of, pieces_of
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
    raw_is_shown = principal_of(request).may(Permission.PERSONAL_DATA_READ)
    page = _page(query, request.GET.get("after"), raw_is_shown)
    counts = contents_counted(page.items)
    for document in page.items:
        document.contents_count = counts.get(document.id, 0)
    return render(
        request,
        "documents/index.html",
        {
            "page": page,
            "raw_is_shown": raw_is_shown,
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


def _page(query: dict[str, str], after: str | None, raw_is_shown: bool) -> KeysetPage[Document]:
    rows = document_search(
        text=query["q"].strip(),
        raw_is_shown=raw_is_shown,
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
    principal = principal_of(request)
    return render(
        request,
        "documents/detail.html",
        {
            "document": document,
            "read": read,
            "title": shown_title(document, read, principal) if read else "",
            "warnings": shown_warnings(document, read, principal) if read else [],
            "type_label": type_label(revision),
            "revision": revision,
            "is_current": is_current,
            "revisions": list(revision_list(document)[:50]),
            "is_reading": is_current and _is_reading(document),
            "mode": document_mode(document, principal),
            "is_plain": request.GET.get("view") == PLAIN,
            "may_show": may_show(principal),
            **_text(document, read, principal, request.GET),
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


def _text(
    document: Document, read: Revision | None, principal: Principal, query: Mapping[str, str]
) -> dict[str, Any]:
    """Some pages of the text that was read last, from page `query["page"]` on; one page where its picture stands beside it."""
    if read is None:
        return {"pages": []}
    is_masked = document_mode(document, principal) == "masked"
    beside_picture = has_pictures(read) and not is_masked and query.get("view") != PLAIN
    start = max(1, number_in(query, "page", 1))
    limit = 1 if beside_picture else PAGES_SHOWN
    try:
        found, has_more = shown_pages(document, read, principal, after=start - 1, limit=limit)
    except PersonalDataUnknown as error:
        return {"pages": [], "withheld": error}
    passage = passage_of(query)
    shown = [_shown(page, passage if page["number"] == start else Passage()) for page in found]
    return {
        "pages": shown,
        "beside_picture": beside_picture,
        "picture_is_withheld": has_pictures(read) and is_masked,
        "has_structure": any(page["elements"] for page in shown),
        "start": start,
        "previous_page": max(1, start - limit) if start > 1 else None,
        "next_page": found[-1]["number"] + 1 if found and has_more else None,
    }


def _shown(page: dict[str, Any], passage: Passage) -> dict[str, Any]:
    """The page with what is shown of it. A passage of the masked text has no place in the raw one, nor the other way round."""
    if passage.personal_data != page["personal_data"]:
        passage = Passage()
    return page | {
        "elements": elements_of(page, passage),
        "pieces": pieces_of(page["text"], passage),
        "boxes": boxes_of(page, passage),
    }


def picture(request: HttpRequest, document_id: str, number: str) -> HttpResponse:
    """The picture of a page, as `/v1/files/{id}/pages/{n}/picture`; errors are JSON, for the script that shows it."""
    try:
        document = document_get(document_id)
        named = request.GET.get("revision", "")
        revision = revision_get(document, named) if named else read_revision(document)
        if revision is None:
            raise NotFound
        again = request.GET.get("again") == "true"
        return picture_answer(request, document, revision, page_number(number), again=again)
    except KoshaError as error:
        return error_response(request, error, as_json=True)


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


def stop(request: HttpRequest, document_id: str) -> HttpResponse:
    """GET asks first: lists update themselves, so a dialog in them would be closed."""
    document = document_get(document_id)
    revision = revision_list(document).first()
    assert revision is not None
    if request.method != "POST":
        if not can_stop_reading(revision):
            return redirect(document)
        facts = {"document": document, "revision": revision, "next": own_page(request, request.GET)}
        return render(request, "documents/stop.html", facts)
    try:
        reading_stop(revision=revision, actor=actor_of(request))
        messages.success(request, _("The document is not read any more."))
    except Conflict as error:
        # Most often it has been read meanwhile.
        messages.warning(request, str(error.message))
    return redirect(own_page(request, request.POST) or document)


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
