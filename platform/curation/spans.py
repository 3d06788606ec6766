"""Passages of documents that questions and generated pairs refer to."""

from __future__ import annotations

from django.utils.translation import gettext as _

from common.errors import InvalidRequest, NotFound
from curation.models import QuestionSpan
from documents.models import Document, Revision, RevisionState
from documents.selectors import absent_if_deleted, pages
from documents.showing import label_for_all
from workers.contract.records import Source, Span


def span_check(span: Span, *, param: str) -> tuple[Revision, Span]:
    """The revision that contains the span, and the span with its place as the page itself states it, masked.

    The document stays locked until the transaction ends, so that it is not deleted meanwhile. Raises NotFound where
    there is no such document, revision or page; InvalidRequest `span_out_of_range`.
    """
    given = span.source
    rows = Document.objects.select_for_update(no_key=True).filter(deleted_at=None)
    document = rows.filter(pk=given.document_id).first()
    if document is None:
        raise NotFound(param=f"{param}.source.document_id")
    readable = document.revisions.filter(state=RevisionState.PROCESSED)
    revision: Revision | None = readable.filter(pk=given.revision_id).first()
    if revision is None:
        raise NotFound(param=f"{param}.source.revision_id")
    with absent_if_deleted(document.id):
        found, _has_more = pages(revision, after=given.number - 1, limit=1)
    if not found or found[0]["number"] != given.number:
        raise NotFound(param=f"{param}.source.number")
    [page] = found
    if span.end > len(page["text"]):
        raise InvalidRequest(
            "span_out_of_range",
            _("The passage ends at character %(end)d, but the page has only %(length)d.")
            % {"end": span.end, "length": len(page["text"])},
            param=f"{param}.end",
        )
    with absent_if_deleted(document.id):
        label = label_for_all(revision, page)
    place = {"document_name": document.name, "kind": page["kind"], "label": label, "cells": None}
    return revision, span.model_copy(update={"source": given.model_copy(update=place)})


def span_of(row: QuestionSpan) -> Span:
    """Read it with its `revision` and that one's `document` selected."""
    source = Source(
        document_id=row.revision.document_id,
        revision_id=row.revision_id,
        document_name=row.revision.document.name,
        kind=row.kind,
        number=row.number,
        label=row.label or None,
    )
    return Span(source=source, start=row.start, end=row.end)
