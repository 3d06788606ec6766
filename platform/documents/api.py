"""/v1/files and /v1/uploads."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import File, Form, Query, Router
from ninja.files import UploadedFile
from pydantic import Field

from accounts.principal import Principal, actor_of, principal_of
from common import wire
from common.errors import InvalidRequest
from common.pagination import MAXIMUM_LIMIT, envelope, keyset_page, list_body
from common.unsupported import UNSUPPORTED, Unsupported
from common.wire import Body, PageQuery, unix
from documents import services, uploads
from documents.masking import document_mode_set
from documents.models import Document, RevisionState, Upload
from documents.picture_answers import page_number, picture_answer
from documents.selectors import contents_of, document_get, document_list, require_processed, revision_get
from documents.showing import (
    document_mode,
    original_response,
    original_sha256,
    original_size,
    shown_pages,
    shown_title,
    shown_warnings,
)
from workers.contract.media_types import TYPE_OF_ENDING
from workers.contract.personal_data import PersonalDataMode
from workers.contract.specs.page_pictures import PICTURE_TYPE

router = Router(tags=["Files"])
FILES = f"""The bytes decide how a file is read. Names end in {", ".join(TYPE_OF_ENDING)}.

A second upload of the same name and purpose is the next revision of the same file: the answer has the id that is known
already, and `revision.number` counts. Folders are part of the name. The files of a ZIP archive become files themselves, named
`archive.zip/folder/name` and with the archive's id as `archive`; the next revision of the archive adds, changes and deletes
them, and so does its deletion. `expires_after` is refused: files stay until they are
deleted."""


WITHHELD = (
    "`personal_data` says whether what comes out of the document is `raw` or `masked`: its text, and in `revision` its `title` "
    "and `warnings`. File names are the uploader's and stay as they are. Where it is masked, `bytes` and `revision.sha256` are "
    "withheld (null), because they tell a right guess of what is hidden from a wrong one."
)


def document_body(document: Document, principal: Principal) -> dict[str, Any]:
    """OpenAI's file object, with Kosha's `revision`, `personal_data` and `archive` beside it."""
    revision = document.current_revision
    assert revision is not None
    failed = revision.state == RevisionState.FAILED
    return {
        "id": document.id,
        "object": "file",
        "bytes": original_size(document, revision, principal),
        "created_at": unix(document.created_at),
        "expires_at": None,
        "filename": document.name,
        "purpose": document.purpose,
        "status": revision.state,
        "status_details": revision.error_message if failed else None,
        "personal_data": document_mode(document, principal),
        "archive": document.archive_id,
        "revision": {
            "id": revision.id,
            "number": revision.number,
            "created_at": unix(revision.created_at),
            "sha256": original_sha256(document, revision, principal),
            "media_type": revision.media_type or None,
            "title": shown_title(document, revision, principal) or None,
            "pages": revision.pages,
            "characters": revision.characters,
            "records": revision.records,
            "files": revision.files,
            "warnings": shown_warnings(document, revision, principal),
            "job": revision.job_id,
            "error": {
                "code": revision.error_code,
                "message": revision.error_message,
                "param": revision.error_param or None,
            }
            if failed
            else None,
        },
    }


class FileQuery(PageQuery):
    purpose: str | None = None
    archive: str | None = None
    """Kosha's: the id of a ZIP archive, for the files that were unpacked from it."""
    limit: int = Field(default=20, ge=1, le=10_000)
    """OpenAI's clients may ask for 10,000; a page holds 100 at most, and says that more follow."""


@router.post("/files", summary="Upload a file", description=FILES)
def file_create(request: HttpRequest, file: File[UploadedFile], purpose: Form[str]) -> dict[str, Any]:
    _refuse_other_parts(request, {"purpose", "file"})
    document = services.document_upload(
        name=file.name or "",
        purpose=purpose,
        chunks=file.chunks(),
        media_type=file.content_type or "",
        actor=actor_of(request),
    )
    return document_body(document, principal_of(request))


@router.get("/files", summary="List files", description=WITHHELD)
def file_list(request: HttpRequest, query: Query[FileQuery]) -> dict[str, Any]:
    rows = contents_of(document_get(query.archive, param="archive")) if query.archive else document_list()
    if query.purpose:
        rows = rows.filter(purpose=query.purpose)
    limit = min(query.limit, MAXIMUM_LIMIT)
    page = keyset_page(rows, after=query.after, limit=limit, order=query.order)
    return list_body(page, partial(document_body, principal=principal_of(request)))


def _refuse_other_parts(request: HttpRequest, known: set[str]) -> None:
    """Unknown parts of a multipart body, as unknown fields of a JSON body, are refused."""
    for name in (*request.POST, *request.FILES):
        if name not in known:
            code = UNSUPPORTED if name.startswith("expires_after") else "unknown_parameter"
            raise InvalidRequest(code, f"{name} is not supported here. Leave it out.", param=name)


@router.get("/files/{file_id}", summary="Retrieve a file", description=WITHHELD)
def file_get(request: HttpRequest, file_id: str) -> dict[str, Any]:
    return document_body(document_get(file_id), principal_of(request))


class FileChange(Body):
    answered_as = "file"

    personal_data: PersonalDataMode
    """Kosha's: `masked` holds until somebody who may publish releases decides for `raw`."""


@router.post("/files/{file_id}", summary="Mask or show the personal data of a file")
def file_update(request: HttpRequest, file_id: str, payload: FileChange) -> dict[str, Any]:
    """Refused for `raw` while a masked vector store has the file."""
    document = document_get(file_id)
    document_mode_set(document=document, mode=payload.personal_data, principal=principal_of(request))
    return document_body(document, principal_of(request))


@router.delete("/files/{file_id}", summary="Delete a file")
def file_delete(request: HttpRequest, file_id: str) -> dict[str, Any]:
    services.document_delete(document_id=file_id, actor=actor_of(request))
    return {"id": file_id, "object": "file", "deleted": True}


@router.get("/files/{file_id}/content", summary="Download the original bytes")
def file_content(request: HttpRequest, file_id: str) -> StreamingHttpResponse:
    """Refused where the personal data of the file is masked; `X-Kosha-Personal-Data` is `raw` otherwise."""
    return original_response(document_get(file_id), principal_of(request))


class PagesQuery(wire.Query):
    after: int = Field(default=0, ge=0)
    limit: int = Field(default=20, ge=1, le=100)


PAGE_FIELDS = (
    "kind", "number", "label", "text", "tables", "headings", "blocks", "width", "height", "text_origin",
    "personal_data",
)  # fmt: skip
READ_BY_EARLIER_RELEASES: dict[str, Any] = {
    "headings": [], "blocks": [], "width": None, "height": None, "text_origin": {"type": "text_layer"},
}  # fmt: skip


@router.get("/files/{file_id}/pages", summary="The extracted text, page by page or sheet by sheet")
def file_pages(request: HttpRequest, file_id: str, query: Query[PagesQuery]) -> dict[str, Any]:
    """`personal_data` of a page says whether its text is `raw` or `masked`.

    `blocks` are ranges (`start`, `end`) of the page's `text`, in its order: headings, paragraphs, list items, tables,
    notes and pictures, with their `level` (1 for the highest), the number of their `table` in `tables` (from 0), their
    `box` in points from the top left of a page of `width` and `height`, and the `confidence` of recognized text.
    `text_origin` says whether the file itself holds the text or it was recognized in a picture (`ocr`, with the page's
    `confidence`). `headings` are those above the page's first block, the highest first. All of it is masked where the text is. A file
    that an earlier release read has none until it is read again.
    """
    document = document_get(file_id)
    revision = require_processed(document, param="file_id")
    found, has_more = shown_pages(
        document, revision, principal_of(request), after=query.after, limit=query.limit
    )
    data = (
        {"object": "file.page", "file_id": file_id}
        | READ_BY_EARLIER_RELEASES
        | {field: value for field, value in page.items() if field in PAGE_FIELDS}
        for page in found
    )
    return envelope(data, has_more=has_more, key="number")


class PictureQuery(wire.Query):
    revision: str = ""
    """The id of an earlier revision; else the current one."""
    again: bool = False
    """Draw the page once more where that has failed."""


@router.get(
    "/files/{file_id}/pages/{number}/picture",
    summary="A page as it looks",
    openapi_extra={
        "responses": {
            200: {
                "description": "OK",
                "content": {PICTURE_TYPE: {"schema": {"type": "string", "format": "binary"}}},
            },
            202: {"description": "It is being drawn: ask again after Retry-After"},
        }
    },
)
def file_page_picture(
    request: HttpRequest, file_id: str, number: str, query: Query[PictureQuery]
) -> HttpResponse:
    """Page `number` of a PDF file or an image as WebP, at 120 dpi. Boxes of `/pages` fit it: page and picture have the same
    proportions.

    Pages are drawn when they are first looked at: until then the answer is 202, with `Retry-After` and the `job` that draws
    the page and its neighbours. A page that cannot be drawn is `page_not_drawn` (409), which stays so until `again` is
    set; files without page pictures answer `no_page_picture` (404). Refused where the personal data of the file is masked.
    """
    document = document_get(file_id)
    if query.revision:
        revision = revision_get(document, query.revision)
    else:
        revision = require_processed(document, param="file_id")
    return picture_answer(request, document, revision, page_number(number), again=query.again)


# -- uploads in parts -----------------------------------------------------------------------
class UploadBody(Body):
    answered_as = "upload"

    filename: str
    bytes: int
    purpose: str
    mime_type: str = Field(max_length=200)
    expires_after: Annotated[Any, Unsupported()] = None


class CompleteBody(Body):
    part_ids: list[str] = Field(min_length=1, max_length=10_000)
    """In the order in which they are joined, each once. A finished upload answers the same `part_ids` and `md5` again,
    and refuses others."""
    md5: str | None = Field(default=None, pattern="^[0-9a-fA-F]{32}$")
    """Of the whole file; the upload is refused if the joined parts have another."""


def upload_body(upload: Upload, principal: Principal) -> dict[str, Any]:
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.size,
        "created_at": unix(upload.created_at),
        "expires_at": unix(upload.expires_at),
        "filename": upload.name,
        "purpose": upload.purpose,
        "mime_type": upload.media_type,
        "status": upload.state,
        "file": document_body(upload.document, principal) if upload.document else None,
    }


@router.post("/uploads", summary="Begin an upload in parts")
def upload_create(request: HttpRequest, payload: UploadBody) -> dict[str, Any]:
    upload = uploads.upload_create(
        name=payload.filename,
        purpose=payload.purpose,
        size=payload.bytes,
        media_type=payload.mime_type,
        actor=actor_of(request),
    )
    return upload_body(upload, principal_of(request))


@router.post("/uploads/{upload_id}/parts", summary="Add a part")
def upload_part(request: HttpRequest, upload_id: str, data: File[UploadedFile]) -> dict[str, Any]:
    _refuse_other_parts(request, {"data"})
    part = uploads.upload_part_add(upload_id=upload_id, chunks=data.chunks(), actor=actor_of(request))
    return {
        "id": part.id,
        "object": "upload.part",
        "created_at": unix(part.created_at),
        "upload_id": part.upload_id,
    }


@router.post("/uploads/{upload_id}/complete", summary="Join the parts into a file")
def upload_complete(request: HttpRequest, upload_id: str, payload: CompleteBody) -> dict[str, Any]:
    upload = uploads.upload_complete(
        upload_id=upload_id, part_ids=payload.part_ids, md5=payload.md5, actor=actor_of(request)
    )
    return upload_body(upload, principal_of(request))


@router.post("/uploads/{upload_id}/cancel", summary="Give an upload up")
def upload_cancel(request: HttpRequest, upload_id: str) -> dict[str, Any]:
    cancelled = uploads.upload_cancel(upload_id=upload_id, actor=actor_of(request))
    return upload_body(cancelled, principal_of(request))
