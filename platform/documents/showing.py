"""How a document's text is shown: raw, or with tokens in place of personal data.

Both the API and the console read pages and originals through this module; `documents/masking.py` says what is masked.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from common.downloads import file_response
from common.errors import Conflict, DeclaredError
from common.permissions import Permission
from common.storage import blob_path
from documents.models import Document, Revision
from documents.selectors import absent_if_deleted, contents_of, pages, pages_folder
from workers.contract.personal_data import (
    PERSONAL_DATA_FILE,
    PageFinds,
    PersonalDataMode,
    by_page,
    masked_page,
    read_finds,
)
from workers.contract.records import Page

HEADER = "X-Kosha-Personal-Data"
"""Says of a download whether it is `raw` or `masked`."""


class OriginalWithheld(DeclaredError):
    """An original cannot be masked."""

    status = 403
    type = "permission_error"
    code = "original_withheld"
    message = _(
        "The personal data of this document is masked, and an original cannot be. Read its text here, or ask an "
        "administrator to have it shown."
    )


class ArchiveNotKept(DeclaredError, Conflict):
    code = "archive_not_kept"
    message = _("An archive is not kept once its files are documents. Download those.")


class PersonalDataUnknown(DeclaredError, Conflict):
    """An earlier release read the document."""

    code = "personal_data_unknown"
    message = _(
        "This document was read before personal data was looked for, so its text cannot be masked. Delete the document "
        "and upload it again."
    )


def document_mode(document: Document, principal: Principal) -> PersonalDataMode:
    """`raw` for those with the right, unless the document or one in the archive is masked."""
    is_raw = principal.may(Permission.PERSONAL_DATA_READ) and not _is_masked(document)
    return "raw" if is_raw else "masked"


def _is_masked(document: Document) -> bool:
    revision = document.current_revision
    is_archive = revision is not None and revision.is_archive
    return document.is_masked or (is_archive and contents_of(document).filter(is_masked=True).exists())


def original_size(document: Document, revision: Revision, principal: Principal) -> int | None:
    """Bytes of the original; None where it is masked: size and hash tell a right guess of what is hidden from a wrong one."""
    return revision.size if document_mode(document, principal) == "raw" else None


def original_sha256(document: Document, revision: Revision, principal: Principal) -> str | None:
    """Hex, or None where it is masked."""
    return revision.sha256 if document_mode(document, principal) == "raw" else None


def shown_title(document: Document, revision: Revision, principal: Principal) -> str:
    """The title that the document gives itself; empty without one, and where an earlier release read what is masked."""
    is_raw = document_mode(document, principal) == "raw"
    return revision.title if is_raw else str(revision.result.get("masked_title") or "")


def shown_warnings(document: Document, revision: Revision, principal: Principal) -> list[str]:
    """What reading warns of. It names sheets and attachments."""
    if document_mode(document, principal) == "raw":
        return list(revision.warnings)
    told = revision.result.get("masked_warnings") or ()
    # Those that the unpacking of an archive has added are not among them: they name files.
    masked = dict(zip(revision.result.get("warnings", ()), told, strict=False))
    return [masked.get(each, each) for each in revision.warnings]


def label_for_all(revision: Revision, page: dict[str, Any]) -> str | None:
    """The page's own name, masked: for what is stored and shown to everybody. None also where it cannot be masked."""
    try:
        found: str | None = masked_as("masked", pages_folder(revision), page)["label"]
    except PersonalDataUnknown:
        return None
    return found


def shown_pages(
    document: Document, revision: Revision, principal: Principal, *, after: int, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """As `pages`; each page says in `personal_data` how its text is shown. Raises PersonalDataUnknown."""
    mode = document_mode(document, principal)
    with absent_if_deleted(document.id):
        found, has_more = pages(revision, after=after, limit=limit)
        if mode == "masked":
            finds = _finds(pages_folder(revision), {page["number"] for page in found})
            found = [_masked(page, finds.get(page["number"], PageFinds())) for page in found]
    return [page | {"personal_data": mode} for page in found], has_more


def masked_as(mode: PersonalDataMode, folder: Path, page: dict[str, Any]) -> dict[str, Any]:
    """The page of a revision's folder of pages. Raises PersonalDataUnknown, FileNotFoundError."""
    if mode == "raw":
        return page
    return _masked(page, _finds(folder, {page["number"]}).get(page["number"], PageFinds()))


def _finds(folder: Path, numbers: Collection[int]) -> dict[int, PageFinds]:
    path = folder / PERSONAL_DATA_FILE
    if path.parent.exists() and not path.exists():
        raise PersonalDataUnknown
    with open(path, encoding="utf-8") as lines:
        return by_page(find for find in read_finds(lines) if find.page in numbers)


def _masked(page: dict[str, Any], finds: PageFinds) -> dict[str, Any]:
    return masked_page(Page.model_validate(page), finds).model_dump(mode="json")


def original_response(document: Document, principal: Principal) -> StreamingHttpResponse:
    """The original bytes, always as a download: an uploaded HTML file must not run here. Raises OriginalWithheld."""
    if document_mode(document, principal) == "masked":
        raise OriginalWithheld
    revision = document.current_revision
    assert revision is not None
    if revision.is_archive:
        raise ArchiveNotKept
    with absent_if_deleted(document.id):
        response = file_response(blob_path(document.organization_id, revision.sha256), name=document.name)
    response[HEADER] = "raw"
    return response
