"""Uploads from the console: a form, and the tus protocol (https://tus.io, version 1.0) for the script beside it.

The script sends every file by tus, a small one in one request (creation-with-upload). A chunk that did not arrive whole is
sent again from the offset that HEAD names.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.principal import actor_of
from common.error_answers import error_response
from common.errors import InvalidRequest, KoshaError
from documents.models import Document, Purpose, Upload, UploadState
from documents.resumable import LIFETIME, upload_append, upload_offset
from documents.selectors import upload_get
from documents.services import document_upload
from documents.taking import purpose_of
from documents.uploads import pending_upload, upload_cancel, upload_create

VERSION = "1.0.0"
CHUNK_TYPE = "application/offset+octet-stream"
READ_BYTES = 256 * 1024


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """One file of a form, where no script runs."""
    file = request.FILES.get("file")
    if file is None:
        raise InvalidRequest("no_file", _("No file was sent. Choose a file and try again."), param="file")
    name = file.name or ""
    document = document_upload(
        name=name,
        purpose=purpose_of(name, Purpose.USER_DATA),
        chunks=file.chunks(),
        media_type=file.content_type or "",
        actor=actor_of(request),
    )
    if document.is_unchanged:
        messages.info(request, _("No change: the newest revision has the same content."))
    else:
        messages.success(request, _("The file was received and is being read."))
    return redirect("documents:index")


# -- tus ------------------------------------------------------------------------------------
def begin(request: HttpRequest) -> HttpResponse:
    """A new upload, with its first bytes where the request has a body."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        _check_version(request)
        return _begin(request)
    except KoshaError as error:
        return _refused(request, error)


def _begin(request: HttpRequest) -> HttpResponse:
    size, metadata = _number(request, "Upload-Length"), _metadata(request)
    name, media_type = metadata.get("filename", ""), metadata.get("filetype", "")
    has_bytes = request.content_type == CHUNK_TYPE
    if has_bytes and request.headers.get("Content-Length") == str(size):
        document = document_upload(
            name=name,
            purpose=purpose_of(name, Purpose.USER_DATA),
            chunks=_body(request),
            media_type=media_type,
            actor=actor_of(request),
        )
        return _answer(
            201, {"Location": document.get_absolute_url(), "Upload-Offset": size, **_about(document)}
        )
    upload = upload_create(
        name=name,
        purpose=purpose_of(name, Purpose.USER_DATA),
        size=size,
        media_type=media_type,
        actor=actor_of(request),
        lifetime=LIFETIME,
    )
    if has_bytes:
        upload = upload_append(upload_id=upload.id, offset=0, chunks=_body(request), actor=actor_of(request))
    return _answer(201, {"Location": reverse("documents:resume", args=[upload.id]), **_state(upload)})


def proceed(request: HttpRequest, upload_id: str) -> HttpResponse:
    """HEAD tells how far the upload is, PATCH goes on, DELETE gives it up."""
    try:
        upload = upload_get(upload_id)
        if request.method in ("HEAD", "GET"):
            if upload.state != UploadState.COMPLETED:
                pending_upload(upload)
            return _answer(200, {"Upload-Length": upload.size, "Cache-Control": "no-store", **_state(upload)})
        _check_version(request)
        if request.method == "PATCH":
            return _answer(204, _state(_append(request, upload_id)))
        if request.method == "DELETE":
            upload_cancel(upload_id=upload_id, actor=actor_of(request))
            return _answer(204, {})
    except KoshaError as error:
        return _refused(request, error)
    return HttpResponseNotAllowed(["HEAD", "PATCH", "DELETE"])


def _append(request: HttpRequest, upload_id: str) -> Upload:
    if request.content_type != CHUNK_TYPE:
        raise InvalidRequest(
            "invalid_value", _("A chunk has the type %(type)s.") % {"type": CHUNK_TYPE}, param="Content-Type"
        )
    return upload_append(
        upload_id=upload_id,
        offset=_number(request, "Upload-Offset"),
        chunks=_body(request),
        actor=actor_of(request),
    )


def _check_version(request: HttpRequest) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise InvalidRequest(
            "invalid_value",
            _("The upload protocol is tus %(version)s.") % {"version": VERSION},
            param="Tus-Resumable",
        )


def _number(request: HttpRequest, name: str) -> int:
    stated = request.headers.get(name, "")
    if not (stated.isascii() and stated.isdigit() and len(stated) < 16):
        raise InvalidRequest(
            "invalid_value", _("The header %(name)s must be a number of bytes.") % {"name": name}, param=name
        )
    return int(stated)


def _metadata(request: HttpRequest) -> dict[str, str]:
    """`key base64, key base64`: what is known of the file."""
    found = {}
    for pair in request.headers.get("Upload-Metadata", "").split(","):
        key, _space, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidRequest(
                "invalid_value", _("The values of this header are text in Base64."), param="Upload-Metadata"
            ) from error
    return found


def _body(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(READ_BYTES):
        yield chunk


def _state(upload: Upload) -> dict[str, str | int]:
    about = (
        _about(upload.document)
        if upload.document
        else {"Upload-Expires": http_date(upload.expires_at.timestamp())}
    )
    return {"Upload-Offset": upload_offset(upload), **about}


def _about(document: Document) -> dict[str, str | int]:
    """For the script: where the document is, and whether nothing has changed."""
    return {"Kosha-Document": document.get_absolute_url(), "Kosha-Unchanged": int(document.is_unchanged)}


def _answer(status: int, headers: dict[str, str | int]) -> HttpResponse:
    answer = HttpResponse(status=status, headers={"Tus-Resumable": VERSION})
    for name, value in headers.items():
        answer[name] = str(value)
    return answer


def _refused(request: HttpRequest, error: KoshaError) -> HttpResponse:
    answer = error_response(request, error, as_json=True)
    answer["Tus-Resumable"] = VERSION
    return answer
