"""How a page's picture is answered, by the API and the console: the image, or how far its drawing is."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _

from accounts.principal import actor_of, principal_of
from common.errors import NotFound
from documents.models import Document, PagePictures, Revision
from documents.pictures import page_pictures, picture_path
from documents.selectors import absent_if_deleted
from documents.showing import HEADER
from jobs.models import Job
from jobs.transitions import JobState
from jobs.waiting import Reason, waiting_of
from workers.contract.specs.page_pictures import PICTURE_TYPE

RETRY_AFTER = 1
"""Seconds."""


def picture_answer(
    request: HttpRequest, document: Document, revision: Revision, number: int, *, again: bool
) -> HttpResponse:
    """200 with the image, or 202 while it is drawn. Raises as `page_pictures` does."""
    found = page_pictures(
        document=document,
        revision=revision,
        number=number,
        principal=principal_of(request),
        actor=actor_of(request),
        again=again,
    )
    if found.is_building:
        return JsonResponse(_waiting_body(found), status=202, headers={"Retry-After": str(RETRY_AFTER)})
    with absent_if_deleted(document.id):
        content = picture_path(found, number).read_bytes()
    etag = f'"{found.manifest_sha256[:32]}-{number}"'
    response = get_conditional_response(request, etag=etag) or HttpResponse(
        content, content_type=PICTURE_TYPE
    )
    # Asked for each time, because the document may be masked by then; sent only once.
    for name, value in (("ETag", etag), ("Cache-Control", "private, no-cache"), (HEADER, "raw")):
        response[name] = value
    return response


def _waiting_body(found: PagePictures) -> dict[str, object]:
    job = found.job
    return {
        "object": "file.page.picture",
        "status": "queued" if job.state == JobState.QUEUED else "in_progress",
        "job": job.id,
        "message": _message(job),
    }


def _message(job: Job) -> str:
    """What is waited for, in the reader's language."""
    waits = waiting_of([job]).get(job.id)
    if waits is not None and waits.reason is not Reason.SOON:
        return " ".join((_("The page waits to be drawn."), waits.message))
    if not job.progress_done:
        return _("The page is being drawn.")
    done = {"done": int(job.progress_done), "total": int(job.progress_total or 0)}
    return _("The page is being drawn with its neighbours: %(done)d of %(total)d.") % done


def page_number(text: str) -> int:
    """Raises NotFound for what is no number of a page."""
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise NotFound
    return int(text)
