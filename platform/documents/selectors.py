"""Reads: documents, their current revisions, and the pages read from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db.models import Count, Exists, F, Func, OuterRef, Q, QuerySet, TextField, Value
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.errors import Conflict, DeclaredError, NotFound, NotReadyYet
from common.pagination import DEFAULT_LIMIT, KeysetPage, bounded
from common.storage import artifact_path
from documents.kinds import KINDS
from documents.models import Document, Purpose, Revision, RevisionState, Upload
from workers.contract.records import PAGES_FILE

COMPANY_PURPOSES = (Purpose.USER_DATA, Purpose.ASSISTANTS)
_PAGE_BEGIN = re.compile(r'\{"kind": ?"[a-z]+", ?"number": ?([0-9]+),')
PAGES = "pages"
"""The artefact kind under which a revision's extracted text is kept."""


def document_list() -> QuerySet[Document]:
    return Document.objects.filter(deleted_at=None).select_related("current_revision")


def document_get(id: str, *, param: str | None = None) -> Document:
    document = document_list().filter(pk=id).first()
    if document is None:
        raise NotFound(param)
    return document


@contextmanager
def absent_if_deleted(document_id: str) -> Iterator[None]:
    """NotFound if the document was deleted after its row was read and before its files are."""
    try:
        yield
    except FileNotFoundError:
        document_get(document_id)
        raise


def document_search(
    *, text: str = "", state: str = "", purpose: str = "", raw_is_shown: bool = False
) -> QuerySet[Document]:
    """Documents whose name or own title, as it is shown, contains `text`; an empty filter lets everything through.

    `raw_is_shown`: to those who ask, where a document is not masked. Each with the job that reads it, whose state is shown.
    """
    rows = document_list().select_related("current_revision__job").defer("current_revision__job__spec")
    rows = documents_matching(rows, text=text, raw_is_shown=raw_is_shown)
    if state:
        rows = rows.filter(current_revision__state=state)
    if purpose:
        rows = rows.filter(purpose=purpose)
    return rows


def documents_by_name(
    rows: QuerySet[Document], *, after: str | None, limit: int = DEFAULT_LIMIT
) -> KeysetPage[Document]:
    """The page that follows document `after` in the order of names (ids settle equal names)."""
    if after is not None:
        last = Document.objects.filter(pk=after).first()
        if last is None:
            raise NotFound(param="after")
        rows = rows.filter(Q(name__gt=last.name) | Q(name=last.name, pk__gt=last.pk))
    found = list(rows.order_by("name", "pk")[: limit + 1])
    return KeysetPage(found[:limit], len(found) > limit)


def revision_list(document: Document) -> QuerySet[Revision]:
    return document.revisions.select_related("job").order_by("-number")


def revision_get(document: Document, id: str) -> Revision:
    revision = revision_list(document).filter(pk=id).first()
    if revision is None:
        raise NotFound
    return revision


def company_documents() -> QuerySet[Document]:
    """What datasets and knowledge bases are made of: everything but training conversations and archives."""
    rows = document_list().filter(purpose__in=COMPANY_PURPOSES)
    return rows.filter(current_revision__files=None)


def read_revisions() -> QuerySet[Revision]:
    """Of each document the newest revision that has been read: it stands until a newer one has been read.

    An archive has none: its text is that of the documents in it.
    """
    return newest_read().filter(files=None)


def newest_read() -> QuerySet[Revision]:
    """As `read_revisions`, with those of archives."""
    read = Revision.objects.filter(state=RevisionState.PROCESSED)
    newer = read.filter(document=OuterRef("document_id"), number__gt=OuterRef("number"))
    return read.filter(~Exists(newer))


def kept_originals() -> QuerySet[Revision]:
    """Those whose bytes are on the disk. An archive's are erased when its files are documents, each of which may be masked
    or deleted."""
    return Revision.objects.filter(document__deleted_at=None, unpacked_at=None)


def read_revision(document: Document) -> Revision | None:
    """What is shown and used of a document; None before any of its revisions has been read."""
    return read_revisions().filter(document=document).first()


def ready_documents() -> QuerySet[Document]:
    """Company documents of which a revision has been read, also while a newer one waits to be."""
    return company_documents().filter(Exists(read_revisions().filter(document=OuterRef("pk"))))


def documents_matching(
    rows: QuerySet[Document],
    *,
    text: str = "",
    folder: str = "",
    kind: str = "",
    raw_is_shown: bool = False,
) -> QuerySet[Document]:
    """Those of `rows` whose name or title contains `text`, that are in `folder` or below it, and of a kind.

    What is hidden in a title is not found by it, or the answer would tell it; `raw_is_shown` as in `document_search`.
    The folder of a document is the part of its name before the last slash. An empty filter lets everything through.
    """
    if text:
        titles = Q(result__masked_title__icontains=text)
        if raw_is_shown:
            titles |= Q(title__icontains=text, document__is_masked=False)
        titled = read_revisions().filter(titles)
        rows = rows.filter(Q(name__icontains=text) | Q(pk__in=titled.values("document")))
    if folder:
        rows = rows.filter(name__startswith=f"{folder}/")
    if kind:
        rows = rows.filter(pk__in=read_revisions().filter(media_type__in=KINDS[kind][1]).values("document"))
    return rows


def folders_of(rows: QuerySet[Document]) -> list[str]:
    """The folders of `rows` with the folders above them, in order."""
    folder = Func(F("name"), Value("/[^/]*$"), Value(""), function="regexp_replace", output_field=TextField())
    held = rows.filter(name__contains="/").order_by().values_list(folder, flat=True).distinct()
    found = set()
    for path in held:
        parts = path.split("/")
        found |= {"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
    return sorted(found - {""})


def documents_by_id(ids: list[str], *, param: str) -> list[Document]:
    """The documents in the order asked for, each once; NotFound names the first that does not exist."""
    found = {document.id: document for document in document_list().filter(pk__in=set(ids))}
    for position, id in enumerate(ids):
        if id not in found:
            raise NotFound(param=f"{param}.{position}")
    return [found[id] for id in dict.fromkeys(ids)]


class DocumentNotReady(DeclaredError, NotReadyYet):
    code = "document_not_ready"
    message = gettext_lazy("This document is still being read. Try again when its status is processed.")


def contents_of(archive: Document) -> QuerySet[Document]:
    return document_list().filter(archive=archive)


def contents_counted(documents: Iterable[Document]) -> dict[str, int]:
    """How many documents each archive has, by its id."""
    rows = document_list().filter(archive__in=[document.pk for document in documents])
    return dict(rows.order_by().values_list("archive").annotate(count=Count("pk")))


class DocumentIsArchive(DeclaredError, Conflict):
    code = "document_is_archive"
    message = gettext_lazy("This is an archive, which has no text itself. Choose the documents in it.")


def require_processed(document: Document, *, param: str) -> Revision:
    """The current revision, once its text has been read."""
    revision = document.current_revision
    assert revision is not None
    if revision.is_archive:
        raise DocumentIsArchive(param)
    if revision.state == RevisionState.FAILED:
        raise Conflict(
            "document_unreadable",
            _("This document could not be read (%(code)s). Upload a corrected file or leave it out."),
            param=param,
            values={"code": revision.error_code},
        )
    if revision.state != RevisionState.PROCESSED:
        raise DocumentNotReady(param)
    return revision


def upload_get(id: str) -> Upload:
    upload = Upload.objects.select_related("document__current_revision").filter(pk=id).first()
    if upload is None:
        raise NotFound
    return upload


def pages_folder(revision: Revision) -> Path:
    return artifact_path(revision.organization_id, PAGES, revision.id)


def pages_path(revision: Revision) -> Path:
    return pages_folder(revision) / PAGES_FILE


def pages(revision: Revision, *, after: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Up to `limit` pages that follow page number `after`, and whether more follow.

    They end early where they would hold more characters than a list may hold bytes.
    """
    with open(pages_path(revision), encoding="utf-8") as lines:
        following = ((json.loads(line), len(line)) for line in lines if _number_of(line) > after)
        found, has_more = bounded(following, lambda each: each[1], limit=limit)
    return [page for page, _length in found], has_more


def page_in(folder: Path, number: int) -> dict[str, Any] | None:
    """Page `number` of the text in a revision's folder."""
    with open(folder / PAGES_FILE, encoding="utf-8") as lines:
        found = next((line for line in lines if _number_of(line) == number), None)
    return json.loads(found) if found is not None else None


def _number_of(line: str) -> int:
    """The number of the page that a line holds, without reading the line: of thousands a few are wanted."""
    begin = _PAGE_BEGIN.match(line)
    return int(begin[1]) if begin else int(json.loads(line)["number"])
